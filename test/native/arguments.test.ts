/** Wrong arguments straight to the native functions, past the checks of the TypeScript layer: an error each, never a crash. */
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { NativeBinding, NativeDetector, NativeEngine } from '../../binding.js';
import { codeOf, detectorOptions, loader, loadOptions, openBinding, pixels, scoreOptions } from './setup.js';
import { LIBTORCH_VERSION, findLibTorch, libraryFiles } from '../helpers/libtorch.js';

let binding: NativeBinding;
let engine: NativeEngine;
let detector: NativeDetector;

beforeAll(async () => {
  binding = await openBinding();
  engine = await binding.load(loadOptions());
  detector = await binding.loadDetector(detectorOptions());
});
afterAll(() => Promise.all([engine.dispose(), detector.dispose()]));

/** Values of every type, to be put where something else belongs. */
const strange: unknown[] = [
  undefined,
  null,
  true,
  -1,
  0.5,
  NaN,
  Infinity,
  -Infinity,
  2 ** 53,
  1e300,
  -0.5,
  '',
  'x',
  '\0',
  10n,
  -1n,
  2n ** 64n,
  Symbol('s'),
  {},
  [],
  new Array(2 ** 32 - 1),
  () => 1,
  new Proxy({}, {}),
  new Uint8Array(0),
  new Float32Array(3),
  new Date(NaN),
  Object.create(null),
];

test('strange values in place of an options object', async () => {
  for (const value of strange) {
    expect(await codeOf(() => binding.load(value as never))).toBe('ERR_INVALID_ARGUMENT');
    expect(await codeOf(() => engine.score(pixels(), 256, 240, value as never))).toBe('ERR_INVALID_ARGUMENT');
  }
});

test('strange values in place of an amount of memory', async () => {
  for (const value of strange) {
    // A whole number would limit this process.
    if (Number.isSafeInteger(value) && (value as number) >= 0) continue;
    const code = await codeOf(() => {
      binding.restrictProcess(value as never);
    });
    expect(code, inspect(value, { maxArrayLength: 3 })).toBe('ERR_INVALID_ARGUMENT');
  }
});

/** Strange values that are right for an option. */
const allowed: Record<string, unknown[]> = {
  modelPath: ['x'],
  tuning: [true],
  tuningFile: ['', 'x'],
  selfCheck: [true],
  trustModel: [true],
  batchSize: [-0],
  seed: [10n],
  maxStandardError: [undefined, 0.5, 2 ** 53, 1e300],
  maxCrops: [undefined],
};

describe('strange values in place of each option', () => {
  test.each(Object.keys(loadOptions()))('load %s', async (key) => {
    for (const value of strange) {
      if (allowed[key]?.includes(value)) continue;
      const code = await codeOf(() => binding.load({ ...loadOptions(), [key]: value }));
      expect(code, `${key}: ${inspect(value, { maxArrayLength: 3 })}`).toBe(
        'ERR_INVALID_ARGUMENT',
      );
    }
  });

  test.each([...Object.keys(scoreOptions()), 'maxStandardError', 'maxCrops'])('score %s', async (key) => {
    for (const value of strange) {
      if (allowed[key]?.includes(value)) continue;
      const code = await codeOf(() => engine.score(pixels(), 256, 240, { ...scoreOptions(), [key]: value }));
      expect(code, `${key}: ${inspect(value, { maxArrayLength: 3 })}`).toBe('ERR_INVALID_ARGUMENT');
    }
  });
});

