/** Routes for operators: health, figures, models. */
import type { FastifyInstance } from 'fastify';
import type { HyperIQA } from 'hyperiqa';
import type { routeSchemas } from '../api/schemas.js';
import type { Service } from '../service/service.js';

export function operations(fastify: FastifyInstance, service: Service, schemas: ReturnType<typeof routeSchemas>) {
  const { scorers, metrics } = service;

  return {
    /** Routes that need no token. */
    health(): void {
      const quiet = { logLevel: 'warn' } as const;
      fastify.get('/healthz', { schema: schemas.healthz, ...quiet }, (_request, reply) => reply.send({ status: 'ok' }));
      fastify.get('/readyz', { schema: schemas.readyz, ...quiet }, (_request, reply) => {
        const { state } = service;
        if (state === 'ready') return reply.send({ status: state });
        const reason = state === 'failed' ? { reason: scorers.failure?.code } : {};
        return reply
          .code(503)
          .header('retry-after', '5')
          .send({ status: state, ...reason });
      });
    },

    figures(): void {
      fastify.get('/metrics', { schema: schemas.metrics, logLevel: 'warn' }, async (_request, reply) => {
        void reply.type(metrics.registry.contentType);
        return reply.serializer((text) => text as string).send(await metrics.registry.metrics());
      });
      fastify.get('/v1/info', { schema: schemas.info }, (_request, reply) => {
        const { faces, urls, docs, limits } = service.options;
        const { bodyBytes, images, pixels, crops } = limits;
        return reply.send({
          models: scorers.names.map((name, index) => ({
            name,
            default: index === 0,
            ...described(scorers.models.get(name)),
          })),
          faces: faces !== false,
          urls: urls !== undefined,
          docs,
          limits: { bodyBytes, images, pixels, crops },
        });
      });
    },
  };
}

function described(iqa: HyperIQA | undefined) {
  if (iqa === undefined) {
    return { ready: false, model: null, score: null, protocol: null, devices: null, dtype: null, selfCheck: null };
  }
  const { model, devices, dtype, selfCheck } = iqa.info;
  const { name, version, sha256, weightsSha256, training } = model;
  return {
    ready: true,
    model: { name, version, sha256, weightsSha256, trainedOn: training.dataset },
    score: model.score,
    protocol: model.protocol.name,
    devices: devices.map(({ id }) => id),
    dtype,
    selfCheck: selfCheck && {
      passed: selfCheck.passed,
      largestDifference: selfCheck.largestDifference,
      tolerance: selfCheck.tolerance,
    },
  };
}
