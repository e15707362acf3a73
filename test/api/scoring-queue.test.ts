/** Order, limits, abort and disposal of calls, with an engine of our own that does nothing until it is told to. */
import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';

import type { NativeEngine, NativeScoreResult } from '../../binding.js';
import type { CapturedImage } from '../../src/image/capture.js';
import type { IntakeLimits } from '../../src/intake/intake.js';
import { checkScoreOptions } from '../../src/scoring/options.js';
import { decodingPlaces } from '../../src/intake/decodings.js';
import { ScoringQueue } from '../../src/scoring/queue.js';
import { errorWith } from '../helpers/errors.js';
import { HyperIQAError, type Protocol } from '../../src/index.js';

const protocol: Protocol = {
  name: 'test',
  decode: { iccProfile: 'ignore', alpha: 'drop', orientation: 'ignore' },
  resize: { mode: 'none' },
  minSide: 224,
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
  collecting: boolean;
  decoding: boolean;
  cancelled: boolean;
  broken: (error: HyperIQAError) => void;
}

/** Behaviour of an image; the default is that of bytes in memory. */
interface Behaviour {
  /** A stream, collected when this resolves. */
  arrival?: Promise<void>;
  waits?: boolean;
}

const PRESENT = {
  label: 'image',
  arrives: false,
  arrived: () => Promise.resolve(),
  onBroken: () => undefined,
  cancel: () => undefined,
};

function makeQueue(room: number, limits: Partial<IntakeLimits> = {}) {
  const engine = new FakeEngine(room);
  const queue = new ScoringQueue(engine as unknown as NativeEngine, { maxPending: Infinity, maxStreams: 4, ...limits });
  const images: FakeImage[] = [];
  let decoded = 0;
  /** Images are told apart by their width. */
  const score = (width: number, extra: object = {}, { arrival, waits = false }: Behaviour = {}) => {
    const image: FakeImage = {
      label: `image ${width}`,
      arrives: arrival !== undefined,
      collecting: false,
      decoding: false,
      cancelled: false,
      broken: () => undefined,
      arrived: () => {
        image.collecting = true;
        return arrival ?? Promise.resolve();
      },
      onBroken: (tell) => {
        image.broken = tell;
      },
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
    const capture = () => {
      images.push(image);
      return image;
    };
    return queue.score(capture, { ...options(extra), waits }).then(({ native }) => native.score);
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
    for (let i = 0; i < 10; i++) void score(300 + i, {}, { arrival: never });
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
    for (let i = 0; i < 20; i++) {
      const failing = { ...PRESENT, decode: () => Promise.reject(new Error('unexpected')) };
      await expect(queue.score(() => failing, options())).rejects.toEqual(errorWith('ERR_INTERNAL'));
    }
    const result = score(301);
    await settle();
    engine.finish();
    expect(await result).toBe(301);
  });

  test('a line that the protocol would blow up is refused before it reaches the engine', async () => {
    const { engine, queue } = makeQueue(10);
    const line: CapturedImage = {
      ...PRESENT,
      decode: () => Promise.resolve({ data: new Uint8Array(0), width: 1_000_000, height: 1, warnings: [] }),
    };
    await expect(queue.score(() => line, options())).rejects.toEqual(errorWith('ERR_IMAGE_TOO_LARGE'));
    expect(engine.taken).toEqual([]);
  });
});

describe('streams', () => {
  /** A promise and what resolves it. */
  const arrivals = (count: number) =>
    Array.from({ length: count }, () => {
      let arrive!: () => void;
      const arrival = new Promise<void>((resolve) => {
        arrive = resolve;
      });
      return { arrival, arrive };
    });

  test('a bounded number is collected at a time, in order; the others are not touched', async () => {
    const { engine, images, score, settle } = makeQueue(10, { maxStreams: 3 });
    const streams = arrivals(6);
    const results = streams.map(({ arrival }, i) => score(300 + i, {}, { arrival }));
    await settle();
    const collecting = () => images.map((image) => image.collecting);
    expect(collecting()).toEqual([true, true, true, false, false, false]);
    streams[1]!.arrive();
    await settle();
    expect(collecting()).toEqual([true, true, true, true, false, false]);
    for (const { arrive } of streams) arrive();
    await settle();
    engine.finish(6);
    expect(await Promise.all(results)).toEqual([300, 301, 302, 303, 304, 305]);
  });

  test('the bytes keep their place until they are decoded: a full engine stops the collecting', async () => {
    const places = decodingPlaces();
    const { engine, images, score, settle } = makeQueue(1, { maxStreams: 2 });
    const here = Promise.resolve();
    const results = Array.from({ length: places + 10 }, (_, i) => score(300 + i, {}, { arrival: here }));
    await settle();
    // One is in the engine, `places` are decoded, and two hold their bytes.
    expect(images.filter(({ collecting }) => collecting)).toHaveLength(1 + places + 2);
    const timer = setInterval(() => {
      engine.finish(1);
    }, 1);
    expect(await Promise.all(results)).toHaveLength(places + 10);
    clearInterval(timer);
  });

  test('one that breaks while it waits ends its call at once, and the others go on', async () => {
    const { engine, images, score, settle } = makeQueue(10, { maxStreams: 1 });
    const [first, second] = arrivals(2);
    const results = [score(300, {}, first), score(301, {}, second), score(302, {}, second)];
    await settle();
    const broken = expect(results[1]).rejects.toEqual(errorWith('ERR_IMAGE_READ', /gone/));
    images[1]!.broken(new HyperIQAError('ERR_IMAGE_READ', 'gone'));
    await broken;
    expect(images[1]).toMatchObject({ collecting: false, cancelled: true });
    first!.arrive();
    second!.arrive();
    await settle();
    engine.finish(2);
    expect(await Promise.all([results[0], results[2]])).toEqual([300, 302]);
  });

  test('an abort takes one out while it waits, and while it is collected', async () => {
    const { engine, images, score, settle } = makeQueue(10, { maxStreams: 1 });
    const controllers = [new AbortController(), new AbortController()];
    const never = new Promise<void>(() => undefined);
    const [collected, waiting] = controllers.map(({ signal }, i) => score(300 + i, { signal }, { arrival: never }));
    await settle();
    controllers[1]!.abort();
    await expect(waiting).rejects.toEqual(errorWith('ERR_ABORTED'));
    controllers[0]!.abort();
    await expect(collected).rejects.toEqual(errorWith('ERR_ABORTED'));
    expect(images.map(({ cancelled }) => cancelled)).toEqual([true, true]);
    expect(engine.taken).toEqual([]);
  });
});

