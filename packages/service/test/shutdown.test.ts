/** The end of a server: what was accepted is answered, what comes later is refused. */
import { request as httpRequest, Agent } from 'node:http';
import type { HyperIQA } from 'hyperiqa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { image, listening, loadModel, until } from './server.js';

let iqa: HyperIQA;
beforeAll(async () => {
  iqa = await loadModel();
});
afterAll(() => iqa.dispose());

test('every accepted request is answered under load, and later ones are refused until the server closes', async () => {
  const { app, post, send } = await listening({
    models: { default: iqa },
    faces: false,
    limits: { active: 2, waiting: 50 },
  });
  const bytes = image('jpeg-420.jpg');
  const accepted = Array.from({ length: 20 }, () => post('/v1/score?crops=2', bytes));
  await until(() => app.hyperiqa.requests.waiting === 18);
  const drained = app.hyperiqa.drain();
  expect(app.hyperiqa.state).toBe('draining');
  const refused = await post('/v1/score', bytes);
  expect([refused.status, refused.headers.connection, refused.json().error.code]).toEqual([
    503,
    'close',
    'ERR_SHUTTING_DOWN',
  ]);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect((await send('/readyz')).json()).toEqual({ status: 'draining' });
  expect((await send('/healthz')).status).toBe(200);
  const answers = await Promise.all(accepted);
  for (const { status, headers } of answers) expect([status, headers.connection]).toEqual([200, 'close']);
  await drained;
});

test('closing the server does the same', async () => {
  const { app, post, port } = await listening({ models: { default: iqa }, faces: false, limits: { active: 1 } });
  const bytes = image('jpeg-420.jpg');
  // A connection that stays open would keep the server.
  const agent = new Agent({ keepAlive: true });
  await new Promise<void>((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port, path: '/healthz', agent }, (response) => {
      response.resume().on('end', resolve);
    })
      .on('error', reject)
      .end();
  });
  const accepted = Array.from({ length: 5 }, () => post('/v1/score?crops=2', bytes));
  await until(() => app.hyperiqa.requests.waiting === 4);
  const closed = app.close();
  const refused = await post('/v1/score', bytes);
  expect([refused.status, refused.headers.connection]).toEqual([503, 'close']);
  for (const { status } of await Promise.all(accepted)) expect(status).toBe(200);
  await closed;
  await expect(post('/v1/score', bytes)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  agent.destroy();
  // The model is the caller's.
  expect((await iqa.score(bytes, { crops: 1 })).score).toBeTypeOf('number');
});
