/** The public API with the real addon, a test model and real photographs. */
import { createReadStream, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createHash } from 'node:crypto';

import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  HyperIQA,
  HyperIQAError,
  defaultModelPath,
  runtimeInfo,
  type ImageInput,
  type LoadOptions,
  type ScoreResult,
} from '../../src/index.js';
import { errorWith } from '../helpers/errors.js';
import { testModel } from '../helpers/models.js';
import { LIBTORCH_VERSION } from '../helpers/libtorch.js';

const model = testModel('lite0');
// Without measuring graph modes, which takes a while and is the engine's matter.
const loading: LoadOptions = { device: 'cpu', graphMode: 'freeze' };
const image = (name: string) => new URL(`../fixtures/images/${name}`, import.meta.url);
const photographs = [
  'jpeg-420.jpg',
  'png-rgba.png',
  'webp-lossy.webp',
  'tiff-lzw.tif',
  'exact-224.png',
  'tiny-100x80.jpg',
];

let iqa: HyperIQA;
let folder: string;
beforeAll(async () => {
  iqa = await HyperIQA.load(model, loading);
  folder = await mkdtemp(join(tmpdir(), 'hyperiqa-scorer-'));
});
afterAll(async () => {
  await iqa.dispose();
  await rm(folder, { recursive: true });
});

describe('load', () => {
  test('info tells model, devices and versions', async () => {
    expect(iqa.info).toMatchObject({
      model: {
        name: 'hyperiqa-test-lite0',
        backbone: 'efficientnet_lite0',
        patchSize: 224,
        path: model,
        sha256: createHash('sha256')
          .update(await readFile(model))
          .digest('hex'),
      },
      devices: [{ id: 'cpu' }],
      fallbackReason: null,
      dtype: 'fp32',
      graphMode: 'freeze',
      selfCheck: { passed: true },
      libtorch: { version: LIBTORCH_VERSION },
      versions: {
        hyperiqa: '0.1.0',
        libtorch: LIBTORCH_VERSION,
        sharp: sharp.versions.sharp,
        node: process.versions.node,
      },
    });
    expect(Object.isFrozen(iqa.info.model.protocol)).toBe(true);
  });

  test('a file URL; the self-check can be left out and be done later', async () => {
    await using other = await HyperIQA.load(pathToFileURL(model), { ...loading, selfCheck: false });
    expect(other.info.selfCheck).toBeNull();
    const check = await other.selfCheck();
    expect(check.passed).toBe(true);
    expect(check.actual).toHaveLength(check.expected.length);
    expect(check.largestDifference).toBeLessThan(check.tolerance);
  });

  test('what is no model', async () => {
    const text = join(folder, 'text.pt');
    await writeFile(text, 'This is no model.');
    const cut = join(folder, 'cut.pt');
    await writeFile(cut, (await readFile(model)).subarray(0, 1_000_000));
    const empty = join(folder, 'empty.pt');
    await writeFile(empty, '');
    for (const path of [text, cut, empty, folder]) {
      await expect(HyperIQA.load(path, loading)).rejects.toEqual(errorWith('ERR_MODEL_FORMAT'));
    }
    await expect(HyperIQA.load(join(folder, 'none.pt'), loading)).rejects.toEqual(
      errorWith('ERR_MODEL_NOT_FOUND', /none\.pt/),
    );
  });

  test.each<[string, unknown, RegExp]>([
    ['options in the place of the model', { device: 'cpu' }, /options come second/],
    ['null', null, /model/],
    ['an empty path', '', /model/],
    ['a web address', new URL('https://example.org/model.pt'), /model/],
  ])('%s', async (_, wrong, message) => {
    await expect(HyperIQA.load(wrong as string, loading)).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT', message));
  });

  test('wrong options, devices, LibTorch', async () => {
    await expect(HyperIQA.load(model, { threads: NaN })).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT', /threads/));
    await expect(HyperIQA.load(model, { ...loading, libtorch: folder })).rejects.toEqual(
      errorWith('ERR_LIBTORCH_NOT_FOUND'),
    );
    const { cuda } = await runtimeInfo();
    if (!cuda.available) {
      await expect(HyperIQA.load(model, { device: 'cuda' })).rejects.toEqual(errorWith('ERR_DEVICE_UNAVAILABLE'));
    }
  });

  test('abort before and during', async () => {
    await expect(HyperIQA.load(model, { ...loading, signal: AbortSignal.abort('no') })).rejects.toMatchObject({
      code: 'ERR_ABORTED',
      cause: 'no',
    });
    const controller = new AbortController();
    const load = HyperIQA.load(model, { ...loading, signal: controller.signal });
    setImmediate(() => {
      controller.abort('changed my mind');
    });
    await expect(load).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: 'changed my mind' });
  });

  test('auto, asked for by name, says in every result that it fell back', async () => {
    const { cuda } = await runtimeInfo();
    await using auto = await HyperIQA.load(model, { ...loading, device: 'auto' });
    const { warnings, provenance } = await auto.score(image('exact-224.png'));
    if (cuda.available) {
      expect(provenance.device).toEqual(['cuda:0']);
    } else {
      expect(warnings.map(({ code }) => code)).toEqual(['WARN_DEVICE_FALLBACK']);
      expect(auto.info.fallbackReason).toBe(cuda.reason);
    }
  });
});

