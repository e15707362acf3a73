/** Errors as answers. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { failureOf, ServiceError, type Failure } from '../errors.js';
import { discardBody } from '../intake/work.js';
import type { Service } from '../service/service.js';

/** Milliseconds for which a refused body is discarded after the answer, or before one that closes the connection. */
const AFTER = 5000;
const BEFORE = 1000;

export function answerErrors(fastify: FastifyInstance, service: Service): void {
  fastify.setErrorHandler(async (error, request, reply) => {
    if (error instanceof Error && 'validation' in error) {
      return refuse(request, reply, { status: 400, code: 'ERR_INVALID_ARGUMENT', message: error.message }, service);
    }
    const failure = failureOf(error);
    if (failure.status === 500) request.log.error({ err: error }, 'failed');
    return refuse(request, reply, failure, service);
  });
  fastify.setNotFoundHandler(async (request, reply) =>
    refuse(request, reply, failureOf(new ServiceError('ERR_NOT_FOUND', 'There is nothing here.')), service),
  );
}

async function refuse(request: FastifyRequest, reply: FastifyReply, failure: Failure, service: Service) {
  const { status, code, message, retryAfter } = failure;
  request.log.info({ code }, message);
  if (retryAfter !== undefined) void reply.header('retry-after', String(retryAfter));
  // Close the connection rather than wait for the rest of a slow body.
  const closes = service.state === 'draining' || status === 408 || code === 'ERR_TIMEOUT';
  if (closes) {
    void reply.header('connection', 'close');
    await discardBody(request.raw, BEFORE);
  } else {
    void discardBody(request.raw, AFTER).then((ended) => {
      if (!ended) request.raw.destroy();
    });
  }
  return reply.code(status).send({ error: { code, message } });
}
