/** The Fastify plugin. */
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { checkOptions, type ServiceOptions } from '../settings/options.js';
import { routes } from './index.js';
import { decoratorOf, Service, type HyperIQADecorator } from '../service/service.js';

declare module 'fastify' {
  interface FastifyInstance {
    hyperiqa: HyperIQADecorator;
  }
}

/**
 * Scores over HTTP. Decorates the instance with `hyperiqa`; routes, hooks, parsers and the error handler stay in a context of
 * their own, below `prefix`. Models are loaded in the background: until then requests for scores are answered with 503.
 *
 * ```js
 * await app.register(hyperiqaService, { prefix: '/quality' });
 * await app.hyperiqa.loaded;
 * ```
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT (from `register`, as Fastify hands errors of plugins over)
 */
export const hyperiqaService = fastifyPlugin(
  async (fastify: FastifyInstance, options: ServiceOptions) => {
    const checked = checkOptions(options);
    const service = new Service(checked);
    fastify.decorate('hyperiqa', decoratorOf(service));
    // Before the server stops listening.
    fastify.addHook('preClose', () => service.drain());
    fastify.addHook('onClose', () => service.close());
    await fastify.register(routes(service), { prefix: checked.prefix });
  },
  { fastify: '5.x', name: '@hyperiqa/service' },
);
