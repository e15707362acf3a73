/** Order, concurrency, laziness and ends of scoreAll, with scores that are ready when the test says so. */
import { getEventListeners } from 'node:events';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';

import { checkInputs, scoreAll, type ScoreAllPlan } from '../../src/scoring/many.js';
import { errorWith } from '../helpers/errors.js';
import { HyperIQAError, type ScoreResult } from '../../src/index.js';

const DONE = { done: true, value: undefined };
const later = (ms = 5) => new Promise((resolve) => setTimeout(resolve, ms));
const result = (score: number) => ({ score }) as ScoreResult;

/** Scores n after n milliseconds; negative numbers fail. */
function makePlan(extra: Partial<ScoreAllPlan<number, ScoreResult>> = {}) {
  const state = { running: 0, most: 0, started: [] as number[], aborted: [] as unknown[] };
  const plan: ScoreAllPlan<number, ScoreResult> = {
    concurrency: 3,
    order: 'input',
    signal: undefined,
    score: async (input, signal) => {
      state.started.push(input);
      state.most = Math.max(state.most, ++state.running);
      signal.addEventListener('abort', () => state.aborted.push(input));
      await later(Math.abs(input));
      state.running--;
      if (input < 0) throw new HyperIQAError('ERR_IMAGE_DECODE', `${input} is damaged`);
      return result(input);
    },
    ...extra,
  };
  return { plan, state };
}

/** The first input is done at once. */
function quickFirst({ score }: ScoreAllPlan<number, ScoreResult>): typeof score {
  let first = true;
  return (input, signal) => {
    if (!first) return score(input, signal);
    first = false;
    return Promise.resolve(result(0));
  };
}

async function collect(inputs: Iterable<number> | AsyncIterable<number>, plan: ScoreAllPlan<number, ScoreResult>) {
  const items = [];
  for await (const { input, index, result, error } of scoreAll(inputs, plan)) {
    items.push([index, input, error?.code ?? result?.score]);
  }
  return items;
}

describe('order and errors', () => {
  test('in the order of the inputs, each with its result or its error', async () => {
    const { plan, state } = makePlan();
    expect(await collect([30, 1, -10, 2], plan)).toEqual([
      [0, 30, 30],
      [1, 1, 1],
      [2, -10, 'ERR_IMAGE_DECODE'],
      [3, 2, 2],
    ]);
    expect(state.most).toBe(3);
    expect(state.aborted).toEqual([]);
  });

  test('as they are completed', async () => {
    const { plan } = makePlan({ order: 'completed' });
    // The first takes so long that no load of the machine lets it overtake the last.
    expect((await collect([3000, 1, -20, 35], plan)).map(([index]) => index)).toEqual([1, 2, 3, 0]);
  });

  test('an error that is none of ours is an item too', async () => {
    const { plan } = makePlan({ score: () => Promise.reject(new TypeError('oops')) });
    expect(await collect([1], plan)).toEqual([[0, 1, 'ERR_INTERNAL']]);
  });

  test.each([[[]], [new Set<number>()], [Readable.from([])]])('nothing in, nothing out: %o', async (inputs) => {
    expect(await collect(inputs, makePlan().plan)).toEqual([]);
  });
});

describe('pulling', () => {
  test('an endless source is pulled only as far ahead as the concurrency', async () => {
    const { plan } = makePlan();
    let pulled = 0;
    let closed = false;
    function* endless() {
      try {
        for (;;) {
          pulled++;
          yield 1;
        }
      } finally {
        closed = true;
      }
    }
    let seen = 0;
    for await (const { index } of scoreAll(endless(), plan)) {
      seen++;
      // A slow reader does not make the source run away.
      await later(10);
      expect(pulled).toBeLessThanOrEqual(index + 1 + plan.concurrency);
      if (seen === 5) break;
    }
    expect(closed).toBe(true);
  });

  test('others are scored while the caller works with an item', async () => {
    const { plan, state } = makePlan();
    const iterator = scoreAll([1, 1, 1, 1, 1, 1], plan);
    await iterator.next();
    await later(30);
    expect(state.started).toHaveLength(4);
    await iterator.return();
  });

  test('nothing is pulled before the first item is asked for', async () => {
    const source = { next: vi.fn(() => ({ done: true, value: undefined }) as const), [Symbol.iterator]: () => source };
    const items = scoreAll(source, makePlan().plan);
    await later();
    expect(source.next).not.toHaveBeenCalled();
    expect(await items.next()).toEqual({ done: true, value: undefined });
  });

  test('finished items are handed out while the source waits for its next input', async () => {
    const { plan } = makePlan();
    async function* slow() {
      yield 1;
      await new Promise(() => undefined);
    }
    const items = scoreAll(slow(), plan);
    expect(await items.next()).toMatchObject({ value: { index: 0 } });
    // Leaving must not wait for a source that may wait for ever.
    await items.return();
  });
});

