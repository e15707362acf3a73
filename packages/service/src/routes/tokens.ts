/** Bearer tokens. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { ServiceError } from '../errors.js';

/** Refuses requests without one of the tokens. The comparison takes equally long whatever is sent. */
export function requireToken(fastify: FastifyInstance, tokens: readonly string[]): void {
  const known = tokens.map(digest);
  fastify.addHook('onRequest', async (request, reply) => {
    const sent = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const given = digest(sent);
    // Every token is compared each time, so that the time tells nothing of which one fits.
    const matches = known.filter((token) => timingSafeEqual(token, given));
    if (matches.length > 0) return;
    void reply.header('www-authenticate', 'Bearer');
    throw new ServiceError('ERR_UNAUTHORIZED', 'A valid bearer token is needed: Authorization: Bearer TOKEN.');
  });
}

const digest = (token: string) => createHash('sha256').update(token).digest();
