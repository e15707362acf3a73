/** Order, limits, abort and disposal of calls, with an engine of our own that does nothing until it is told to. */
import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';

import type { NativeEngine, NativeScoreResult } from '../../binding.js';
import type { CapturedImage } from '../../src/image.js';
import { checkScoreOptions } from '../../src/options.js';
import { decodingPlaces } from '../../src/image-queue.js';
import { ScoringQueue } from '../../src/scoring-queue.js';
import type { Protocol } from '../../src/types.js';
import { errorWith } from '../helpers/errors.js';

const protocol: Protocol = {
  name: 'test',
  decode: { iccProfile: 'ignore', alpha: 'drop', orientation: 'ignore' },
  resize: { mode: 'none' },
  minimumSide: 224,
  crops: { plan: 'center' },
};
const options = (extra: object = {}) =>
  checkScoreOptions(extra, { protocol, datasetResize: { mode: 'none' } as const });
const later = () => new Promise((resolve) => setTimeout(resolve, 5));

/** Holds `room` images; `finish` ends the oldest. */
class FakeEngine {
  readonly jobs = new Map<
    number,
    { resolve: (r: NativeScoreResult) => void; reject: (e: Error) => void; width: number }
  >();
  /** Widths of the images in the order in which they were taken. */
  readonly taken: number[] = [];
  readonly cancelled: number[] = [];
  #lastId = 0;

  constructor(readonly room: number) {}

  score(_pixels: Uint8Array, width: number) {
    if (this.jobs.size >= this.room) throw Object.assign(new Error('full'), { code: 'ERR_QUEUE_FULL' });
    const id = ++this.#lastId;
    this.taken.push(width);
    const result = new Promise<NativeScoreResult>((resolve, reject) => {
      this.jobs.set(id, { resolve, reject, width });
    });
    return { id, result };
  }

  cancel(id: number): boolean {
    this.cancelled.push(id);
    this.jobs.get(id)?.reject(Object.assign(new Error('aborted'), { code: 'ERR_ABORTED' }));
    return this.jobs.delete(id);
  }

  finish(count = 1): void {
    for (const [id, { resolve, width }] of [...this.jobs].slice(0, count)) {
      this.jobs.delete(id);
      resolve({ score: width } as NativeScoreResult);
    }
  }
}

interface FakeImage extends CapturedImage {
  decoding: boolean;
  cancelled: boolean;
}

function makeQueue(room: number) {
  const engine = new FakeEngine(room);
  const queue = new ScoringQueue(engine as unknown as NativeEngine);
  const images: FakeImage[] = [];
  let decoded = 0;
  /** Images are told apart by their width. */
  const score = (width: number, extra: object = {}, wait: Promise<void> = Promise.resolve()) => {
    const image: FakeImage = {
      label: `image ${width}`,
      decoding: false,
      cancelled: false,
      arrived: () => wait,
      decode: async () => {
        image.decoding = true;
        decoded++;
        await later();
        return { data: new Uint8Array(0), width, height: 300, warnings: [] };
      },
      cancel: () => {
        image.cancelled = true;
      },
    };
    images.push(image);
    return queue.score(image, options(extra)).then(({ native }) => native.score);
  };
  const settle = async () => {
    for (let i = 0; i < 8; i++) await later();
  };
  return { engine, queue, images, score, settle, decoded: () => decoded };
}

describe('limits', () => {
  test('a thousand calls decode a handful of images, in order, and none fails for a full queue', async () => {
    const { engine, score, settle, decoded } = makeQueue(3);
    const results = Promise.all(Array.from({ length: 1000 }, (_, i) => score(300 + i)));
    await settle();
    expect(engine.jobs.size).toBe(3);
    expect(decoded()).toBe(3 + decodingPlaces());
    const timer = setInterval(() => {
      engine.finish(3);
    }, 1);
    expect(await results).toEqual(Array.from({ length: 1000 }, (_, i) => 300 + i));
    clearInterval(timer);
    // Decodings overlap, so neighbours may change places, but nobody is passed by more than the places of decoding.
    engine.taken.forEach((width, i) => {
      expect(Math.abs(width - 300 - i)).toBeLessThanOrEqual(decodingPlaces());
    });
  });

  test('an image that is waited for takes no place of a decoding', async () => {
    const { engine, score, settle } = makeQueue(10);
    const never = new Promise<void>(() => undefined);
    for (let i = 0; i < 10; i++) void score(300 + i, {}, never);
    const result = score(500);
    await settle();
    engine.finish();
    expect(await result).toBe(500);
  });

  test('a full queue with nothing of ours in it is an error, not a wait without end', async () => {
    const { score } = makeQueue(0);
    await expect(score(300)).rejects.toEqual(errorWith('ERR_QUEUE_FULL'));
  });

  test('a failed decoding gives its place on', async () => {
    const { queue, score, settle, engine } = makeQueue(10);
    const bad = { label: 'bad', arrived: () => Promise.resolve(), cancel: () => undefined };
    for (let i = 0; i < 20; i++) {
      const failing = { ...bad, decode: () => Promise.reject(new Error('unexpected')) };
      await expect(queue.score(failing, options())).rejects.toEqual(errorWith('ERR_INTERNAL'));
    }
    const result = score(301);
    await settle();
    engine.finish();
    expect(await result).toBe(301);
  });

  test('a line that the protocol would blow up is refused before it reaches the engine', async () => {
    const { engine, queue } = makeQueue(10);
    const line: CapturedImage = {
      label: 'line.png',
      arrived: () => Promise.resolve(),
      decode: () => Promise.resolve({ data: new Uint8Array(0), width: 1_000_000, height: 1, warnings: [] }),
      cancel: () => undefined,
    };
    await expect(queue.score(line, options())).rejects.toEqual(errorWith('ERR_IMAGE_TOO_LARGE'));
    expect(engine.taken).toEqual([]);
  });
});

