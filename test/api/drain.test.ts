/** The end of a scorer that lets finish what it has accepted, and the counts of where its images are. */
import { openAsBlob } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, describe, expect, test } from 'vitest';

import { FaceDetector, scoreWithFaces } from '../../src/faces/index.js';
import { HyperIQA, HyperIQAError, type LoadOptions } from '../../src/index.js';
import { errorWith } from '../helpers/errors.js';
import { testModel } from '../helpers/models.js';

const image = new URL('../fixtures/images/jpeg-420.jpg', import.meta.url);
const small = new URL('../fixtures/images/tiny-100x80.jpg', import.meta.url);
const photograph = new URL('../../examples/face-study/photos/portrait-01.jpg', import.meta.url);

let iqa: HyperIQA;
const load = async (options: LoadOptions = {}) =>
  (iqa = await HyperIQA.load(testModel('lite0'), { device: 'cpu', graphMode: 'freeze', selfCheck: false, ...options }));
afterEach(() => iqa.dispose());

const outcomes = async (calls: Promise<unknown>[]) =>
  (await Promise.allSettled(calls)).map((outcome) =>
    outcome.status === 'fulfilled' ? 'result' : (outcome.reason as HyperIQAError).code,
  );

describe('dispose({ drain: true })', () => {
  test('lets accepted calls end, at every stage, and refuses new ones', async () => {
    await load({ maxQueueImages: 2, maxStreams: 1 });
    const accepted = [
      ...Array.from({ length: 8 }, () => iqa.score(image)),
      iqa.score(new Response(await openAsBlob(image))),
      iqa.selfCheck(),
    ];
    const drained = iqa.dispose({ drain: true });
    const late = iqa.score(image);
    await expect(late).rejects.toEqual(errorWith('ERR_DISPOSED'));
    await expect(iqa.selfCheck()).rejects.toEqual(errorWith('ERR_DISPOSED'));
    expect(await outcomes(accepted)).toEqual(accepted.map(() => 'result'));
    await drained;
    expect(iqa.pending).toBe(0);
    expect(iqa.stats).toMatchObject({ waiting: 0, decoding: 0, inEngine: 0, finished: 9, failed: 1 });
  });

  test.each<[string, object, () => void]>([
    ['a timeout', { timeout: 30 }, () => undefined],
    ['no time at all', { timeout: 0 }, () => undefined],
    ['a plain dispose()', {}, () => void iqa.dispose()],
  ])('is given up by %s', async (_, options, giveUp) => {
    await load();
    const endless = iqa.score(new ReadableStream<Uint8Array>());
    const drained = iqa.dispose({ drain: true, ...options });
    giveUp();
    await expect(endless).rejects.toEqual(errorWith('ERR_DISPOSED'));
    await drained;
  });

  test('is given up by its signal, also one that was aborted before', async () => {
    for (const before of [true, false]) {
      await load();
      const aborter = new AbortController();
      if (before) aborter.abort();
      const endless = iqa.score(new ReadableStream<Uint8Array>());
      const drained = iqa.dispose({ drain: true, signal: aborter.signal });
      aborter.abort();
      await expect(endless).rejects.toEqual(errorWith('ERR_DISPOSED'));
      await drained;
    }
  });

  test('with nothing to wait for, after an end, and with options that make no sense', async () => {
    await load();
    await expect(iqa.dispose({ timeout: 5 })).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT', /only together/));
    await expect(iqa.dispose({ drain: 1 } as never)).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT'));
    expect((await iqa.score(small)).width).toBe(100);
    await iqa.dispose({ drain: true });
    await iqa.dispose({ drain: true });
    await iqa.dispose();
  });

  test('of a loop: the items of what was pulled, then ERR_DISPOSED, and the source is closed', async () => {
    await load();
    let pulled = 0;
    let closed = false;
    function* source() {
      try {
        for (;;) yield ++pulled % 2 ? image : small;
      } finally {
        closed = true;
      }
    }
    let items = 0;
    let drained: Promise<void> | undefined;
    const loop = async () => {
      for await (const { result, error } of iqa.scoreAll(source(), { concurrency: 5 })) {
        items++;
        // At most the one input that was being pulled comes too late.
        if (error) expect([error.code, items]).toEqual(['ERR_DISPOSED', pulled]);
        else expect(result.score).toBeGreaterThan(0);
        drained ??= iqa.dispose({ drain: true });
        // Slower than the drain: what is ready is kept for it.
        await sleep(30);
      }
    };
    await expect(loop()).rejects.toEqual(errorWith('ERR_DISPOSED'));
    await drained;
    expect(items).toBe(pulled);
    expect(closed).toBe(true);
  });

  test('of a photograph with its faces: they are a part of what was accepted', async () => {
    await load();
    const detector = await FaceDetector.load();
    const both = scoreWithFaces(iqa, detector, photograph);
    const drained = [iqa.dispose({ drain: true }), detector.dispose({ drain: true })];
    const { detection } = await both;
    expect(detection.faces.some(({ result }) => result !== null)).toBe(true);
    await Promise.all(drained);
    await expect(scoreWithFaces(iqa, detector, photograph)).rejects.toEqual(errorWith('ERR_DISPOSED'));
    await expect(detector.detect(photograph)).rejects.toEqual(errorWith('ERR_DISPOSED'));
    expect(detector.stats).toMatchObject({ finished: 1, failed: 1 });
  });
});

