/** The page for people: a few files that are part of this package. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import type { FastifyInstance } from 'fastify';

const FOLDER = new URL('../page/', import.meta.url);
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Content-security policy: no sources from elsewhere, nothing inline; photographs come from the browser's memory. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

export function pageRoutes(fastify: FastifyInstance): void {
  for (const file of readdirSync(FOLDER)) {
    const type = TYPES[extname(file)];
    if (type === undefined) continue;
    const url = file === 'index.html' ? '/' : `/${file}`;
    const content = readFileSync(new URL(file, FOLDER));
    const tag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
    fastify.get(url, { schema: { hide: true } }, (request, reply) => {
      // The files beside the page are named from its folder.
      const [path = ''] = request.url.split('?');
      if (url === '/' && !path.endsWith('/')) return reply.redirect(`${path.split('/').at(-1) ?? ''}/`, 308);
      void reply
        .headers({ etag: tag, 'cache-control': 'no-cache', 'referrer-policy': 'no-referrer' })
        .header('content-security-policy', POLICY);
      if (request.headers['if-none-match'] === tag) return reply.code(304).send();
      return reply.type(type).send(content);
    });
  }
}