describe('abort', () => {
  test('before the call: nothing is done', async () => {
    const { images, score } = makeQueue(1);
    const reason = new Error('enough');
    const rejection = score(300, { signal: AbortSignal.abort(reason) });
    await expect(rejection).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: reason });
    expect(images[0]).toMatchObject({ decoding: false, cancelled: true });
  });

  test('while waiting, decoding, waiting for the engine, and being scored', async () => {
    const places = decodingPlaces();
    const { engine, images, score, settle } = makeQueue(1);
    const controllers = Array.from({ length: places + 3 }, () => new AbortController());
    const results = controllers.map(({ signal }, i) => score(300 + i, { signal }));
    const outcomes = Promise.allSettled(results);
    await settle();
    // One is in the engine, `places` are decoded and wait for it, the rest wait to be decoded.
    expect(images.map(({ decoding }) => decoding)).toEqual(images.map((_, i) => i < places + 1));

    controllers[places + 2]!.abort('last');
    controllers[1]!.abort('decoded');
    controllers[0]!.abort('scoring');
    await expect(results[places + 2]).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: 'last' });
    await expect(results[1]).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: 'decoded' });
    await expect(results[0]).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: 'scoring' });
    expect(engine.cancelled).toEqual([1]);

    // The others go on.
    for (let i = 0; i < places + 3; i++) {
      await settle();
      engine.finish();
    }
    expect((await outcomes).map(({ status }) => status)).toEqual(
      images.map((_, i) => ([0, 1, places + 2].includes(i) ? 'rejected' : 'fulfilled')),
    );
    expect(images[places + 2]!.decoding).toBe(false);
  });

  test('in the middle of decoding: rejects at once, and the place is free afterwards', async () => {
    const { engine, score, settle, images } = makeQueue(5);
    const controller = new AbortController();
    const doomed = Array.from({ length: decodingPlaces() }, (_, i) => score(300 + i, { signal: controller.signal }));
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
    expect(images[0]!.decoding).toBe(true);
    controller.abort();
    for (const each of doomed) await expect(each).rejects.toEqual(errorWith('ERR_ABORTED'));
    const result = score(500);
    await settle();
    engine.finish();
    expect(await result).toBe(500);
    expect(engine.taken).toEqual([500]);
  });

  test('a thousand calls share one listener, which goes with the last of them', async () => {
    const { engine, score } = makeQueue(5);
    const { signal } = new AbortController();
    const results = Promise.all(Array.from({ length: 1000 }, (_, i) => score(300 + i, { signal })));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    const timer = setInterval(() => {
      engine.finish(5);
    }, 1);
    await results;
    clearInterval(timer);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('a signal can be used again after its calls are done', async () => {
    const { engine, score, settle } = makeQueue(5);
    const controller = new AbortController();
    const first = score(300, { signal: controller.signal });
    await settle();
    engine.finish();
    await first;
    const second = score(301, { signal: controller.signal });
    controller.abort();
    await expect(second).rejects.toEqual(errorWith('ERR_ABORTED'));
  });
});

test('close: every call, wherever it is, and every later one', async () => {
  const { queue, engine, score, settle } = makeQueue(1);
  const results = Array.from({ length: decodingPlaces() + 5 }, (_, i) => score(300 + i));
  const outcomes = Promise.allSettled(results);
  await settle();
  queue.close();
  for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { code: 'ERR_DISPOSED' } });
  await expect(score(400)).rejects.toEqual(errorWith('ERR_DISPOSED'));
  // The engine ends its jobs itself.
  expect(engine.cancelled).toEqual([]);
  engine.finish(1);
  await settle();
});
