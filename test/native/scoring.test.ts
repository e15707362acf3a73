/** Jobs through the native boundary: results, order, cancelling, disposing, the queue's bounds, and the event loop meanwhile. */
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';

import type { NativeBinding, NativeScoreResult } from '../../binding.js';
import { testModel } from '../helpers/models.js';
import { codeOf, loadOptions, openBinding, pixels, scoreOptions, submit } from './setup.js';

let binding: NativeBinding;
beforeAll(async () => {
  binding = await openBinding();
});

test('a result belongs to its own image, whatever else is in the queue', async () => {
  const engine = await binding.load(loadOptions());
  const alone: NativeScoreResult[] = [];
  for (let seed = 0; seed < 6; ++seed) {
    alone.push(await engine.score(pixels(256, 240, seed), 256, 240, scoreOptions()).result);
  }
  const together = await Promise.all(submit(engine, 6).map((ticket) => ticket.result));
  expect(together.map((result) => result.crops.map(({ x, y }) => [x, y]))).toEqual(
    alone.map((result) => result.crops.map(({ x, y }) => [x, y])),
  );
  together.forEach((result, i) => {
    expect(result.score).toBeCloseTo(alone[i]!.score, 3);
  });
  expect(new Set(together.map((result) => result.score.toFixed(3))).size).toBeGreaterThan(1);
  await engine.dispose();
});

test('the event loop turns while images are scored', async () => {
  const engine = await binding.load(loadOptions());
  const tickets = submit(engine, 6, 6);
  let done = 0;
  for (const ticket of tickets) void ticket.result.then(() => ++done);
  let turnsDuring = 0;
  while (done < tickets.length) {
    await new Promise(setImmediate);
    if (done > 0 && done < tickets.length) ++turnsDuring;
  }
  expect(turnsDuring).toBeGreaterThan(100);
  await engine.dispose();
});

test('the event loop turns while a model is loaded, checked and disposed of', async () => {
  const turnsOf = async (work: Promise<unknown>): Promise<number> => {
    let turns = 0;
    const turning = setInterval(() => ++turns, 0);
    await work;
    clearInterval(turning);
    return turns;
  };
  const loading = binding.load(loadOptions());
  expect(await turnsOf(loading)).toBeGreaterThan(20);
  const engine = await loading;
  expect(await turnsOf(engine.selfCheck())).toBeGreaterThan(5);
  await engine.dispose();
  // A batch of the large model lasts long enough to be found under way by dispose(), which waits for its end.
  const large = await binding.load(loadOptions({ modelPath: testModel('resnet50'), batchSize: 8 }));
  const tickets = submit(large, 3, 8);
  const jobs = Promise.allSettled(tickets.map((ticket) => ticket.result));
  await tickets[0]!.result;
  expect(await turnsOf(large.dispose())).toBeGreaterThan(0);
  expect((await jobs).map(({ status }) => status)).toContain('rejected');
});

test('cancelled jobs reject with ERR_ABORTED and the others go on', async () => {
  const engine = await binding.load(loadOptions());
  const tickets = submit(engine, 8, 4);
  const last = tickets.at(-1)!;
  const codes = Promise.all(tickets.map((ticket) => codeOf(() => ticket.result)));
  expect(engine.cancel(last.id)).toBe(true);
  expect(engine.cancel(last.id)).toBe(false);
  expect(engine.cancel(123456)).toBe(false);
  expect(await codes).toEqual([...Array<undefined>(7).fill(undefined), 'ERR_ABORTED']);
  expect(engine.cancel(tickets[0]!.id)).toBe(false);
  await engine.dispose();
});

test('a ticket of another engine cannot be cancelled', async () => {
  const [one, other] = await Promise.all([binding.load(loadOptions()), binding.load(loadOptions())]);
  const tickets = submit(one, 4, 4);
  expect(other.cancel(tickets[3]!.id)).toBe(false);
  await Promise.all(tickets.map((ticket) => ticket.result));
  await Promise.all([one.dispose(), other.dispose()]);
});

