/** The page for people: a few files that are part of this package. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';

const FILES = {
  '/': { file: 'index.html', type: 'text/html; charset=utf-8' },
  '/page.css': { file: 'page.css', type: 'text/css; charset=utf-8' },
  '/page.js': { file: 'page.js', type: 'text/javascript; charset=utf-8' },
  '/icon.svg': { file: 'icon.svg', type: 'image/svg+xml' },
} as const;

/** Nothing from elsewhere, and nothing inline; photographs are shown from the browser's memory. */
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
  for (const [url, { file, type }] of Object.entries(FILES)) {
    const content = readFileSync(new URL(`../page/${file}`, import.meta.url));
    const tag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
    fastify.get(url, { schema: { hide: true } as object }, async (request, reply) => {
      void reply
        .headers({ etag: tag, 'cache-control': 'no-cache', 'referrer-policy': 'no-referrer' })
        .header('content-security-policy', POLICY);
      if (request.headers['if-none-match'] === tag) return reply.code(304).send();
      return reply.type(type).send(content);
    });
  }
}