test('runtimeInfo and defaultModelPath need no model', async () => {
  expect(await runtimeInfo()).toMatchObject({ libtorch: { version: LIBTORCH_VERSION }, versions: iqa.info.versions });
  await expect(runtimeInfo({ libtorch: 5 } as never)).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT'));
  expect(defaultModelPath()).toMatch(/models[\\/]hyperiqa-lite0\.pt$/);
});

describe('a result', () => {
  test('of random crops: mean and standard error', async () => {
    const result = await iqa.score(image('jpeg-420.jpg'), { protocol: 'official', crops: 12, seed: 3 });
    const scores = result.crops.map(({ score }) => score);
    const mean = scores.reduce((a, b) => a + b) / 12;
    const variance = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / 11;
    expect(result.crops).toHaveLength(12);
    expect(result.score).toBeCloseTo(mean, 5);
    expect(result.standardError).toBeCloseTo(Math.sqrt(variance / 12), 5);
    expect(result).toMatchObject({
      spread: null,
      width: 640,
      height: 426,
      resized: { width: 384, height: 512 },
      warnings: [],
      provenance: {
        model: { name: 'hyperiqa-test-lite0', sha256: iqa.info.model.sha256 },
        protocol: { name: 'official', crops: { plan: 'random', count: 12 } },
        seed: '3',
        maxStandardError: null,
        maxCrops: null,
        device: ['cpu'],
        dtype: 'fp32',
        graphMode: 'freeze',
        versions: iqa.info.versions,
      },
    });
    for (const { x, y, width, height } of result.crops) {
      expect([width, height]).toEqual([224, 224]);
      expect(x >= 0 && x + 224 <= 384 && y >= 0 && y + 224 <= 512).toBe(true);
    }
    // JSON is what people store.
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });

  test('of a grid: spread; of one crop: neither', async () => {
    const grid = await iqa.score(image('jpeg-420.jpg'), { protocol: 'native' });
    expect(grid.standardError).toBeNull();
    expect(grid.spread).toBeGreaterThan(0);
    for (const crops of [1, { plan: 'center' } as const]) {
      expect(await iqa.score(image('jpeg-420.jpg'), { crops })).toMatchObject({ standardError: null, spread: null });
    }
  });

  test('the seed decides the crops, and nothing else does', async () => {
    const score = (seed: number | bigint) => iqa.score(image('jpeg-420.jpg'), { crops: 5, seed });
    const [first, again, other, large] = await Promise.all([score(1), score(1n), score(2), score(2n ** 64n - 1n)]);
    expect(again.crops.map(({ x, y }) => [x, y])).toEqual(first.crops.map(({ x, y }) => [x, y]));
    expect(other.crops.map(({ x, y }) => [x, y])).not.toEqual(first.crops.map(({ x, y }) => [x, y]));
    expect(large.provenance.seed).toBe('18446744073709551615');
  });

  test('enlarged images say so', async () => {
    const tiny = await iqa.score(image('tiny-100x80.jpg'), { protocol: 'pyiqa' });
    expect(tiny.warnings).toEqual([
      { code: 'WARN_ENLARGED', message: expect.stringMatching(/100×80.*281×225/) as string },
    ]);
    expect(tiny.resized).toEqual({ width: 281, height: 225 });
  });

  test('ignored profiles say so', async () => {
    const { warnings } = await iqa.score(image('jpeg-p3-profile.jpg'), { protocol: 'official', crops: 1 });
    expect(warnings.map(({ code }) => code)).toEqual(['WARN_ICC_PROFILE_IGNORED']);
    expect((await iqa.score(image('jpeg-p3-profile.jpg'), { protocol: 'native' })).warnings).toEqual([]);
  });

  test('crops are added until the standard error is small enough, or there are too many', async () => {
    const few = await iqa.score(image('jpeg-420.jpg'), { protocol: 'official', crops: 4 });
    const bound = few.standardError! / 2;
    const more = await iqa.score(image('jpeg-420.jpg'), { protocol: 'official', crops: 4, maxStandardError: bound });
    expect(more.crops.length).toBeGreaterThan(4);
    expect(more.standardError).toBeLessThan(bound);
    expect(more.warnings).toEqual([]);
    expect(more.provenance).toMatchObject({ maxStandardError: bound, maxCrops: 100 });

    const options = { protocol: 'official', crops: 4, maxStandardError: 1e-6, maxCrops: 6 } as const;
    const limited = await iqa.score(image('jpeg-420.jpg'), options);
    expect(limited.crops).toHaveLength(6);
    expect(limited.warnings.map(({ code }) => code)).toEqual(['WARN_STANDARD_ERROR_NOT_REACHED']);
  });
});