describe('ends', () => {
  test('leaving the loop aborts what is under way and closes the source', async () => {
    const { plan, state } = makePlan();
    const source = { next: () => ({ done: false, value: 20 }), return: vi.fn(() => ({ done: true, value: 0 })) };
    for await (const item of scoreAll({ [Symbol.iterator]: () => source }, { ...plan })) {
      expect(item.index).toBe(0);
      break;
    }
    expect(source.return).toHaveBeenCalledOnce();
    expect(state.aborted.length).toBeGreaterThan(0);
    await later(50);
  });

  test('an error of the source comes after what was pulled before it', async () => {
    const { plan } = makePlan();
    function* failing() {
      yield 20;
      yield 1;
      throw new RangeError('the list is broken');
    }
    const items: number[] = [];
    await expect(
      (async () => {
        for await (const { index } of scoreAll(failing(), plan)) items.push(index);
      })(),
    ).rejects.toThrow(new RangeError('the list is broken'));
    expect(items).toEqual([0, 1]);
  });

  test('an abort ends the loop with ERR_ABORTED, its reason as cause, and closes the source', async () => {
    const controller = new AbortController();
    const { plan, state } = makePlan({ signal: controller.signal });
    let closed = false;
    async function* source() {
      try {
        for (;;) {
          await later(1);
          yield 1000;
        }
      } finally {
        closed = true;
      }
    }
    setTimeout(() => {
      controller.abort('stop');
    }, 30);
    await expect(collect(source(), plan)).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: 'stop' });
    await later();
    expect(closed).toBe(true);
    expect(state.aborted).toHaveLength(3);
  });

  test('an abort ends what is under way and the source at once, though nobody asks for an item', async () => {
    const controller = new AbortController();
    const { plan, state } = makePlan({ signal: controller.signal });
    const source = { next: () => ({ done: false, value: 1000 }), return: vi.fn(() => ({ done: true, value: 0 })) };
    const items = scoreAll({ [Symbol.iterator]: () => source }, { ...plan, score: quickFirst(plan) });
    expect(await items.next()).toMatchObject({ value: { index: 0 } });
    await later();
    controller.abort('stop');
    expect(state.aborted).toHaveLength(3);
    await later();
    expect(source.return).toHaveBeenCalledOnce();
    await expect(items.next()).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: 'stop' });
    expect(await items.next()).toEqual({ done: true, value: undefined });
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  test('return is heard while an item is waited for', async () => {
    const { plan, state } = makePlan();
    const items = scoreAll([1000, 1000, 1000, 1000], plan);
    const waiting = [items.next(), items.next()];
    await later();
    expect(await items.return()).toEqual({ done: true, value: undefined });
    expect(state.aborted).toHaveLength(3);
    expect(await Promise.all(waiting)).toEqual([DONE, DONE]);
    expect(await items.next()).toEqual(DONE);
    expect(state.started).toHaveLength(3);
  });

  test('throw ends everything, and so does the end of a block that uses it', async () => {
    const { plan, state } = makePlan();
    const items = scoreAll([1000], plan);
    void items.next();
    await later();
    await expect(items.throw(new RangeError('mine'))).rejects.toThrow(new RangeError('mine'));
    expect(state.aborted).toEqual([1000]);
    {
      await using scoped = scoreAll([2000], plan);
      void scoped.next();
      await later();
    }
    expect(state.aborted).toEqual([1000, 2000]);
  });

  test('items that are asked for at the same time come in order', async () => {
    const items = scoreAll([20, 1, 10], makePlan().plan);
    const all = await Promise.all([items.next(), items.next(), items.next(), items.next()]);
    expect(all.map(({ value }) => value?.input)).toEqual([20, 1, 10, undefined]);
  });

  test('a source that cannot be started ends it', async () => {
    const broken = {
      [Symbol.iterator]: (): Iterator<number> => {
        throw new RangeError('no list');
      },
    };
    const items = scoreAll(broken, makePlan().plan);
    await expect(items.next()).rejects.toThrow(new RangeError('no list'));
    expect(await items.next()).toEqual(DONE);
  });

  test('an abort before the loop', async () => {
    const { plan, state } = makePlan({ signal: AbortSignal.abort('early') });
    await expect(collect([1], plan)).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: 'early' });
    expect(state.started).toEqual([]);
  });

  test('a disposed scorer ends an endless list', async () => {
    const { plan } = makePlan({ score: () => Promise.reject(new HyperIQAError('ERR_DISPOSED', 'gone')) });
    function* endless() {
      for (;;) yield 1;
    }
    await expect(collect(endless(), plan)).rejects.toEqual(errorWith('ERR_DISPOSED'));
  });
});

test.each<[string, unknown]>([
  ['a string', 'photo.jpg'],
  ['bytes', Buffer.from('abc')],
  ['a stream of bytes', createReadStream(new URL(import.meta.url))],
  ['a number', 5],
  ['null', null],
  ['undefined', undefined],
  ['an object', { a: 1 }],
])('%s is no list of images', (_, inputs) => {
  expect(() => {
    checkInputs(inputs);
  }).toThrow(errorWith('ERR_INVALID_ARGUMENT'));
});