test('dispose() rejects unfinished jobs, then resolves; again and again', async () => {
  const engine = await binding.load(loadOptions());
  const order: string[] = [];
  const jobs = submit(engine, 8, 4).map((ticket) => {
    ticket.result.then(
      () => order.push('job'),
      () => order.push('job'),
    );
    return codeOf(() => ticket.result);
  });
  const disposals = [engine.dispose(), engine.dispose()].map((disposal) => disposal.then(() => order.push('disposed')));
  expect(await codeOf(() => engine.score(pixels(), 256, 240, scoreOptions()))).toBe('ERR_DISPOSED');
  expect(await codeOf(() => engine.selfCheck())).toBe('ERR_DISPOSED');
  expect(engine.cancel(1)).toBe(false);
  await Promise.all(disposals);
  expect(order).toEqual([...Array<string>(8).fill('job'), 'disposed', 'disposed']);
  const codes = await Promise.all(jobs);
  expect(codes).toContain('ERR_DISPOSED');
  expect(codes.filter((code) => code !== 'ERR_DISPOSED' && code !== undefined)).toEqual([]);
  await engine.dispose();
});

test('dispose() during a self-check', async () => {
  const engine = await binding.load(loadOptions());
  const check = codeOf(() => engine.selfCheck());
  await engine.dispose();
  expect([undefined, 'ERR_DISPOSED']).toContain(await check);
});

test('the queue is bounded in images and in bytes', async () => {
  for (const bound of [{ maxQueueImages: 2 }, { maxQueueBytes: 256 * 240 * 3 * 2 }]) {
    const engine = await binding.load(loadOptions(bound));
    const jobs: Promise<unknown>[] = [];
    const fill = (): void => {
      for (let i = 0; i < 50; ++i) jobs.push(submit(engine, 1, 4)[0]!.result);
    };
    expect(await codeOf(fill)).toBe('ERR_QUEUE_FULL');
    await Promise.all(jobs);
    // The queue has room again.
    await submit(engine, 1)[0]!.result;
    await engine.dispose();
  }
});

test('the image is read in place: nothing is held once the result is there', async () => {
  const engine = await binding.load(loadOptions());
  const data = pixels();
  const first = await engine.score(data, 256, 240, scoreOptions()).result;
  data.fill(0);
  const second = await engine.score(data, 256, 240, scoreOptions()).result;
  expect(second.score).not.toBe(first.score);
  await engine.dispose();
});

test('a model file that is none, and one that is not there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hyperiqa-'));
  const file = join(folder, 'model.pt');
  writeFileSync(file, 'PK\x03\x04 and nothing more');
  expect(await codeOf(() => binding.load(loadOptions({ modelPath: file })))).toBe('ERR_MODEL_FORMAT');
  expect(await codeOf(() => binding.load(loadOptions({ modelPath: join(folder, 'none.pt') })))).toBe(
    'ERR_MODEL_NOT_FOUND',
  );
  await rm(folder, { recursive: true });
});

test('cuda is refused with the true reason where there is none, and auto says why it fell back', async () => {
  const report = await binding.cudaReport();
  if (report.available) {
    const engine = await binding.load(loadOptions({ devices: ['cuda'] }));
    expect(engine.info.devices[0]!.id).toBe('cuda:0');
    await engine.dispose();
    return;
  }
  expect(report.reason).not.toBe('');
  const loading = binding.load(loadOptions({ devices: ['cuda'] }));
  await expect(loading).rejects.toMatchObject({
    code: 'ERR_DEVICE_UNAVAILABLE',
    message: expect.stringContaining(report.reason) as string,
  });
  const engine = await binding.load(loadOptions({ devices: ['auto'] }));
  expect(engine.info.fallbackReason).toContain(report.reason);
  expect(engine.info.devices.map((device) => device.id)).toEqual(['cpu']);
  await engine.dispose();
});
