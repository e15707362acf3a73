/** The pickle reader on made-up pickles: values come back, and no bytes make it fail in another way than it promises. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PickleError, PickleRefusal, Tuple, unpickle, type Resolver } from '../../src/export/pickle.js';
import { pickle } from './torch-writer.js';

const refusing: Resolver = {
  global: (name) => {
    throw new PickleRefusal(String(name));
  },
  call: () => null,
  persistent: () => null,
};

/** Values that a pickle of plain data can hold, as the reader gives them. */
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }),
    fc.string({ unit: 'grapheme', maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(tie('value'), { maxLength: 5 }).map((items) => new Tuple(items)),
    fc
      .array(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 5 }), tie('value')), { maxLength: 4 })
      .map((entries) => new Map(entries)),
  ),
}));

const op = (code: string, ...rest: Uint8Array[]) => Buffer.concat([Buffer.from(code, 'latin1'), ...rest]);

/** The instructions for a value, with a mark around items, as Python writes them. */
function instructions(of: unknown): Buffer {
  if (of === null) return pickle.none;
  if (typeof of === 'boolean') return op(of ? '\x88' : '\x89');
  if (typeof of === 'string') return pickle.text(of);
  if (typeof of === 'number') {
    if (Number.isSafeInteger(of) && !Object.is(of, -0)) return pickle.integer(of);
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(of);
    return op('G', bytes);
  }
  if (Array.isArray(of)) return op(']', pickle.mark, ...of.map(instructions), op('e'));
  if (of instanceof Tuple) return op('(', ...of.items.map(instructions), pickle.tuple);
  const entries = [...(of as Map<string, unknown>)].flat();
  return op('}', pickle.mark, ...entries.map(instructions), pickle.items);
}

test('values come back as they were written, and what follows the pickle is left alone', () => {
  fc.assert(
    fc.property(value, fc.uint8Array({ maxLength: 8 }), (written, after) => {
      const bytes = Buffer.concat([pickle.start, instructions(written), pickle.stop]);
      const read = unpickle(Buffer.concat([bytes, after]), refusing);
      expect(read.length).toBe(bytes.length);
      expect(read.value).toEqual(written);
    }),
    { seed: 12, numRuns: 500 },
  );
});

/** Every instruction that the reader knows, and some that it does not. */
const codes = Array.from(
  '\x88\x89NJKMGXTUBC)t]}(hjc\x93RQ\x80\x95aesuqr\x94bio\x81\x92\x82\x83\x84\x85\x86\x87\x8a\x8b\x8c\x8d\x8e.\xffSV0',
);
const fixture = readFileSync(new URL('fixtures/plain-protocol4.pickle', import.meta.url));

const onlyPickleErrors = (bytes: Buffer) => {
  try {
    const { length } = unpickle(bytes, refusing);
    expect(length).toBeLessThanOrEqual(bytes.length);
  } catch (error) {
    expect(error).toBeInstanceOf(PickleError);
  }
};

test('instructions in any order give a value or a PickleError', () => {
  const instruction = fc.oneof(
    { arbitrary: fc.constantFrom(...codes).map((code) => op(code)), weight: 4 },
    { arbitrary: fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)), weight: 1 },
  );
  fc.assert(
    fc.property(fc.array(instruction, { maxLength: 60 }), (parts) => {
      onlyPickleErrors(Buffer.concat(parts));
    }),
    { seed: 13, numRuns: 5000 },
  );
});

test('a pickle with changed bytes gives a value or a PickleError', () => {
  const change = fc.record({ at: fc.nat({ max: fixture.length - 1 }), byte: fc.nat({ max: 255 }) });
  fc.assert(
    fc.property(
      fc.array(change, { minLength: 1, maxLength: 6 }),
      fc.nat({ max: fixture.length }),
      (changes, length) => {
        const bytes = Buffer.from(fixture);
        for (const { at, byte } of changes) bytes[at] = byte;
        onlyPickleErrors(bytes.subarray(0, length));
        onlyPickleErrors(bytes);
      },
    ),
    { seed: 14, numRuns: 2000 },
  );
});
