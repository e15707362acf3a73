/** The description of the API (OpenAPI 3.1), and a page to try it. */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { components } from '../api/schemas.js';
import type { Service } from '../service/service.js';
import { serviceVersion } from './version.js';

/** Registered in the context of the routes, which it describes. */
export const documentation = (service: Service): FastifyPluginAsync =>
  fastifyPlugin(async (fastify: FastifyInstance) => {
    const { tokens } = service.options;
    const bearer = { bearer: { type: 'http', scheme: 'bearer' } } as const;
    await fastify.register(swagger, {
      convertConstToEnum: false,
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'hyperiqa',
          version: serviceVersion,
          description: 'No-reference quality scores of photographs.',
          license: { name: 'MIT', identifier: 'MIT' },
        },
        tags: [
          { name: 'images', description: 'Photographs in, results out.' },
          { name: 'service', description: 'For operators.' },
        ],
        components: {
          schemas: components as never,
          ...(tokens.length > 0 && { securitySchemes: bearer }),
        },
        ...(tokens.length > 0 && { security: [{ bearer: [] }] }),
      },
    });
    await fastify.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: {
        'default-src': ["'none'"],
        'script-src': ["'self'"],
        // Swagger UI sets styles of its own elements.
        'style-src': ["'self'", "'unsafe-inline'"],
        'img-src': ["'self'", 'data:', 'blob:'],
        'font-src': ["'self'", 'data:'],
        'connect-src': ["'self'"],
        'base-uri': ["'none'"],
        'form-action': ["'none'"],
        'frame-ancestors': ["'none'"],
      },
      uiConfig: {
        layout: 'BaseLayout',
        deepLinking: false,
        tryItOutEnabled: true,
        validatorUrl: null,
        defaultModelsExpandDepth: 0,
      },
      theme: { title: 'hyperiqa API' },
    });
  });
