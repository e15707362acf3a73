/** Lists of paths from a pipe, as they may come: in any pieces, with any separators, or as something else. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readList } from '../../src/cli/input/list.js';
import { errorWith } from '../helpers/errors.js';

async function read(chunks: Iterable<Uint8Array>): Promise<string[]> {
  const paths: string[] = [];
  for await (const path of readList(chunks)) paths.push(path);
  return paths;
}

/** The bytes in pieces that end at these places. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...places, bytes.length].map((end, i) => bytes.subarray(places[i - 1] ?? 0, end));
}

const path = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter((text) => !/[\0\n]|\r$|^\ufeff/.test(text));
const paths = fc.array(path, { maxLength: 12 });
const cuts = fc.array(fc.nat(), { maxLength: 12 });

test('lines come back whole, wherever the pipe cuts them', async () => {
  await fc.assert(
    fc.asyncProperty(
      paths,
      cuts,
      fc.constantFrom('\n', '\r\n', '\n\n'),
      fc.boolean(),
      fc.boolean(),
      async (all, at, end, mark, last) => {
        const text = (mark ? '\ufeff' : '') + all.join(end) + (last ? end : '');
        expect(await read(pieces(Buffer.from(text), at))).toEqual(all);
      },
    ),
    { seed: 5, numRuns: 500 },
  );
});

test('paths that end with NUL may have line breaks', async () => {
  const broken = fc.tuple(path, path).map(([a, b]) => `${a}\n${b}`);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(path, broken), { minLength: 1, maxLength: 12 }), cuts, async (all, at) => {
      const bytes = Buffer.from(all.map((one) => `${one}\0`).join(''));
      // The bytes that arrive first decide which kind of list it is.
      const first = bytes.indexOf(0) + 1;
      expect(await read([bytes.subarray(0, first), ...pieces(bytes.subarray(first), at)])).toEqual(all);
    }),
    { seed: 6, numRuns: 500 },
  );
});

test('whatever arrives is a list or refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 5 }), async (chunks) => {
      try {
        for (const one of await read(chunks)) expect(one).not.toBe('');
      } catch (error) {
        expect(error).toEqual(errorWith('ERR_INVALID_ARGUMENT', /^Standard input /));
      }
    }),
    { seed: 7, numRuns: 500 },
  );
});

test.each([
  ['without any end', ''],
  ['after other paths', 'a.jpg\n'],
])('a path that never ends is refused before it fills the memory, %s', async (_, start) => {
  let given = 0;
  function* endless() {
    yield Buffer.from(start);
    for (; given < 64; given++) yield Buffer.alloc(1 << 16, 'a');
  }
  await expect(read(endless())).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT', /more than 1048576 bytes/));
  expect(given).toBeLessThan(20);
});
