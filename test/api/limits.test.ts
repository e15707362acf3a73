/** Bounds the cost of an image by its size before it is decoded: enlargement, patches, bytes, crops of faces. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import sharp, { type Sharp } from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';

import { checkPatches, checkedResize } from '../../src/intake/cost.js';
import { HyperIQA, protocolNames, resolveProtocol, type ProtocolName } from '../../src/index.js';
import { FaceDetector } from '../../src/faces/index.js';
import { mapPicture, qualityMap } from '../../src/maps/index.js';
import { errorWith } from '../helpers/errors.js';
import { testModel } from '../helpers/models.js';
import { loadSharp } from '../../src/add-on.js';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const narrow = fixture('limits/narrow-1x1820.png');
const onePixel = fixture('limits/one-pixel.png');
const photo = fileURLToPath(new URL('../../examples/photos/lake.jpg', import.meta.url));
/** Prototype of the sharp instances that decode. */
const prototype = Object.getPrototypeOf(loadSharp()(photo)) as { toBuffer: () => Promise<unknown> };

let iqa: HyperIQA;
beforeAll(async () => {
  iqa = await HyperIQA.load(testModel('lite0'), { device: 'cpu', graphMode: 'freeze' });
});
afterAll(() => iqa.dispose());
afterEach(() => {
  vi.restoreAllMocks();
});

const protocolOf = (name: ProtocolName) => resolveProtocol(iqa.info.model, { protocol: name });
const size = (width: number, height: number) => ({ label: 'image', width, height });

describe('what a protocol makes of an image', () => {
  test('a line in 95 bytes is refused before it is decoded, with sizes, patches, limit and remedy', async () => {
    const decoding = vi.spyOn(prototype, 'toBuffer');
    await expect(iqa.score(narrow, { protocol: 'native' })).rejects.toEqual(
      errorWith('ERR_IMAGE_TOO_LARGE', /1×1820.*384×698880.*6240 patches.*at most 100 times.*less narrow/s),
    );
    for (const protocol of ['pyiqa', 'official-test'] as const) {
      const rejection = expect(iqa.score(narrow, { protocol })).rejects;
      if (protocolOf(protocol).resize.mode === 'exact') await rejection.not.toThrow();
      else await rejection.toEqual(errorWith('ERR_IMAGE_TOO_LARGE'));
    }
    await expect(qualityMap(iqa, narrow, { protocol: 'native' })).rejects.toEqual(errorWith('ERR_IMAGE_TOO_LARGE'));
    expect(decoding).not.toHaveBeenCalled();
  });

  test.each([
    ['PNG', (image: Sharp) => image.png()],
    ['JPEG', (image: Sharp) => image.jpeg()],
    ['TIFF', (image: Sharp) => image.tiff()],
    ['WebP', (image: Sharp) => image.webp()],
  ])('whatever the format: %s, lying and upright', async (_, encode) => {
    for (const [width, height] of [
      [3, 400],
      [400, 3],
    ] as const) {
      const bytes = await encode(sharp({ create: { width, height, channels: 3, background: '#888' } })).toBuffer();
      const decoding = vi.spyOn(prototype, 'toBuffer');
      await expect(iqa.score(bytes, { protocol: 'native' })).rejects.toEqual(
        errorWith('ERR_IMAGE_TOO_LARGE', new RegExp(`${width}×${height}`)),
      );
      expect(decoding).not.toHaveBeenCalled();
      decoding.mockRestore();
    }
    const data = new Uint8Array(3 * 400 * 3);
    await expect(iqa.score({ data, width: 400, height: 3, channels: 3 }, { protocol: 'native' })).rejects.toEqual(
      errorWith('ERR_IMAGE_TOO_LARGE'),
    );
  });

  test('the aspect counts only where it is kept', () => {
    const limit = 268_402_689;
    expect(checkedResize(size(1, 100), protocolOf('native'), limit)).toEqual({ width: 384, height: 38_400 });
    expect(() => checkedResize(size(1, 101), protocolOf('native'), limit)).toThrow(errorWith('ERR_IMAGE_TOO_LARGE'));
    expect(() => checkedResize(size(40_400, 400), protocolOf('native'), limit)).toThrow(
      errorWith('ERR_IMAGE_TOO_LARGE'),
    );
    // Neither is the image scaled by its aspect under these.
    expect(checkedResize(size(1, 5000), protocolOf('official'), limit)).toEqual({ width: 384, height: 512 });
    expect(checkedResize(size(225, 50_000), protocolOf('pyiqa'), limit)).toEqual({ width: 225, height: 50_000 });
  });

  test('limitInputPixels covers the resized image, but always lets small ones be enlarged', () => {
    const resize = (limit: number, side: number) =>
      checkedResize(size(100, 100), { ...protocolOf('native'), resize: { mode: 'short-side', size: side } }, limit);
    expect(resize(10_000, 2048)).toEqual({ width: 2048, height: 2048 });
    expect(() => resize(10_000, 2049)).toThrow(
      errorWith('ERR_IMAGE_TOO_LARGE', /100×100.*2049×2049 = 4198401.*4194304.*raise limitInputPixels/s),
    );
    expect(resize(5_000_000, 2049)).toEqual({ width: 2049, height: 2049 });
    // The engine's limit is enforced before the engine, too.
    expect(() => resize(1e12, 16_385)).toThrow(errorWith('ERR_IMAGE_TOO_LARGE', /268435456/));
    expect(() => checkedResize(size(16_385, 16_385), protocolOf('official'), 1e12)).toThrow(
      errorWith('ERR_IMAGE_TOO_LARGE', /whatever limitInputPixels/),
    );
  });

  test.each([...protocolNames])('%s: an image below the size of a patch has WARN_ENLARGED', async (protocol) => {
    const { warnings, resized } = await iqa.score(onePixel, { protocol });
    expect(warnings.map(({ code }) => code)).toContain('WARN_ENLARGED');
    expect(warnings.find(({ code }) => code === 'WARN_ENLARGED')?.message).toContain(
      `1×1 pixels was enlarged to ${resized.width}×${resized.height}`,
    );
    // One that is large enough has none, though the protocol enlarges it, too.
    const data = new Uint8Array(300 * 300 * 3);
    const larger = await iqa.score({ data, width: 300, height: 300, channels: 3 }, { protocol });
    expect(larger.warnings).toEqual([]);
  });
});

