/** `hyperiqa serve` in a process of its own, and what operators see of a service. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { HyperIQA } from 'hyperiqa';
import { quick, start, type Running } from '../../../test/cli/cli.js';
import { image, listening, loadModel, send, until } from './server.js';

const model = quick().slice(2);
const [, file = ''] = quick();

interface Serving extends Running {
  port: number;
  /** Log so far. */
  log: () => { msg: string; level: number; [field: string]: unknown }[];
}

async function serving(...args: string[]): Promise<Serving> {
  const running = start(['serve', '--port', '0', '--without-faces', '--model', file, ...model, ...args]);
  onTestFinished(() => {
    running.child.kill('SIGKILL');
  });
  let text = '';
  running.child.stdout!.on('data', (chunk: string) => (text += chunk));
  await running.said('stdout', '"msg":"ready"');
  const log = () =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { msg: string; level: number });
  const port = Number(/Server listening at http:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1]);
  return { ...running, port, log };
}

const score = (port: number, headers: Record<string, string> = {}, query = 'crops=1') =>
  send(port, `/v1/score?${query}`, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg', ...headers },
    body: image('jpeg-420.jpg'),
  });

describe('hyperiqa serve', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('answers what it accepted before %s, and ends with 0', async (signal) => {
    const { port, child, ended, log } = await serving('--max-active', '2');
    expect((await score(port)).status).toBe(200);
    const accepted = Array.from({ length: 12 }, () => score(port, {}, 'crops=4'));
    await until(async () => (await send(port, '/metrics')).body.toString().includes('hyperiqa_requests_waiting 10'));
    child.kill(signal);
    await until(() => log().some(({ msg }) => msg === 'shutting down'));
    const later = await score(port);
    expect([later.status, later.headers.connection]).toEqual([503, 'close']);
    for (const { status } of await Promise.all(accepted)) expect(status).toBe(200);
    expect(await ended).toMatchObject({ code: 0, signal: null });
    expect(log().at(-1)).toMatchObject({ msg: 'shut down' });
  });

  test('ends with 1 where requests are left when the time is over', async () => {
    const { port, child, ended } = await serving('--grace', '0.2', '--max-active', '1');
    const left = score(port, {}, 'crops=100').catch((error: unknown) => error);
    await until(async () => (await send(port, '/metrics')).body.toString().includes('hyperiqa_requests_active 1'));
    child.kill('SIGTERM');
    expect(await left).toBeInstanceOf(Error);
    expect(await ended).toMatchObject({ code: 1 });
  });

  test('tokens of a file; logs have ids of requests and no tokens', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hyperiqa-serve-'));
    onTestFinished(() => {
      rmSync(folder, { recursive: true });
    });
    const tokens = join(folder, 'tokens');
    writeFileSync(tokens, 'first-token-of-several\n\nsecond-token-of-several\n');
    const { port, log } = await serving('--token-file', tokens);
    expect((await score(port)).status).toBe(401);
    const authorization = 'Bearer second-token-of-several';
    const { status, headers } = await score(port, { authorization, 'x-request-id': 'from-the-proxy.1' });
    expect([status, headers['x-request-id']]).toEqual([200, 'from-the-proxy.1']);
    await until(() => log().filter(({ reqId }) => reqId === 'from-the-proxy.1').length === 2);
    expect(JSON.stringify(log())).not.toContain('token-of-several');
  });

  test.each([
    [['--port', '70000'], '--port must be'],
    [['--url-network', '10.0.0.0/8'], '--url-host'],
    [['--model', 'a.pt', 'b.pt'], 'needs a name'],
    [['--token-file', '/nowhere'], 'cannot be read'],
    [['--cors', 'example.org'], 'origins such as'],
    [['--prot', '1'], 'Did you mean --port'],
    [['--port', '0', '--model', '/nowhere.pt'], 'ERR_MODEL_NOT_FOUND'],
  ])('wrong usage: %j', async (args, words) => {
    const { code, stderr } = await start(['serve', '--log-level', 'silent', ...args]).ended;
    expect(stderr).toContain(words);
    expect(code).toBe(2);
  });
});

