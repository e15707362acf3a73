/** `Expect: 100-continue`: a client that asks is told to send its body when there is room for it. */
import type { IncomingMessage, Server } from 'node:http';

/** Requests whose clients wait to be told. */
export const awaitsContinue = new WeakSet<IncomingMessage>();

/** Leaves the telling to the routes that read bodies. Node.js would tell every client at once. */
export function deferContinue(server: Server): void {
  server.on('checkContinue', (request, response) => {
    awaitsContinue.add(request);
    server.emit('request', request, response);
  });
}