describe('the same score', () => {
  const near = (results: ScoreResult[], expected: ScoreResult[]) => {
    results.forEach(({ score, crops }, i) => {
      expect(Math.abs(score - expected[i]!.score)).toBeLessThan(1e-3);
      expect(crops.map(({ x, y }) => [x, y])).toEqual(expected[i]!.crops.map(({ x, y }) => [x, y]));
    });
  };
  let alone: ScoreResult[];
  beforeAll(async () => {
    alone = [];
    for (const name of photographs) alone.push(await iqa.score(image(name), { crops: 7, seed: 5 }));
  });

  test('alone, together, and in another order', async () => {
    near(await Promise.all(photographs.map((name) => iqa.score(image(name), { crops: 7, seed: 5 }))), alone);
    const reversed = await Promise.all(
      photographs.toReversed().map((name) => iqa.score(image(name), { crops: 7, seed: 5 })),
    );
    near(reversed.toReversed(), alone);
  });

  test.each<LoadOptions>([
    { batchSize: 1 },
    { batchSize: 3 },
    { threads: 1 },
    { maxQueueImages: 1 },
    { maxQueueBytes: 1 },
  ])('with %o', async (options) => {
    await using other = await HyperIQA.load(model, { ...loading, ...options });
    near(await Promise.all(photographs.map((name) => other.score(image(name), { crops: 7, seed: 5 }))), alone);
  });

  test('from every kind of input', async () => {
    const url = image('png-rgb.png');
    const bytes = readFileSync(url);
    const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
    const inputs: ImageInput[] = [
      fileURLToPath(url),
      url,
      bytes,
      new Uint8Array(bytes).buffer,
      createReadStream(url),
      new Blob([bytes]),
      new Blob([bytes]).stream(),
      { data, width: info.width, height: info.height, channels: 3 },
    ];
    const [first, ...others] = await Promise.all(inputs.map((input) => iqa.score(input, { crops: 3 })));
    for (const other of others) expect(Math.abs(other.score - first!.score)).toBeLessThan(1e-3);
  });

  test('from pixels that are overwritten as soon as the call has returned', async () => {
    const { data, info } = await sharp(readFileSync(image('png-rgb.png')))
      .raw()
      .toBuffer({ resolveWithObject: true });
    const raw = { data, width: info.width, height: info.height, channels: 3 } as const;
    const expected = await iqa.score(raw);
    const pending = iqa.score(raw);
    data.fill(0);
    expect(Math.abs((await pending).score - expected.score)).toBeLessThan(1e-3);
  });
});