describe('what operators see', () => {
  let iqa: HyperIQA;
  beforeAll(async () => {
    iqa = await loadModel();
  });
  afterAll(() => iqa.dispose());

  test('ready only when the models are loaded; scores are refused until then', async () => {
    const {
      app,
      send: ask,
      post,
    } = await listening(
      { models: { a: { model: file, options: { device: 'cpu', graphMode: 'freeze' } } }, faces: false },
      undefined,
      false,
    );
    const early = await ask('/readyz');
    expect([early.status, early.json()]).toEqual([503, { status: 'loading' }]);
    const refused = await post('/v1/score', image('jpeg-420.jpg'));
    expect([refused.status, refused.json().error.code, refused.headers['retry-after']]).toEqual([
      503,
      'ERR_NOT_READY',
      '5',
    ]);
    expect((await ask('/healthz')).status).toBe(200);
    expect((await ask('/v1/info')).json().models).toMatchObject([{ name: 'a', ready: false, score: null }]);
    await app.hyperiqa.loaded;
    expect((await ask('/readyz')).json()).toEqual({ status: 'ready' });
    expect((await post('/v1/score?crops=1', image('jpeg-420.jpg'))).status).toBe(200);
  });

  test('a model that cannot be loaded', async () => {
    const { app, send: ask } = await listening({ models: { a: { model: '/nowhere.pt' } }, faces: false });
    await expect(app.hyperiqa.loaded).rejects.toMatchObject({ code: 'ERR_MODEL_NOT_FOUND' });
    const { status, json } = await ask('/readyz');
    expect([status, json()]).toEqual([503, { status: 'failed', reason: 'ERR_MODEL_NOT_FOUND' }]);
    expect(() => app.hyperiqa.scorer).toThrow('not loaded');
  });

  test('figures for Prometheus', async () => {
    const { send: ask, post } = await listening({ models: { a: iqa }, faces: false });
    await post('/v1/score?crops=1', image('jpeg-420.jpg'));
    await post('/v1/score?crops=1', image('broken/text.jpg'));
    await ask('/v2');
    const { headers, body } = await ask('/metrics');
    expect(headers['content-type']).toContain('text/plain; version=0.0.4');
    const text = body.toString();
    for (const line of [
      'hyperiqa_http_requests_total{method="POST",route="/v1/score",status="200"} 1',
      'hyperiqa_http_requests_total{method="POST",route="/v1/score",status="415"} 1',
      'hyperiqa_http_requests_total{method="GET",route="unknown",status="404"} 1',
      'hyperiqa_images_total{model="a",code="ok"} 1',
      'hyperiqa_images_total{model="a",code="ERR_IMAGE_FORMAT"} 1',
      'hyperiqa_stage_seconds_count{stage="score"} 2',
      'hyperiqa_stage_seconds_count{stage="wait"} 2',
      'hyperiqa_requests_waiting 0',
      'hyperiqa_images_pending{model="a",phase="engine"} 0',
      'hyperiqa_ready 1',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    expect(text).toMatch(/^hyperiqa_image_phase_seconds_total\{model="a",phase="engine"\} \d/m);
    expect(text).toMatch(/^hyperiqa_model_info\{model="a",.*device="cpu"/m);
    for (const name of ['nodejs_eventloop_lag_p99_seconds', 'process_resident_memory_bytes'])
      expect(text).toContain(name);
  });

  test('the description of the API has the schemas that validate', async () => {
    const { send: ask } = await listening({
      models: { a: iqa, b: iqa },
      faces: false,
      tokens: ['a-token-of-many-letters'],
    });
    const document = (await ask('/docs/json')).json();
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths)).toEqual([
      '/healthz',
      '/readyz',
      '/metrics',
      '/v1/info',
      '/v1/score',
      '/v1/map',
    ]);
    const { parameters, requestBody, responses } = document.paths['/v1/score'].post;
    const named = (name: string) =>
      (parameters as { name: string; schema: { enum?: string[] } }[]).find((one) => one.name === name);
    expect(named('model')?.schema.enum).toEqual(['a', 'b']);
    expect(named('faces')).toBeUndefined();
    expect(Object.keys(requestBody.content)).toEqual(['image/*', 'application/octet-stream', 'multipart/form-data']);
    expect(Object.keys(responses)).toEqual(['200', '400', '401', '408', '413', '415', '422', '429', '500', '503']);
    expect(document.security).toEqual([{ bearer: [] }]);
    // Every reference leads somewhere, and the components are schemas that mean what those of the records do.
    const text = JSON.stringify(document);
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
      expect(document.components.schemas).toHaveProperty(name!);
    const ajv = new Ajv2020({ strict: false });
    ajv.addSchema({ $id: 'urn:test:api', components: document.components });
    const original = createRequire(import.meta.url)('hyperiqa/schema/record.json') as object;
    const record = JSON.parse(JSON.stringify({ file: 'a', error: { code: 'ERR_X', message: 'x' } })) as object;
    for (const one of [record, { ...record, more: 1 }]) {
      expect(ajv.validate({ $ref: 'urn:test:api#/components/schemas/record' }, one)).toBe(
        new Ajv2020({ strict: false }).validate(original, one),
      );
    }
  });

  test('the page may load nothing from elsewhere', async () => {
    const { send: ask } = await listening({ models: { a: iqa }, faces: false });
    const { headers } = await ask('/');
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    const again = await ask('/', { headers: { 'if-none-match': String(headers.etag) } });
    expect([again.status, again.body.length]).toEqual([304, 0]);
    const docs = await ask('/docs/');
    expect(docs.headers['content-security-policy']).toContain("default-src 'none'");
    expect(docs.body.toString()).not.toMatch(/(src|href)="https?:/);
    const without = await listening({ models: { a: iqa }, faces: false, page: false, docs: false });
    for (const path of ['/', '/page.js', '/docs/', '/docs/json']) expect((await without.send(path)).status).toBe(404);
  });
});
