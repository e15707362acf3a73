/** Memory of a server over some hundred requests of every kind: it has a level, not a slope. */
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { setTimeout as after } from 'node:timers/promises';
import type { HyperIQA } from 'hyperiqa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { form, image, listening, loadModel, until } from './server.js';

let iqa: HyperIQA;
beforeAll(async () => {
  iqa = await loadModel();
});
afterAll(() => iqa.dispose());

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes of objects and buffers that are in use. */
async function used(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    await after(10);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

test('stays where it is', async () => {
  const { app, port, post, send } = await listening({
    models: { default: iqa },
    faces: false,
    limits: { bodyBytes: 2_000_000, bodyMs: 60_000 },
  });
  const small = image('tiny-100x80.jpg');
  const large = Buffer.alloc(1_900_000, 1);
  const files = form({ 'a.jpg': small, 'b.jpg': image('broken/truncated.jpg') });
  const aborted = async () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    const head = `POST /v1/score HTTP/1.1\r\nhost: x\r\ncontent-type: image/jpeg\r\ncontent-length: ${large.length}\r\n\r\n`;
    await new Promise((resolve) =>
      socket.write(Buffer.concat([Buffer.from(head), large.subarray(0, 1_000_000)]), resolve),
    );
    socket.destroy();
  };
  const round = async () => {
    await Promise.all([
      post('/v1/score?crops=1', small),
      post('/v1/score?crops=1', large),
      post('/v1/score', Buffer.alloc(2_100_000)).catch(() => undefined),
      post('/v1/score?crops=none', small),
      send('/v1/score?crops=1', { method: 'POST', ...files }),
      send('/metrics'),
      aborted(),
    ]);
    await until(() => app.hyperiqa.requests.active === 0);
  };
  const levels: number[] = [];
  // The first rounds fill caches and compile.
  for (let i = 0; i < 60; i++) {
    await round();
    if (i >= 15 && i % 5 === 4) levels.push(await used());
  }
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const half = Math.floor(levels.length / 2);
  // One body kept in each round would be 57 megabytes between the halves.
  const growth = mean(levels.slice(-half)) - mean(levels.slice(0, half));
  expect(growth, levels.map((level) => (level / 2 ** 20).toFixed(1)).join(', ')).toBeLessThan(3_000_000);
});