describe('stats', () => {
  test('count every call once, wherever it is', async () => {
    await load({ maxPending: 6 });
    expect(iqa.stats).toMatchObject({ waiting: 0, decoding: 0, inEngine: 0, finished: 0, failed: 0, refused: 0 });
    const calls = Array.from({ length: 8 }, (_, i) => iqa.score(i === 0 ? new URL('file:///nothing.jpg') : image));
    const seen = { decoding: 0, inEngine: 0 };
    const progress = { over: false };
    const settled = outcomes(calls).finally(() => (progress.over = true));
    while (!progress.over) {
      const { waiting, decoding, inEngine } = iqa.stats;
      expect(waiting + decoding + inEngine).toBe(iqa.pending);
      seen.decoding = Math.max(seen.decoding, decoding);
      seen.inEngine = Math.max(seen.inEngine, inEngine);
      await sleep(1);
    }
    expect((await settled).toSorted()).toEqual([
      ...['ERR_IMAGE_NOT_FOUND', 'ERR_QUEUE_FULL', 'ERR_QUEUE_FULL'],
      ...Array.from({ length: 5 }, () => 'result'),
    ]);
    expect(seen.decoding).toBeGreaterThan(0);
    expect(seen.inEngine).toBeGreaterThan(0);
    const { milliseconds, ...counts } = iqa.stats;
    expect(counts).toEqual({ waiting: 0, decoding: 0, inEngine: 0, finished: 5, failed: 1, refused: 2 });
    const { sinceLoad, waiting, decoding, inEngine } = milliseconds;
    for (const time of [waiting, decoding, inEngine]) expect(time).toBeGreaterThan(0);
    expect(waiting + decoding + inEngine).toBeLessThan(6 * sinceLoad);
    expect(Object.isFrozen(iqa.stats)).toBe(true);
  });

  test('maxDecoding bounds what is decoded at a time', async () => {
    await load({ maxDecoding: 1 });
    let most = 0;
    const progress = { over: false };
    const settled = outcomes(Array.from({ length: 12 }, () => iqa.score(image))).finally(() => (progress.over = true));
    while (!progress.over) {
      most = Math.max(most, iqa.stats.decoding);
      await sleep(1);
    }
    expect(new Set(await settled)).toEqual(new Set(['result']));
    expect(most).toBe(1);
    await expect(HyperIQA.load(undefined, { maxDecoding: 0 })).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT'));
  });
});
