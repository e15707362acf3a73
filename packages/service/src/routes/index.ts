/** All routes, in one context of their own. */
import { randomUUID } from 'node:crypto';
import cors from '@fastify/cors';
import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { detectQuery, mapQuery, scoreQuery, urlBody } from '../api/parameters.js';
import { routeSchemas } from '../api/schemas.js';
import type { Service } from '../service/service.js';
import { compiler } from './validation.js';
import { requireToken } from './tokens.js';
import { answerErrors } from './errors.js';
import { documentation } from './documentation.js';
import { imageRoutes } from './images.js';
import { operations } from './operations.js';
import { pageRoutes } from './page.js';

export const routes =
  (service: Service): FastifyPluginAsync =>
  async (fastify) => {
    const { options, scorers, metrics } = service;
    const { limits, urls, tokens } = options;
    const schemas = routeSchemas(
      {
        score: scoreQuery(scorers.names, limits, options.faces !== false),
        faces: detectQuery,
        map: mapQuery(scorers.names),
      },
      urls && urlBody(limits),
    );
    fastify.setValidatorCompiler(compiler());
    // Answers are made here, by types; a serializer of their schemas would only repeat them.
    fastify.setSerializerCompiler(() => (value) => JSON.stringify(value));
    answerErrors(fastify, service);
    fastify.addHook('onRequest', (request, reply, done) => {
      void reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff');
      done();
    });
    fastify.addHook('onResponse', (request, reply, done) => {
      const status = reply.raw.writableFinished ? reply.statusCode : 499;
      metrics.answered(request.method, request.routeOptions.url ?? 'unknown', status, reply.elapsedTime / 1000);
      done();
    });
    if (options.cors.length > 0) {
      await fastify.register(cors, {
        origin: [...options.cors],
        exposedHeaders: ['retry-after', 'x-request-id'],
        maxAge: 600,
      });
    }
    if (options.docs) await fastify.register(documentation(service));
    await fastify.register((open, _, done) => {
      operations(open, service, schemas).health();
      if (options.page) pageRoutes(open);
      done();
    });
    await fastify.register(async (guarded: FastifyInstance) => {
      if (tokens.length > 0) requireToken(guarded, tokens);
      operations(guarded, service, schemas).figures();
      await guarded.register(async (images: FastifyInstance) => {
        images.removeAllContentTypeParsers();
        await images.register(multipart);
        imageRoutes(images, service, schemas);
      });
    });
  };

/** The id of a request: that of the proxy where it is a harmless text, else a new one. */
export function requestId({ headers }: { headers: Record<string, string | string[] | undefined> }): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}
