/**
 * Scores against an independent PyTorch and Pillow pipeline (models/reference.py; fixtures by models/make_fixtures.py):
 * from the encoded file to the number, through everything that this package does in between.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { HyperIQA, type ProtocolName, type RawImage } from '../../src/index.js';
import { testModel, type TestModel } from '../helpers/models.js';

interface Scored {
  width: number;
  height: number;
  score: number;
  /** Left, top, score. */
  crops: [number, number, number][];
}
type Scores = Record<'images' | 'generated', Record<string, Scored>>;

const fixtures = new URL('../fixtures/', import.meta.url);
const parity = (name: string): unknown => JSON.parse(readFileSync(new URL(`parity/${name}`, fixtures), 'utf8'));

/** Points on a scale of 0 to 100. The resize is Pillow's to the bit; the rest is the order of sums in convolutions. */
const TOLERANCE = 1e-4;
/** LittleCMS in libvips and in Pillow convert some values otherwise, by up to 2 levels (docs/images.md). */
const CONVERTED_TOLERANCE = 0.02;
/** pyiqa enlarges small images in floating point; here everything is of 8 bits (docs/protocols.md). */
const ENLARGED_TOLERANCE = 0.4;

/** The picture of gradients and noise that make_fixtures.py describes. */
function generated(name: string): RawImage {
  const [width, height] = name.split('x').map(Number) as [number, number];
  const data = new Uint8Array(width * height * 3);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let h = Math.imul((c * height + y) * width + x, 2654435761);
        h ^= h >>> 15;
        h = Math.imul(h, 2246822519);
        h ^= h >>> 13;
        const ramp = (x * (c + 1) + y * (c + 2) + 91 * c) % 256;
        data[(y * width + x) * 3 + c] = Math.floor((ramp * 3 + (h >>> 24)) / 4);
      }
    }
  }
  return { data, width, height, channels: 3 };
}

function compare(model: TestModel, protocol: ProtocolName, { images, generated: made }: Scores, seed: number): void {
  describe(`${protocol} on ${model}`, () => {
    let iqa: HyperIQA;
    beforeAll(async () => {
      iqa = await HyperIQA.load(testModel(model), { device: 'cpu', graphMode: 'freeze' });
    });
    afterAll(() => iqa.dispose());

    // Pillow enlarges the chroma planes of AVIF otherwise than libheif: docs/images.md.
    const files = Object.entries(images).filter(([name]) => !name.endsWith('.avif'));
    test.each([
      ...files.map(([name, expected]) => [name, new URL(`images/${name}`, fixtures), expected] as const),
      ...Object.entries(made).map(([name, expected]) => [`generated ${name}`, generated(name), expected] as const),
    ])('%s', async (name, input, expected) => {
      const actual = await iqa.score(input, { protocol, seed });
      expect([actual.width, actual.height]).toEqual([expected.width, expected.height]);
      expect(actual.crops.map(({ x, y }) => [x, y])).toEqual(expected.crops.map(([x, y]) => [x, y]));
      const enlarged = protocol === 'pyiqa' && actual.warnings.some(({ code }) => code === 'WARN_ENLARGED');
      const converted = protocol === 'native' && /-(?:adobergb|p3)-profile/.test(name);
      const tolerance = enlarged ? ENLARGED_TOLERANCE : converted ? CONVERTED_TOLERANCE : TOLERANCE;
      expect(Math.abs(actual.score - expected.score)).toBeLessThan(tolerance);
      expected.crops.forEach(([, , score], i) => {
        expect(Math.abs(actual.crops[i]!.score - score)).toBeLessThan(5 * tolerance);
      });
    });
  });
}

const native = parity('native.json') as { native: Scores };
compare('lite0', 'native', native.native, 0);

const official = parity('scores.json') as {
  seed: number;
  protocols: Record<'official' | 'official-test' | 'pyiqa', Scores>;
};
const { official: demo, 'official-test': solver, pyiqa } = official.protocols;
compare('resnet50', 'official', demo, official.seed);

/** The other protocols decode as `official` does, so some pictures are enough: of every kind of size. */
function some({ images, generated: made }: Scores): Scores {
  const names = ['jpeg-420.jpg', 'webp-lossy.webp', 'exact-224x336.jpg', 'tiny-100x80.jpg', '224x224', '1000x225'];
  const chosen = (scores: Record<string, Scored>) =>
    Object.fromEntries(Object.entries(scores).filter(([name]) => names.includes(name)));
  return { images: chosen(images), generated: chosen(made) };
}
compare('resnet50', 'official-test', some(solver), official.seed);
compare('resnet50', 'pyiqa', some(pyiqa), official.seed);