describe('errors', () => {
  test('are HyperIQAErrors with the caller in their stack', async () => {
    const error: unknown = await iqa.score(join(folder, 'nothing.jpg')).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(HyperIQAError);
    expect(error).toMatchObject({ code: 'ERR_IMAGE_NOT_FOUND', cause: { code: 'ENOENT' } });
    expect((error as Error).stack).toMatch(/^HyperIQAError: There is no file .*nothing\.jpg/);
    expect((error as Error).stack).toContain('scorer.test.ts');
  });

  test.each<[string, unknown, object, RegExp]>([
    ['no image', undefined, {}, /The image must be/],
    ['unknown options', 'a.jpg', { sede: 1 }, /"sede"/],
    ['options null', 'a.jpg', null as never, /options must be an object/],
    ['NaN', 'a.jpg', { crops: NaN }, /crops/],
  ])('%s: rejected, not thrown', async (_, input, options, message) => {
    const rejection = iqa.score(input as ImageInput, options);
    await expect(rejection).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT', message));
  });

  test('a line of pixels is not blown up', async () => {
    const line = { data: new Uint8Array(3 * 100_000), width: 100_000, height: 1, channels: 3 } as const;
    await expect(iqa.score(line, { protocol: 'native' })).rejects.toEqual(errorWith('ERR_IMAGE_TOO_LARGE', /100000×1/));
    // The official protocol makes a fixed size of everything.
    expect((await iqa.score(line, { protocol: 'official', crops: 1 })).resized).toEqual({ width: 384, height: 512 });
  });
});

describe('many calls', () => {
  test('a queue of one image takes a hundred calls, with one shared signal and no warning', async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error) => warnings.push(warning);
    process.on('warning', listen);
    await using small = await HyperIQA.load(model, { ...loading, maxQueueImages: 1 });
    const { signal } = new AbortController();
    const raw = { data: new Uint8Array(224 * 224 * 3).fill(90), width: 224, height: 224, channels: 3 } as const;
    const results = await Promise.all(Array.from({ length: 100 }, () => small.score(raw, { crops: 1, signal })));
    expect(new Set(results.map(({ score }) => score.toFixed(3))).size).toBe(1);
    process.off('warning', listen);
    expect(warnings).toEqual([]);
  });

  test('the event loop stays free while the engine works', async () => {
    const before = performance.eventLoopUtilization();
    await Promise.all(Array.from({ length: 20 }, () => iqa.score(image('jpeg-420.jpg'), { crops: 4 })));
    // A forward pass on the event loop would hold it nearly all the time.
    expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.5);
  });
});

describe('abort', () => {
  test('takes an image out of the queue; the others are scored', async () => {
    const controller = new AbortController();
    const reason = new Error('not needed any more');
    const results = await Promise.allSettled(
      Array.from({ length: 12 }, (_, i) =>
        iqa.score(image('jpeg-420.jpg'), i % 2 ? { crops: 20, signal: controller.signal } : { crops: 2 }),
      ).map((promise, i) => {
        if (i === 11)
          setTimeout(() => {
            controller.abort(reason);
          }, 30);
        return promise;
      }),
    );
    results.forEach((result, i) => {
      if (i % 2 === 0) expect(result.status).toBe('fulfilled');
      else if (result.status === 'rejected')
        expect(result.reason).toMatchObject({ code: 'ERR_ABORTED', cause: reason });
    });
    expect(results.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0);
  });

  test('before the call, and with AbortSignal.timeout', async () => {
    await expect(iqa.score(image('jpeg-420.jpg'), { signal: AbortSignal.abort() })).rejects.toEqual(
      errorWith('ERR_ABORTED'),
    );
    const slow = iqa.score(image('large-2272x1704.jpg'), { crops: 2000, signal: AbortSignal.timeout(50) });
    await expect(slow).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: { name: 'TimeoutError' } });
  });
});

