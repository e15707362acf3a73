/** The sort that needs no more memory for more items. */
import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Sorter, type SorterLimits } from '../src/sorting/sorter.js';
import type { Item } from '../src/sorting/items.js';
import { collect, scratch } from './made.js';

async function sorted(items: readonly Item[], limits: SorterLimits, folder = scratch()): Promise<Item[]> {
  await using sorter = new Sorter(folder, limits);
  for (const item of items) await sorter.add(item);
  // The temporary file has no name.
  expect(readdirSync(folder)).toEqual([]);
  return await collect(sorter.items());
}

/** Order of UTF-8 bytes, then of origins. */
const expected = (items: readonly Item[]) =>
  items.toSorted((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)) || a.origin - b.origin);

/** Several runs, several passes, and items larger than chunk and buffers. */
const tiny: SorterLimits = { chunkBytes: 256, runs: 3, bufferBytes: 32 };

test('any items come in the order of their bytes, through memory or through a file', async () => {
  const folder = scratch();
  const item = fc.record({
    key: fc.string({ unit: 'grapheme', maxLength: 20 }),
    text: fc.string({ unit: 'grapheme', maxLength: 200 }),
    origin: fc.nat(9),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(item, { selector: ({ key, origin }) => `${origin} ${key}`, maxLength: 200 }),
      async (items) => {
        for (const limits of [tiny, { ...tiny, chunkBytes: 2 ** 20 }]) {
          expect(await sorted(items, limits, folder)).toEqual(expected(items));
        }
      },
    ),
    { numRuns: 50 },
  );
});

test('many runs are merged in several passes', async () => {
  const items = Array.from({ length: 5000 }, (_, i) => ({
    key: String((i * 7919) % 5000),
    text: 'x'.repeat(i % 90),
    origin: 0,
  }));
  expect(await sorted(items, tiny)).toEqual(expected(items));
});

test('characters outside the basic plane come after all others, as in UTF-8', async () => {
  const keys = ['\u{1f600}', '\uffee', 'z', 'ä', '\u{10ffff}', '\ud7ff'];
  const items = keys.map((key) => ({ key, text: '', origin: 0 }));
  const found = await sorted(items, tiny);
  expect(found.map(({ key }) => key)).toEqual(['z', 'ä', '\ud7ff', '\uffee', '\u{1f600}', '\u{10ffff}']);
});

test('a folder that cannot be written is an error with a code', async () => {
  await expect(
    sorted(
      [
        { key: 'a', text: 'x'.repeat(1000), origin: 0 },
        { key: 'b', text: 'x'.repeat(1000), origin: 0 },
      ],
      tiny,
      '/proc',
    ),
  ).rejects.toMatchObject({
    code: 'ERR_OUTPUT',
  });
});
