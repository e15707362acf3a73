/** Quality maps: the grid and its scores, the values between the patches, and the picture. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { HyperIQA } from '../../src/index.js';
import { mapColors, mapPicture, qualityMap, type QualityMap } from '../../src/maps/index.js';
import { colorTable } from '../../src/maps/colors.js';
import { rasterOf } from '../../src/maps/raster.js';
import { errorWith } from '../helpers/errors.js';
import { testModel } from '../helpers/models.js';

const photo = fileURLToPath(new URL('../../examples/photos/lake.jpg', import.meta.url));

let iqa: HyperIQA;
let map: QualityMap;
beforeAll(async () => {
  iqa = await HyperIQA.load(testModel('lite0'), { device: 'cpu', threads: 1, graphMode: 'freeze', batchSize: 4 });
  map = await qualityMap(iqa, photo, { stride: 80 });
});
afterAll(() => iqa.dispose());

/** A map of our own: scores by a function of the patch's corner. */
function made(score: (x: number, y: number) => number, change: Partial<QualityMap> = {}): QualityMap {
  const xs = [0, 100, 200];
  const ys = [0, 96];
  return {
    ...map,
    rows: ys.length,
    columns: xs.length,
    patches: ys.flatMap((y) => xs.map((x) => ({ x, y, score: score(x, y) }))),
    patchSize: 224,
    resized: { width: 424, height: 320 },
    ...change,
  };
}

describe('a map', () => {
  test('is a grid from edge to edge, no coarser than the stride', () => {
    const { rows, columns, patches, resized, patchSize } = map;
    expect(patches).toHaveLength(rows * columns);
    expect([rows, columns]).toEqual([
      Math.ceil((resized.height - 224) / 80) + 1,
      Math.ceil((resized.width - 224) / 80) + 1,
    ]);
    expect(patches[0]).toMatchObject({ x: 0, y: 0 });
    expect(patches.at(-1)).toMatchObject({ x: resized.width - patchSize, y: resized.height - patchSize });
    for (let i = 1; i < columns; i++) expect(patches[i]!.x - patches[i - 1]!.x).toBeLessThanOrEqual(80);
  });

  test('has the scores of its patches, as scored alone', async () => {
    const { rows, columns } = map;
    const { crops, score } = await iqa.score(photo, { crops: { plan: 'grid', rows, columns } });
    expect(map.score).toBeCloseTo(score, 3);
    crops.forEach((crop, i) => {
      expect(map.patches[i]).toMatchObject({ x: crop.x, y: crop.y });
      expect(map.patches[i]!.score).toBeCloseTo(crop.score, 2);
    });
  });

  test('says what it is of', () => {
    expect(map).toMatchObject({ width: 896, height: 504, scale: { minimum: 0, maximum: 100, higherIsBetter: true } });
    expect(map.provenance.protocol.crops).toEqual({ plan: 'grid', rows: map.rows, columns: map.columns });
  });

  test('of the smallest image has one patch', async () => {
    const data = new Uint8Array(224 * 224 * 3);
    const protocol = { ...iqa.info.model.protocol, resize: { mode: 'none' as const } };
    const small = await qualityMap(iqa, { data, width: 224, height: 224, channels: 3 }, { protocol });
    expect(small).toMatchObject({ rows: 1, columns: 1, patches: [{ x: 0, y: 0 }] });
  });
});

describe('values between the patches', () => {
  test('are constant where the scores are', () => {
    const { values, width, height } = rasterOf(
      made(() => 42),
      8,
    );
    expect([width, height]).toEqual([53, 40]);
    for (const value of values) expect(value).toBeCloseTo(42, 9);
  });

  test('follow the scores: the centre of the only patch that covers a corner has its score', () => {
    const { values, width, height } = rasterOf(
      made((x, y) => x + 1000 * y),
      8,
    );
    expect(values[0]).toBeCloseTo(0, 9);
    expect(values[width - 1]).toBeCloseTo(200, 9);
    expect(values[width * height - 1]).toBeCloseTo(200 + 96_000, 9);
    const middle = [...values.subarray(0, width)];
    expect(middle).toEqual([...middle].sort((a, b) => a - b));
  });

  test('are those of the formula at one place', () => {
    // Column 20 of 8 pixels: centre 164; patches at 0, 100 and 200 have their centres at 112, 212 and 312.
    const { values } = rasterOf(
      made((x) => x),
      8,
    );
    const weight = (centre: number) => Math.max(0, 1 - Math.abs(164 - centre) / 112);
    const sum = weight(112) + weight(212) + weight(312);
    expect(values[20]).toBeCloseTo((weight(212) * 100 + weight(312) * 200) / sum, 9);
  });
});