describe('patches of a map', () => {
  test('are limited by limitInputPixels', async () => {
    const options = { protocol: 'native', stride: 4, limitInputPixels: 500_000 } as const;
    // 384×682 pixels after the resize: 41×116 patches.
    const decoding = vi.spyOn(prototype, 'toBuffer');
    await expect(qualityMap(iqa, photo, options)).rejects.toEqual(
      errorWith('ERR_IMAGE_TOO_LARGE', /682×384.*4756 patches.*4096.*larger stride/s),
    );
    expect(decoding).not.toHaveBeenCalled();
  });

  test('are never more than 100,000', () => {
    const large = { width: 16_000, height: 16_000 };
    expect(() => {
      checkPatches('image', large, 100_001, 1e12);
    }).toThrow(errorWith('ERR_IMAGE_TOO_LARGE', /100000/));
    checkPatches('image', large, 100_000, 1e12);
  });
});

describe('maps', () => {
  test('are counted and refused as scores are, and their photographs wait as images do', async () => {
    await using small = await HyperIQA.load(testModel('lite0'), {
      device: 'cpu',
      graphMode: 'freeze',
      selfCheck: false,
      maxPending: 1,
    });
    const map = qualityMap(small, photo, { stride: 120 });
    expect(small.pending).toBe(1);
    await expect(qualityMap(small, photo)).rejects.toEqual(errorWith('ERR_QUEUE_FULL'));
    await expect(small.score(photo)).rejects.toEqual(errorWith('ERR_QUEUE_FULL'));
    await map;
    expect(small.pending).toBe(0);
  });

  test('an abort is heard while the image is decoded', async () => {
    const controller = new AbortController();
    vi.spyOn(prototype, 'toBuffer').mockImplementation(() => {
      controller.abort('enough');
      return new Promise((resolve) => setTimeout(resolve, 60_000).unref());
    });
    const rejected = { code: 'ERR_ABORTED', cause: 'enough' };
    await expect(qualityMap(iqa, photo, { signal: controller.signal })).rejects.toMatchObject(rejected);
  });

  test('a picture of another image is refused before it is decoded; an abort is heard', async () => {
    const map = await qualityMap(iqa, photo, { stride: 160 });
    const decoding = vi.spyOn(prototype, 'toBuffer');
    const other = photo.replace('lake', 'kitten');
    await expect(mapPicture(map, other)).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT', /this one has/));
    expect(decoding).not.toHaveBeenCalled();
    await expect(mapPicture(map, photo, { limitInputBytes: 1000 })).rejects.toEqual(errorWith('ERR_IMAGE_TOO_LARGE'));
    await expect(mapPicture(map, photo, { signal: AbortSignal.abort() })).rejects.toEqual(errorWith('ERR_ABORTED'));
    const broken = [
      { ...map, rows: 1e9 },
      { ...map, columns: map.columns + 1 },
      { ...map, width: 0 },
      { ...map, patchSize: NaN },
      { ...map, patches: [{ x: 0, y: 0, score: 'high' as never }], rows: 1, columns: 1 },
      { ...map, patches: [null], rows: 1, columns: 1 },
      { ...map, resized: undefined },
      { ...map, scale: undefined },
      { ...map, scale: { ...map.scale, minimum: NaN } },
      { ...map, scale: { ...map.scale, higherIsBetter: 1 } },
      { ...map, provenance: null },
      { ...map, provenance: { protocol: 'native' } },
      null,
      'map',
    ] as never[];
    for (const wrong of broken) {
      await expect(mapPicture(wrong, photo)).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT', /[Tt]he map/));
    }
    for (const decode of [undefined, {}, { ...map.provenance.protocol.decode, alpha: 'keep' }]) {
      const wrong = { ...map, provenance: { ...map.provenance, protocol: { ...map.provenance.protocol, decode } } };
      await expect(mapPicture(wrong as never, photo)).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT'));
    }
  });
});

