/** A server of its own around the plugin. */
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import type { ServiceOptions } from '../settings/options.js';
import { hyperiqaService } from '../routes/plugin.js';
import { requestId } from '../routes/index.js';
import { deferContinue } from '../intake/continue.js';

export interface ServerOptions extends ServiceOptions {
  /** Logger as in Fastify. Default: none. */
  logger?: FastifyServerOptions['logger'];
}

/**
 * Makes a Fastify server with the plugin; the caller lets it listen. Closing it answers every accepted request first.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT
 */
export async function createServer({ logger = false, ...options }: ServerOptions = {}): Promise<FastifyInstance> {
  const app = Fastify({
    logger,
    genReqId: requestId,
    forceCloseConnections: 'idle',
    // Above the idle time of usual load balancers, so that they close a connection first.
    keepAliveTimeout: 75_000,
    // Heads that never end; bodies have a time of their own.
    http: { headersTimeout: 20_000 },
    requestTimeout: requestTimeout(options),
    routerOptions: { ignoreTrailingSlash: true },
  });
  deferContinue(app.server);
  await app.register(hyperiqaService, options);
  await app.ready();
  return app;
}

/** Milliseconds after which Node.js cuts a request that is still being received: when its answer is overdue anyway. */
function requestTimeout({ limits: { requestMs = 60_000, bodyMs = 30_000 } = {} }: ServiceOptions): number {
  return requestMs + bodyMs + 5000;
}
