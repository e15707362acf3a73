/** The plugin in an application that has routes of its own. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Fastify from 'fastify';
import type { HyperIQA } from 'hyperiqa';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { hyperiqaService, type ServiceOptions } from '../src/index.js';
import { image, loadModel, root } from './server.js';

let iqa: HyperIQA;
beforeAll(async () => {
  iqa = await loadModel();
});
afterAll(() => iqa.dispose());

async function application(options: ServiceOptions = {}) {
  const app = Fastify();
  onTestFinished(() => app.close());
  await app.register(hyperiqaService, { models: { default: iqa }, faces: false, ...options });
  return app;
}

test('decorates the application, and leaves the rest of it alone', async () => {
  const app = await application({ prefix: '/quality' });
  app.post('/own', async (request) => {
    const { path } = request.body as { path: string };
    const { score } = await app.hyperiqa.scorer.score(path, { crops: 1 });
    return { score };
  });
  app.get('/fails', () => {
    throw new Error('own words');
  });
  await app.hyperiqa.loaded;
  // Bodies of JSON are still parsed, and errors are still Fastify's own.
  const path = join(root, 'test/fixtures/images/jpeg-420.jpg');
  expect((await app.inject({ method: 'POST', url: '/own', payload: { path } })).json()).toEqual({
    score: expect.any(Number) as number,
  });
  const failed = await app.inject('/fails');
  expect(failed.json()).toMatchObject({ statusCode: 500, message: 'own words' });
  expect(failed.headers).not.toHaveProperty('x-request-id');
  expect((await app.inject('/nowhere')).json()).toMatchObject({ error: 'Not Found' });
  expect((await app.inject('/quality/nowhere')).json()).toMatchObject({ error: { code: 'ERR_NOT_FOUND' } });
  const scored = await app.inject({
    method: 'POST',
    url: '/quality/v1/score?crops=1',
    headers: { 'content-type': 'image/jpeg' },
    payload: image('jpeg-420.jpg'),
  });
  expect(scored.statusCode).toBe(200);
  expect((await app.inject('/v1/info')).statusCode).toBe(404);
});

test.each<[string, object, string]>([
  ['an unknown option', { modls: {} }, 'modls'],
  ['no model', { models: {} }, 'at least one'],
  ['a name with a slash', { models: { 'a/b': {} } }, 'a/b'],
  ['a limit that is none', { limits: { active: 0 } }, 'limits.active'],
  ['an unknown limit', { limits: { size: 1 } }, 'size'],
  ['no host', { urls: { hosts: [] } }, 'urls.hosts'],
  ['a host that is a URL', { urls: { hosts: ['https://example.org'] } }, 'example.org'],
  ['a network without a length', { urls: { hosts: ['example.org'], networks: ['10.0.0.0'] } }, '10.0.0.0'],
  ['an origin with a path', { cors: ['https://example.org/'] }, 'cors'],
])('refuses %s', async (_, options, words) => {
  const refused = application(options);
  await expect(refused).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  await expect(refused).rejects.toThrow(words);
});

test('the application of docs/service.md runs', async () => {
  const page = readFileSync(join(root, 'docs/service.md'), 'utf8');
  const [, code = ''] = /```js\n([^]*?)```/.exec(page) ?? [];
  const folder = mkdtempSync(join(root, 'packages/service/build-docs-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  const file = join(folder, 'application.mjs');
  const ending =
    "\nconsole.log(app.hyperiqa.state, (await app.inject('/quality/readyz')).statusCode);\nawait app.close();\n";
  writeFileSync(file, code.replace('port: 3000', 'port: 0') + ending);
  const { stdout } = await promisify(execFile)(process.execPath, [file]);
  expect(stdout).toBe('ready 200\n');
});

test('CommonJS gets the same', async () => {
  const code = "const service = require('@hyperiqa/service'); console.log(Object.keys(service).sort().join())";
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=commonjs', '--no-warnings', '-e', code],
    {
      cwd: root,
    },
  );
  expect(stdout).toContain('createServer,hyperiqaService');
});