describe('bytes', () => {
  test.each([
    ['a path', () => photo],
    ['bytes', () => readFileSync(photo)],
    ['a Blob', () => new Blob([readFileSync(photo)])],
    ['a stream', () => new Blob([readFileSync(photo)]).stream()],
  ])('of %s are limited', async (_, input) => {
    const { length } = readFileSync(photo);
    const crops = { plan: 'center' } as const;
    await expect(iqa.score(input(), { crops, limitInputBytes: length - 1 })).rejects.toEqual(
      errorWith('ERR_IMAGE_TOO_LARGE', /limitInputBytes/),
    );
    expect(await iqa.score(input(), { crops, limitInputBytes: length })).toMatchObject({ width: 896 });
  });

  test.each([0, 2 ** 31, 1.5, '1e6'])('limitInputBytes %s is refused', async (limitInputBytes) => {
    await expect(iqa.score(photo, { limitInputBytes: limitInputBytes as number })).rejects.toEqual(
      errorWith('ERR_INVALID_ARGUMENT', /limitInputBytes must be/),
    );
  });
});

describe('faces', () => {
  const portraits = fileURLToPath(new URL('../../examples/face-study/photos/two-portraits.jpg', import.meta.url));
  let detector: FaceDetector;
  beforeAll(async () => {
    detector = await FaceDetector.load(undefined, { maxPending: 1, selfCheck: false });
  });
  afterAll(() => detector.dispose());

  test('the crops together have no more pixels than an image may have', async () => {
    const { width, height } = await sharp(portraits).metadata();
    const options = { crops: true, searchSize: 60, limitInputPixels: width * height };
    const { faces } = await detector.detect(portraits, options);
    expect(faces.filter(({ pixels }) => pixels !== undefined)).toHaveLength(2);
    await expect(detector.detect(portraits, { ...options, margin: 10 })).rejects.toEqual(
      errorWith('ERR_IMAGE_TOO_LARGE', /2 faces.*margin/),
    );
  });

  test('calls are counted and refused, also those of both models, and nothing of a refused one goes on', async () => {
    const first = detector.detect(portraits);
    expect([detector.pending, detector.maxPending]).toEqual([1, 1]);
    await expect(detector.detect(portraits)).rejects.toEqual(errorWith('ERR_QUEUE_FULL', /face detector/));
    await first;
    expect(detector.pending).toBe(0);
  });
});