describe('the face detector', () => {
  test('strange values in place of its options', async () => {
    for (const value of strange) {
      expect(await codeOf(() => binding.loadDetector(value as never))).toBe('ERR_INVALID_ARGUMENT');
      expect(await codeOf(() => detector.detect(pixels(), 256, 240, value as never))).toBe('ERR_INVALID_ARGUMENT');
      expect(await codeOf(() => detector.cancel(value as never))).toBe('ERR_INVALID_ARGUMENT');
      for (const key of Object.keys(detectorOptions())) {
        if (allowed[key]?.includes(value) || (key === 'device' && value === 'x')) continue;
        const code = await codeOf(() => binding.loadDetector({ ...detectorOptions(), [key]: value }));
        expect(code, `${key}: ${inspect(value, { maxArrayLength: 3 })}`).toBe('ERR_INVALID_ARGUMENT');
      }
      // A smallest face from 12 to 65536 pixels; 0 is the model's own.
      if (value === 0 || Object.is(value, -0)) continue;
      const code = await codeOf(() => detector.detect(pixels(), 256, 240, { minimumFace: value as never }));
      expect(code, inspect(value, { maxArrayLength: 3 })).toBe('ERR_INVALID_ARGUMENT');
    }
  });

  test('wrong pixels', async () => {
    const options = { minimumFace: 0 };
    const detect = (data: unknown, width: unknown, height: unknown) =>
      codeOf(() => detector.detect(data as never, width as never, height as never, options));
    expect(await detect('x', 256, 240)).toBe('ERR_INVALID_ARGUMENT');
    expect(await detect(pixels(), 0, 240)).toBe('ERR_INVALID_ARGUMENT');
    expect(await detect(pixels(), 255, 240)).toBe('ERR_IMAGE_RAW_SIZE');
    expect(await detect(new Uint8Array(new SharedArrayBuffer(256 * 240 * 3)), 256, 240)).toBe('ERR_INVALID_ARGUMENT');
  });

  test('a wrong `this` does not matter', async () => {
    // eslint-disable-next-line @typescript-eslint/unbound-method -- what is tested
    const { detect, cancel } = detector;
    const borrowed = detect.call(new Date(), pixels(), 256, 240, { minimumFace: 0 });
    expect((await borrowed.result).faces).toEqual([]);
    expect(cancel.call(null as never, borrowed.id)).toBe(false);
  });

  test('its jobs and those of a scorer are kept apart', async () => {
    const ticket = detector.detect(pixels(), 256, 240, { minimumFace: 0 });
    expect(engine.cancel(ticket.id)).toBe(false);
    expect((await ticket.result).faces).toEqual([]);
  });
});

test('options of resize and crops', async () => {
  const wrong: unknown[] = [
    { resize: { mode: 'exact', width: 0, height: 5 } },
    { resize: { mode: 'exact', width: 5 } },
    { resize: { mode: 'exact', width: 2 ** 31, height: 5 } },
    { resize: { mode: 'short-side' } },
    { resize: { mode: 'short-side', size: NaN } },
    { resize: { mode: 'long-side', size: 5 } },
    { crops: { plan: 'random' } },
    { crops: { plan: 'random', count: 0 } },
    { crops: { plan: 'random', count: 1.5 } },
    { crops: { plan: 'random', count: 2 ** 31 } },
    { crops: { plan: 'grid', rows: 0 } },
    { crops: { plan: 'grid', columns: '2' } },
    { crops: { plan: 'spiral' } },
  ];
  for (const changes of wrong) {
    const code = await codeOf(() => engine.score(pixels(), 256, 240, { ...scoreOptions(), ...(changes as object) }));
    expect(code, JSON.stringify(changes)).toBe('ERR_INVALID_ARGUMENT');
  }
});

test('strange values in place of the pixels and their size', async () => {
  for (const value of strange.filter((one) => !(one instanceof Uint8Array))) {
    expect(await codeOf(() => engine.score(value as never, 256, 240, scoreOptions()))).toBe('ERR_INVALID_ARGUMENT');
    expect(await codeOf(() => engine.score(pixels(), value as never, 240, scoreOptions()))).toBe('ERR_INVALID_ARGUMENT');
    expect(await codeOf(() => engine.score(pixels(), 256, value as never, scoreOptions()))).toBe('ERR_INVALID_ARGUMENT');
    expect(await codeOf(() => engine.cancel(value as never))).toBe('ERR_INVALID_ARGUMENT');
  }
  const clamped = new Uint8ClampedArray(256 * 240 * 3);
  expect(await codeOf(() => engine.score(clamped as never, 256, 240, scoreOptions()))).toBe('ERR_INVALID_ARGUMENT');
});

test('pixels of another size than said', async () => {
  const sizes: [Uint8Array, number, number][] = [
    [new Uint8Array(0), 256, 240],
    [new Uint8Array(256 * 240 * 3 - 1), 256, 240],
    [new Uint8Array(256 * 240 * 3 + 3), 256, 240],
    [new Uint8Array(256 * 240 * 4), 256, 240],
    [pixels(), 240, 255],
    [pixels(), 2 ** 31 - 1, 2 ** 31 - 1],
    // width * height * 3 is 0 modulo 2^64 and 2^32.
    [new Uint8Array(0), 2 ** 30, 2 ** 30],
  ];
  for (const [data, width, height] of sizes) {
    expect(await codeOf(() => engine.score(data, width, height, scoreOptions()))).toBe('ERR_IMAGE_RAW_SIZE');
  }
});