describe('dispose', () => {
  test('ends calls wherever they are, and is idempotent', async () => {
    const other = await HyperIQA.load(model, loading);
    const outcomes = Promise.allSettled(
      Array.from({ length: 30 }, () => other.score(image('jpeg-420.jpg'), { crops: 50 })),
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    await Promise.all([other.dispose(), other.dispose()]);
    await other.dispose();
    for (const outcome of await outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toEqual(errorWith('ERR_DISPOSED'));
    }
    expect((await outcomes).at(-1)!.status).toBe('rejected');
    await expect(other.score(image('jpeg-420.jpg'))).rejects.toEqual(errorWith('ERR_DISPOSED'));
    await expect(other.selfCheck()).rejects.toEqual(errorWith('ERR_DISPOSED'));
    await expect(other.scoreAll([image('jpeg-420.jpg')]).next()).rejects.toEqual(errorWith('ERR_DISPOSED'));
  });

  test('await using', async () => {
    let used;
    {
      await using scoped = await HyperIQA.load(model, loading);
      used = scoped;
      await used.score(image('exact-224.png'));
    }
    await expect(used.score(image('exact-224.png'))).rejects.toEqual(errorWith('ERR_DISPOSED'));
  });
});

describe('scoreAll', () => {
  test('a folder with bad files: each its own item, the rest is scored', async () => {
    const inputs = [
      image('jpeg-420.jpg'),
      image('broken/truncated.jpg'),
      image('broken/empty.jpg'),
      image('png-rgba.png'),
      image('broken/bomb.png'),
      join(folder, 'nothing.jpg'),
      folder,
      5 as unknown as string,
      image('broken/text.jpg'),
      image('webp-lossy.webp'),
    ];
    const items = [];
    for await (const item of iqa.scoreAll(inputs, { crops: 3 })) items.push(item);
    expect(items.map(({ input, index }) => [index, input])).toEqual(inputs.map((input, index) => [index, input]));
    expect(items.map(({ result, error }) => error?.code ?? result?.crops.length)).toEqual([
      3,
      'ERR_IMAGE_DECODE',
      'ERR_IMAGE_EMPTY',
      3,
      'ERR_IMAGE_TOO_LARGE',
      'ERR_IMAGE_NOT_FOUND',
      'ERR_IMAGE_READ',
      'ERR_INVALID_ARGUMENT',
      'ERR_IMAGE_FORMAT',
      3,
    ]);
  });

  test('the same scores as one by one, in either order and with any concurrency', async () => {
    const expected = await Promise.all(photographs.map((name) => iqa.score(image(name), { crops: 4 })));
    for (const options of [{ concurrency: 1 }, { concurrency: 50 }, { order: 'completed' }] as const) {
      const seen = new Set<number>();
      for await (const { index, result } of iqa.scoreAll(photographs.map(image), { crops: 4, ...options })) {
        expect(Math.abs(result!.score - expected[index]!.score)).toBeLessThan(1e-3);
        seen.add(index);
      }
      expect(seen.size).toBe(photographs.length);
    }
  });

  test('wrong options are thrown at the call', () => {
    const call =
      (options: object, inputs: unknown = []) =>
      () =>
        iqa.scoreAll(inputs as string[], options);
    expect(call({ concurrency: 0 })).toThrow(errorWith('ERR_INVALID_ARGUMENT', /concurrency/));
    expect(call({ order: 'random' })).toThrow(errorWith('ERR_INVALID_ARGUMENT', /order/));
    expect(call({ crops: 'all' })).toThrow(errorWith('ERR_INVALID_ARGUMENT', /crops/));
    expect(call({ parallel: 3 })).toThrow(errorWith('ERR_INVALID_ARGUMENT', /parallel/));
    expect(call({}, 'photo.jpg')).toThrow(errorWith('ERR_INVALID_ARGUMENT', /inputs/));
  });

  test('leaving the loop leaves nothing behind', async () => {
    for await (const { index } of iqa.scoreAll(Array(1000).fill(image('jpeg-420.jpg')), { crops: 30 })) {
      if (index === 1) break;
    }
    // The engine is free again at once.
    expect((await iqa.score(image('exact-224.png'), { crops: 1 })).crops).toHaveLength(1);
  });
});