describe('the picture', () => {
  const pixelsOf = async (png: Buffer) => sharp(png).raw().toBuffer({ resolveWithObject: true });

  test('is the photograph with the legend beside it', async () => {
    const { width, height, format } = await sharp(await mapPicture(map, photo)).metadata();
    expect([width, height, format]).toEqual([896 + 96, 504, 'png']);
    const plain = await sharp(await mapPicture(map, photo, { legend: false })).metadata();
    expect([plain.width, plain.height]).toEqual([896, 504]);
  });

  test('has the ends of the colours where the scores are at the ends of the range', async () => {
    const image = { data: new Uint8Array(424 * 320 * 3), width: 424, height: 320, channels: 3 as const };
    const own = made((x) => (x === 200 ? 100 : 0), { width: 424, height: 320 });
    const { data, info } = await pixelsOf(await mapPicture(own, image, { legend: false, opacity: 1 }));
    const at = (x: number) => [...data.subarray((100 * info.width + x) * info.channels).subarray(0, 3)];
    // Viridis: dark violet to yellow.
    expect(at(2)).toEqual([68, 1, 84]);
    expect(at(420)).toEqual([253, 231, 37]);
  });

  test('keeps the photograph visible', async () => {
    const { data, info } = await pixelsOf(await mapPicture(map, photo, { legend: false, opacity: 0 }));
    const grey = await sharp(photo).greyscale().raw().toBuffer({ resolveWithObject: true });
    expect([info.channels, info.width, info.height]).toEqual([3, 896, 504]);
    let largest = 0;
    for (let i = 0; i < info.width * info.height; i++) {
      largest = Math.max(largest, Math.abs(grey.data[i * grey.info.channels]! - data[3 * i]!));
    }
    expect(largest).toBeLessThanOrEqual(3);
  });

  test.each([...mapColors])('can be drawn in %s', async (colors) => {
    expect((await mapPicture(map, photo, { colors, range: 'auto' })).length).toBeGreaterThan(10_000);
  });
});

describe('errors', () => {
  test.each([
    [{ stride: 3 }, /stride must be an integer from 4 to 224/],
    [{ crops: 5 }, /no field "crops"/],
    [{ protocol: 'none' }, /protocol/],
  ])('map options %o', async (options, message) => {
    await expect(qualityMap(iqa, photo, options as object)).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT', message));
  });

  test.each([
    [{ colors: 'jet' }, /colors must be one of/],
    [{ range: [5, 5] }, /range must be/],
    [{ opacity: 2 }, /opacity/],
  ])('picture options %o', async (options, message) => {
    await expect(mapPicture(map, photo, options as object)).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT', message));
  });

  test('images that cannot be read, are too large, or are others', async () => {
    await expect(qualityMap(iqa, '/nowhere.jpg')).rejects.toEqual(errorWith('ERR_IMAGE_NOT_FOUND'));
    await expect(qualityMap(iqa, photo, { limitInputPixels: 1000 })).rejects.toEqual(errorWith('ERR_IMAGE_TOO_LARGE'));
    const other = photo.replace('lake', 'kitten');
    await expect(mapPicture(map, other)).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT', /this one has/));
  });

  test('an aborted map', async () => {
    await expect(qualityMap(iqa, photo, { signal: AbortSignal.abort() })).rejects.toEqual(errorWith('ERR_ABORTED'));
  });
});

test.each(mapColors)('the colour map %s is that of d3-scale-chromatic, to one step of a channel', (name) => {
  const file = new URL('../fixtures/maps/colors.json', import.meta.url);
  const expected = Buffer.from((JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>)[name]!, 'hex');
  const table = colorTable(name);
  expect(table).toHaveLength(expected.length);
  expect(Math.max(...table.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThanOrEqual(1);
});
