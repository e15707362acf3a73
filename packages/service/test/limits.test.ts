/** Tests refusals and their statuses: wrong requests, limits, tokens, times, clients that leave. */
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as after } from 'node:timers/promises';
import type { HyperIQA } from 'hyperiqa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { form, image, listening, loadModel, until } from './server.js';

let iqa: HyperIQA;
beforeAll(async () => {
  iqa = await loadModel();
});
afterAll(() => iqa.dispose());

const jpeg = () => image('jpeg-420.jpg');
const serving = (options: Parameters<typeof listening>[0] = {}) =>
  listening({ models: { default: iqa }, faces: false, ...options });

/** A connection with a request as text, and what is answered. */
async function raw(port: number, head: string): Promise<{ socket: Socket; text: () => string; ended: Promise<void> }> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  socket.on('error', () => undefined);
  const ended = once(socket, 'close').then(() => undefined);
  await once(socket, 'connect');
  socket.write(head);
  return { socket, text: () => text, ended };
}

const head = (path: string, length: number, more = '') =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: image/jpeg\r\ncontent-length: ${length}\r\n${more}\r\n`;

/** A request that holds its place until its body is sent. */
const holding = async (port: number) => {
  const bytes = jpeg();
  const connection = await raw(port, head('/v1/score?crops=1', bytes.length));
  return {
    ...connection,
    finish: () => connection.socket.write(bytes),
  };
};

test.each([
  ['an unknown parameter', '/v1/score?corps=3', 400, 'ERR_INVALID_ARGUMENT', 'there is no parameter corps'],
  ['a wrong value', '/v1/score?protocol=best', 400, 'ERR_INVALID_ARGUMENT', 'official'],
  ['a number that is none', '/v1/score?maxCrops=many', 400, 'ERR_INVALID_ARGUMENT', 'maxCrops'],
  ['too many crops', '/v1/score?crops=101', 400, 'ERR_INVALID_ARGUMENT', '100'],
  ['a seed of 20 digits', '/v1/score?seed=99999999999999999999', 400, 'ERR_INVALID_ARGUMENT', 'seed'],
  ['a parameter twice', '/v1/score?seed=1&seed=2', 400, 'ERR_INVALID_ARGUMENT', 'seed'],
  ['options that exclude each other', '/v1/score?maxStandardError=1&crops=grid', 400, 'ERR_INVALID_ARGUMENT', 'grid'],
  ['a route that there is not', '/v2/score', 404, 'ERR_NOT_FOUND', ''],
])('%s', async (_, path, status, code, words) => {
  const { post } = await serving();
  const answer = await post(path, jpeg());
  expect(answer.status).toBe(status);
  expect(answer.json().error).toMatchObject({ code });
  expect(answer.json().error.message).toContain(words);
});

test.each([
  ['no image', 'broken/text.jpg', 415, 'ERR_IMAGE_FORMAT'],
  ['nothing', 'broken/empty.jpg', 422, 'ERR_IMAGE_EMPTY'],
  ['half an image', 'broken/truncated.jpg', 422, 'ERR_IMAGE_DECODE'],
  ['a few bytes that become gigabytes', 'broken/bomb.png', 413, 'ERR_IMAGE_TOO_LARGE'],
])('a body with %s', async (_, name, status, code) => {
  const { post } = await serving();
  const answer = await post('/v1/score', image(name));
  expect(answer.json()).toMatchObject({ file: 'image', error: { code } });
  expect(answer.status).toBe(status);
});

test('bodies of other kinds, and forms that are none', async () => {
  const { send } = await serving();
  const post = (type: string, body: string) =>
    send('/v1/score', { method: 'POST', headers: { 'content-type': type }, body });
  for (const type of ['text/plain', 'application/json', 'video/mp4']) {
    const { status, json } = await post(type, '{"url":"https://example.org/a.jpg"}');
    expect([status, json().error.code]).toEqual([415, 'ERR_MEDIA_TYPE']);
  }
  const field = '--x\r\ncontent-disposition: form-data; name="seed"\r\n\r\n7\r\n--x--\r\n';
  expect((await post('multipart/form-data; boundary=x', field)).json().error.code).toBe('ERR_MEDIA_TYPE');
  const none = await post('multipart/form-data; boundary=x', '--x--\r\n');
  expect([none.status, none.json().error.code]).toEqual([400, 'ERR_NO_IMAGE']);
  const half = await post(
    'multipart/form-data; boundary=x',
    '--x\r\ncontent-disposition: form-data; name="i"; filename="a"\r\n\r\nabc',
  );
  expect(half.status).toBe(400);
  expect((await post('multipart/form-data', 'abc')).status).toBe(400);
});

describe('sizes', () => {
  test('of a body, by its head and while it comes', async () => {
    const { post, send, port } = await serving({ limits: { bodyBytes: 10_000 } });
    const announced = await post('/v1/score', jpeg());
    expect([announced.status, announced.json().error.code]).toEqual([413, 'ERR_BODY_TOO_LARGE']);
    const chunked = await raw(
      port,
      'POST /v1/score HTTP/1.1\r\nhost: x\r\ncontent-type: image/jpeg\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n',
    );
    chunked.socket.write(`4000\r\n${'x'.repeat(0x4000)}\r\n0\r\n\r\n`);
    await chunked.ended;
    expect(chunked.text()).toMatch(/^HTTP\/1.1 413 /);
    const files = form({ 'a.jpg': Buffer.alloc(6000), 'b.jpg': Buffer.alloc(6000) });
    const together = await send('/v1/score', { method: 'POST', ...files });
    expect([together.status, together.json().error.code]).toEqual([413, 'ERR_BODY_TOO_LARGE']);
  });

  test('of an image, and the number of images', async () => {
    const { post, send } = await serving({ limits: { pixels: 10_000, images: 2 } });
    const large = await post('/v1/score', jpeg());
    expect([large.status, large.json().error.code]).toEqual([413, 'ERR_IMAGE_TOO_LARGE']);
    const three = form({ a: jpeg(), b: jpeg(), c: jpeg() });
    const many = await send('/v1/score', { method: 'POST', ...three });
    expect([many.status, many.json().error.code]).toEqual([413, 'ERR_TOO_MANY_IMAGES']);
  });
});

describe('the queue', () => {
  test('more requests than may wait are refused, and told when to come back', async () => {
    const { app, port, post } = await serving({ limits: { active: 1, waiting: 1 } });
    const first = await holding(port);
    const second = await holding(port);
    await until(() => metric(app, 'waiting') === 1);
    const refused = await post('/v1/score', jpeg());
    expect([refused.status, refused.json().error.code]).toEqual([429, 'ERR_TOO_MANY_REQUESTS']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    first.finish();
    await until(() => first.text().includes('"score"'));
    second.finish();
    await until(() => second.text().includes('"score"'));
    first.socket.destroy();
    second.socket.destroy();
    expect((await post('/v1/score?crops=1', jpeg())).status).toBe(200);
  });

  test('the body of a request that waits is not read', async () => {
    const { app, port } = await serving({ limits: { active: 1, waiting: 5 } });
    const first = await holding(port);
    await until(() => metric(app, 'active') === 1);
    // More than the buffers between two ends of a connection hold.
    const length = 30 * 2 ** 20;
    const waiting = await raw(port, head('/v1/score', length));
    const sent = waiting.socket.write(Buffer.alloc(length));
    expect(sent).toBe(false);
    await until(() => metric(app, 'waiting') === 1);
    await after(300);
    expect(waiting.socket.bytesWritten - waiting.socket.writableLength).toBeLessThan(length);
    expect(waiting.socket.writableLength).toBeGreaterThan(0);
    first.finish();
    await until(() => /^HTTP\/1.1 415 /.test(waiting.text()));
    first.socket.destroy();
    waiting.socket.destroy();
  });

  test('a client that asks is told to send its body when there is room', async () => {
    const { app, port } = await serving({ limits: { active: 1 } });
    const first = await holding(port);
    await until(() => metric(app, 'active') === 1);
    const asking = await raw(port, head('/v1/score?crops=1', jpeg().length, 'expect: 100-continue\r\n'));
    await until(() => metric(app, 'waiting') === 1);
    await after(100);
    expect(asking.text()).toBe('');
    first.finish();
    await until(() => asking.text().includes('100 Continue'));
    asking.socket.write(jpeg());
    await until(() => asking.text().includes('"score"'));
    const wrong = await raw(port, head('/v1/score?crops=0', 10, 'expect: 100-continue\r\n'));
    await until(() => wrong.text() !== '');
    expect(wrong.text()).toMatch(/^HTTP\/1.1 400 /);
    for (const { socket } of [first, asking, wrong]) socket.destroy();
  });

  test('a client that leaves gives up its place, and its image', async () => {
    const { app, port } = await serving({ limits: { active: 2, waiting: 5 } });
    const first = await holding(port);
    const second = await holding(port);
    const waiting = await holding(port);
    await until(() => metric(app, 'waiting') === 1);
    waiting.socket.destroy();
    await until(() => metric(app, 'waiting') === 0);
    second.socket.destroy();
    await until(() => metric(app, 'active') === 1);
    // Being scored.
    const long = await raw(port, head('/v1/score?crops=100', jpeg().length));
    long.socket.write(jpeg());
    await until(() => iqa.pending === 1);
    long.socket.destroy();
    await until(() => iqa.pending === 0);
    await until(() => metric(app, 'active') === 1);
    first.socket.destroy();
    await until(() => metric(app, 'active') === 0);
  });
});

describe('times', () => {
  test('a body that does not arrive', async () => {
    const { app, port } = await serving({ limits: { bodyMs: 100 } });
    const slow = await raw(port, head('/v1/score', 1000));
    slow.socket.write('abc');
    await slow.ended;
    expect(slow.text()).toMatch(/^HTTP\/1.1 408 [^]*ERR_BODY_TIMEOUT/);
    const form = await raw(
      port,
      'POST /v1/score HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: 1000\r\n\r\n' +
        '--x\r\ncontent-disposition: form-data; name="a"; filename="a"\r\n\r\nabc',
    );
    await form.ended;
    expect(form.text()).toMatch(/^HTTP\/1.1 408 [^]*ERR_BODY_TIMEOUT/);
    await until(() => metric(app, 'active') === 0);
  });

  test('a result that is not there in time', async () => {
    const { post } = await serving({ limits: { requestMs: 150 } });
    const { status, headers, json } = await post('/v1/score?crops=100', image('large-2272x1704.jpg'));
    expect([status, json().error.code]).toEqual([503, 'ERR_TIMEOUT']);
    expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
    await until(() => iqa.pending === 0);
  });

  test('a place that is not free in time', async () => {
    const { app, port, post } = await serving({ limits: { active: 1, requestMs: 1500 } });
    const first = await holding(port);
    await until(() => metric(app, 'active') === 1);
    expect((await post('/v1/score', jpeg())).json().error.code).toBe('ERR_TIMEOUT');
    first.socket.destroy();
  });
});

describe('tokens', () => {
  const token = 'correct-horse-battery-staple';
  test('scores and figures need one of them; health and pages do not', async () => {
    const { send, post } = await serving({ tokens: [token, 'another-one-of-many-bytes'] });
    const wrong: Record<string, string>[] = [
      {},
      { authorization: `Bearer ${token}x` },
      { authorization: `Basic ${token}` },
      { authorization: 'Bearer' },
    ];
    for (const headers of wrong) {
      const { status, headers: answered, json } = await post('/v1/score', jpeg(), headers);
      expect([status, answered['www-authenticate'], json().error.code]).toEqual([401, 'Bearer', 'ERR_UNAUTHORIZED']);
    }
    expect((await send('/metrics')).status).toBe(401);
    expect((await send('/v1/info')).status).toBe(401);
    for (const path of ['/healthz', '/readyz', '/', '/docs/json']) expect((await send(path)).status).toBe(200);
    for (const one of [token, 'another-one-of-many-bytes']) {
      expect((await post('/v1/score?crops=1', jpeg(), { authorization: `bearer ${one}` })).status).toBe(200);
    }
  });

  test('short ones are refused', async () => {
    await expect(serving({ tokens: ['short'] })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });
});

test('other origins may call only where they are named', async () => {
  const origin = 'https://example.org';
  const closed = await serving();
  expect((await closed.send('/healthz', { headers: { origin } })).headers).not.toHaveProperty(
    'access-control-allow-origin',
  );
  const open = await serving({ cors: [origin] });
  expect((await open.send('/healthz', { headers: { origin } })).headers['access-control-allow-origin']).toBe(origin);
  const preflight = { origin, 'access-control-request-method': 'POST' };
  const { headers } = await open.send('/v1/score', { method: 'OPTIONS', headers: preflight });
  expect(headers['access-control-allow-origin']).toBe(origin);
  const other = await open.send('/healthz', { headers: { origin: 'https://example.com' } });
  expect(other.headers['access-control-allow-origin']).not.toBe('https://example.com');
});

/** Requests that wait or are worked on. */
function metric(app: Awaited<ReturnType<typeof listening>>['app'], name: 'waiting' | 'active'): number {
  return app.hyperiqa.requests[name];
}