describe('maxPending', () => {
  test('refuses the call that is one too many before its input is touched, and counts', async () => {
    const { engine, images, queue, score, settle } = makeQueue(10, { maxPending: 3 });
    const results = [score(300), score(301), score(302)];
    expect(queue.pending).toBe(3);
    await expect(score(303)).rejects.toEqual(errorWith('ERR_QUEUE_FULL', /3 unfinished calls.*maxPending/));
    expect(images).toHaveLength(3);
    await settle();
    engine.finish(1);
    expect(await results[0]).toBe(300);
    expect(queue.pending).toBe(2);
    const later = score(304);
    expect(queue.pending).toBe(3);
    await settle();
    engine.finish(3);
    expect(await Promise.all([results[1], results[2], later])).toEqual([301, 302, 304]);
    expect(queue.pending).toBe(0);
  });

  test('a failed, an aborted and a broken call give their places back', async () => {
    const { images, queue, score, settle } = makeQueue(10, { maxPending: 3, maxStreams: 1 });
    const controller = new AbortController();
    const never = new Promise<void>(() => undefined);
    const results = [
      score(300, {}, { arrival: Promise.reject(new Error('unexpected')) }),
      score(301, { signal: controller.signal }, { arrival: never }),
      score(302, {}, { arrival: never }),
    ];
    const outcomes = Promise.allSettled(results);
    await settle();
    expect(queue.pending).toBe(2);
    controller.abort();
    expect(queue.pending).toBe(1);
    images[2]!.broken(new HyperIQAError('ERR_IMAGE_READ', 'gone'));
    expect(queue.pending).toBe(0);
    expect((await outcomes).map((outcome) => (outcome as { reason: { code: string } }).reason.code)).toEqual([
      'ERR_INTERNAL',
      'ERR_ABORTED',
      'ERR_IMAGE_READ',
    ]);
  });

  test('who waits has the next place, before anybody who would be refused', async () => {
    const { engine, queue, score, settle } = makeQueue(10, { maxPending: 1 });
    const controller = new AbortController();
    const first = score(300);
    const given = score(301, { signal: controller.signal }, { waits: true });
    const next = score(302, {}, { waits: true });
    expect(queue.pending).toBe(1);
    await settle();
    expect(engine.taken).toEqual([300]);
    controller.abort();
    await expect(given).rejects.toEqual(errorWith('ERR_ABORTED'));
    engine.finish();
    await first;
    await expect(score(303)).rejects.toEqual(errorWith('ERR_QUEUE_FULL'));
    await settle();
    expect(queue.pending).toBe(1);
    engine.finish();
    expect(await next).toBe(302);
    expect(queue.pending).toBe(0);
  });

  test('a call that is aborted just when its turn has come gives the place on', async () => {
    const { engine, queue, score, settle } = makeQueue(10, { maxPending: 1 });
    const controller = new AbortController();
    const first = score(300);
    const given = score(301, { signal: controller.signal }, { waits: true });
    const next = score(302, {}, { waits: true });
    // Runs in the same turn as the first one's end, before anything that waits for it can run.
    const ended = first.then(() => {
      controller.abort();
    });
    await settle();
    engine.finish();
    await ended;
    await expect(given).rejects.toEqual(errorWith('ERR_ABORTED'));
    await settle();
    engine.finish();
    expect(await next).toBe(302);
    expect(queue.pending).toBe(0);
  });

  test('an aborted signal and a closed queue are told before a full one', async () => {
    const { queue, score } = makeQueue(10, { maxPending: 1 });
    const first = score(300);
    await expect(score(301, { signal: AbortSignal.abort() })).rejects.toEqual(errorWith('ERR_ABORTED'));
    queue.close();
    await expect(first).rejects.toEqual(errorWith('ERR_DISPOSED'));
    await expect(score(302)).rejects.toEqual(errorWith('ERR_DISPOSED'));
    expect(queue.pending).toBe(0);
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
    await new Promise((resolve) => setImmediate(resolve));
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

test('a cancelled image keeps its room in the engine until the engine lets go of its pixels', async () => {
  const { engine, score, settle } = makeQueue(1);
  let letGo: (() => void) | undefined;
  // A request, as the engine's own: the pixels may be read for a while longer.
  engine.cancel = (id) => {
    const job = engine.jobs.get(id)!;
    letGo = () => {
      engine.jobs.delete(id);
      job.reject(Object.assign(new Error('aborted'), { code: 'ERR_ABORTED' }));
    };
    return true;
  };
  const controller = new AbortController();
  const given = score(300, { signal: controller.signal });
  await settle();
  const next = score(301);
  await settle();
  controller.abort();
  await expect(given).rejects.toEqual(errorWith('ERR_ABORTED'));
  await settle();
  expect(engine.taken).toEqual([300]);
  letGo!();
  await settle();
  expect(engine.taken).toEqual([300, 301]);
  engine.finish();
  expect(await next).toBe(301);
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
