/** The end of a server by SIGINT and SIGTERM. */
import type { FastifyInstance } from 'fastify';

/**
 * Waits for a signal, and then until the server has answered every accepted request; new ones are refused meanwhile.
 *
 * @param milliseconds - For that long at most. A second signal ends the waiting, too.
 * @returns the exit code: 0, or 1 where a request was left unanswered
 */
export async function untilShutDown(app: FastifyInstance, milliseconds: number): Promise<number> {
  const name = await nextSignal();
  app.log.info({ signal: name }, 'shutting down');
  let timer: NodeJS.Timeout | undefined;
  const over = Promise.race([
    nextSignal(),
    new Promise((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    }),
  ]);
  // Requests are refused by a server that still listens, so that a balancer gets an answer instead of a broken connection.
  const drained = await Promise.race([app.hyperiqa.drain().then(() => true), over.then(() => false)]);
  clearTimeout(timer);
  if (!drained) app.log.warn('requests are left unanswered');
  if (!drained) app.server.closeAllConnections();
  await app.close();
  app.log.info('shut down');
  return drained ? 0 : 1;
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const names = ['SIGINT', 'SIGTERM'] as const;
    const heard = (name: NodeJS.Signals) => {
      for (const other of names) process.off(other, heard);
      resolve(name);
    };
    for (const name of names) process.on(name, heard);
  });
}