test('memory that can change under the engine', async () => {
  const code = (data: Uint8Array): Promise<unknown> => codeOf(() => engine.score(data, 256, 240, scoreOptions()));
  expect(await code(new Uint8Array(new SharedArrayBuffer(256 * 240 * 3)))).toBe('ERR_INVALID_ARGUMENT');
  const resizable = Reflect.construct(ArrayBuffer, [256 * 240 * 3, { maxByteLength: 2 ** 20 }]) as ArrayBuffer;
  expect(await code(new Uint8Array(resizable))).toBe('ERR_INVALID_ARGUMENT');
  const detached = pixels();
  structuredClone(detached, { transfer: [detached.buffer as ArrayBuffer] });
  expect(await code(detached)).toBe('ERR_INVALID_ARGUMENT');
});

test('options whose getters detach the pixels or throw', async () => {
  const data = pixels();
  const detaching = {
    ...scoreOptions(),
    get seed(): bigint {
      structuredClone(data, { transfer: [data.buffer as ArrayBuffer] });
      return 0n;
    },
  };
  expect(await codeOf(() => engine.score(data, 256, 240, detaching))).toBe('ERR_INVALID_ARGUMENT');

  const throwing = (value: unknown): never =>
    new Proxy(
      {},
      {
        get() {
          throw value;
        },
      },
    ) as never;
  for (const value of [new Error('mine'), 'text', 1, undefined, Symbol('s')]) {
    expect(await codeOf(() => engine.score(pixels(), 256, 240, throwing(value)))).toBe('ERR_INVALID_ARGUMENT');
    expect(await codeOf(() => binding.load(throwing(value)))).toBe('ERR_INVALID_ARGUMENT');
  }
});

test('a wrong `this` does not matter', async () => {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- what is tested
  const { score, cancel, selfCheck } = engine;
  const borrowed = score.call(new Date(), pixels(), 256, 240, scoreOptions());
  expect((await borrowed.result).crops).toHaveLength(2);
  expect(cancel.call(null as never, borrowed.id)).toBe(false);
  expect((await selfCheck.call(new Map() as never)).passed).toBe(true);
  expect(await codeOf(() => binding.load.call(7 as never, {} as never))).toBe('ERR_INVALID_ARGUMENT');
});

test('a view into a larger buffer is scored like a copy of it', async () => {
  const data = pixels();
  const larger = new Uint8Array(data.length + 100);
  larger.set(data, 37);
  const view = larger.subarray(37, 37 + data.length);
  const [one, other] = await Promise.all([data, view].map((p) => engine.score(p, 256, 240, scoreOptions()).result));
  expect(other).toEqual(one);
});

describe('the loader', () => {
  test('strange values in place of paths', async () => {
    for (const value of strange) {
      expect(await codeOf(() => loader.open(value as never))).toBe('ERR_INVALID_ARGUMENT');
      expect(await codeOf(() => loader.open([value] as never))).toBe('ERR_INVALID_ARGUMENT');
    }
    expect(await codeOf(() => loader.open(['relative/libc10.so']))).toBe('ERR_INVALID_ARGUMENT');
    expect(await codeOf(() => loader.open(['/a\0b']))).toBe('ERR_INVALID_ARGUMENT');
  });

  test('files that are no libraries', async () => {
    expect(await codeOf(() => loader.open(['/nowhere/libc10.so']))).toBe('ERR_LIBTORCH_LOAD');
    expect(await codeOf(() => loader.open([new URL(import.meta.url).pathname]))).toBe('ERR_LIBTORCH_LOAD');
    await expect(loader.open([new URL(import.meta.url).pathname])).rejects.toThrow(
      /arguments\.test\.ts cannot be loaded: .*(?:invalid ELF header|file too short|not a mach-o)/,
    );
  });

  test('opening again what is open does nothing', async () => {
    await loader.open(libraryFiles(findLibTorch().path));
    expect(loader.libtorchVersion()).toBe(LIBTORCH_VERSION);
  });
});
