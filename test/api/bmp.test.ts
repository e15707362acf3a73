/** The bitmap reader on made-up bitmaps: pixels come back, and a wrong header makes an error and no large buffer. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBmp } from '../../src/image/bmp.js';
import { HyperIQAError } from '../../src/index.js';

const LIMIT = 10_000;

interface Bitmap {
  width: number;
  height: number;
  bits: 1 | 4 | 8 | 24 | 32;
  topDown: boolean;
  core: boolean;
  /** Number for each pixel that its colour is made from. */
  values: readonly number[];
  colours: readonly number[];
  /** Bytes between header and pixels. */
  gap: number;
}

const bitmap: fc.Arbitrary<Bitmap> = fc
  .record({
    width: fc.integer({ min: 1, max: 40 }),
    height: fc.integer({ min: 1, max: 12 }),
    bits: fc.constantFrom(1 as const, 4 as const, 8 as const, 24 as const, 32 as const),
    topDown: fc.boolean(),
    core: fc.boolean(),
    colours: fc.array(fc.nat({ max: 0xffffff }), { minLength: 256, maxLength: 256 }),
    gap: fc.nat({ max: 5 }),
    seed: fc.nat({ max: 0xffffff }),
  })
  .map(({ seed, ...one }) => ({
    ...one,
    // BITMAPCOREHEADER has neither 32 bits nor rows from above.
    core: one.core && one.bits !== 32 && !one.topDown,
    values: Array.from({ length: one.width * one.height }, (_, i) => (seed * (i + 1) * 2654435761) % 0x1000000),
  }));

/** The file, and its pixels as RGB. */
function written({ width, height, bits, topDown, core, values, colours, gap }: Bitmap) {
  const header = Buffer.alloc(core ? 26 : 54);
  const palette = Buffer.alloc(bits > 8 ? 0 : (core ? 3 : 4) << bits);
  const stride = Math.ceil((width * bits) / 32) * 4;
  const rows = Buffer.alloc(stride * height);
  header.write('BM', 0, 'latin1');
  header.writeUInt32LE(header.length + palette.length + gap, 10);
  header.writeUInt32LE(core ? 12 : 40, 14);
  if (core) {
    header.writeUInt16LE(width, 18);
    header.writeUInt16LE(height, 20);
    header.writeUInt16LE(1, 22);
    header.writeUInt16LE(bits, 24);
  } else {
    header.writeInt32LE(width, 18);
    header.writeInt32LE(topDown ? -height : height, 22);
    header.writeUInt16LE(1, 26);
    header.writeUInt16LE(bits, 28);
  }
  const entries = bits > 8 ? 0 : 1 << bits;
  for (let i = 0; i < entries; i++) palette.writeUIntLE(colours[i]!, i * (core ? 3 : 4), 3);
  const pixels: number[] = [];
  values.forEach((value, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    const row = (topDown ? y : height - 1 - y) * stride;
    const colour = bits > 8 ? value : colours[value % entries]!;
    if (bits > 8) rows.writeUIntLE(value, row + (x * bits) / 8, 3);
    else rows[row + ((x * bits) >> 3)]! |= (value % entries) << (8 - bits - ((x * bits) & 7));
    pixels.push((colour >> 16) & 255, (colour >> 8) & 255, colour & 255);
  });
  return { file: Buffer.concat([header, palette, Buffer.alloc(gap), rows]), pixels };
}

test('pixels come back, with any header, depth, order of rows and place of the pixels', async () => {
  await fc.assert(
    fc.asyncProperty(bitmap, async (one) => {
      const { file, pixels } = written(one);
      const { data, width, height, channels } = await decodeBmp(file, 'a.bmp', LIMIT);
      expect([width, height, channels]).toEqual([one.width, one.height, 3]);
      expect([...data]).toEqual(pixels);
    }),
    { seed: 15, numRuns: 300 },
  );
});

test('a bitmap with changed or missing bytes is an image within the limit, or an error about images', async () => {
  // Mostly in the header, where every byte matters.
  const change = fc.record({
    at: fc.nat({ max: 60 }),
    byte: fc.oneof(fc.constantFrom(0, 1, 127, 128, 255), fc.nat({ max: 255 })),
  });
  await fc.assert(
    fc.asyncProperty(
      bitmap,
      fc.array(change, { maxLength: 5 }),
      fc.nat(),
      fc.boolean(),
      async (one, changes, cut, whole) => {
        const { file } = written(one);
        for (const { at, byte } of changes) file[at % file.length] = byte;
        const bytes = whole ? file : file.subarray(0, cut % (file.length + 1));
        try {
          const { data, width, height, channels } = await decodeBmp(bytes, 'a.bmp', LIMIT);
          expect(width * height).toBeLessThanOrEqual(LIMIT);
          expect(data.length).toBe(width * height * channels);
        } catch (error) {
          expect(error).toBeInstanceOf(HyperIQAError);
          expect((error as HyperIQAError).code).toMatch(/^ERR_IMAGE_(DECODE|FORMAT|TOO_LARGE)$/);
        }
      },
    ),
    { seed: 16, numRuns: 2000 },
  );
});
