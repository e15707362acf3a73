/** The pickle reader: what Python wrote, and what nobody should have written. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { PickleEnd, PickleError, PickleRefusal, Tuple, unpickle, type Resolver } from '../../src/export/pickle.js';
import { pickle } from './torch-writer.js';

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url));
const refusing: Resolver = {
  global: (name) => {
    throw new PickleRefusal(String(name));
  },
  call: () => null,
  persistent: () => null,
};
const read = (...parts: (Buffer | string)[]) =>
  unpickle(
    Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part))),
    refusing,
  ).value;

const tuple = (...items: unknown[]) => new Tuple(items);

describe('what Python wrote', () => {
  test.each([2, 3, 4, 5])('plain values in protocol %d', (protocol) => {
    const bytes = fixture(`plain-protocol${protocol}.pickle`);
    const { value, length } = unpickle(Buffer.concat([bytes, Buffer.from('more')]), refusing);
    expect(length).toBe(bytes.length);
    const tuples = tuple(tuple(), tuple(1), tuple(1, 2), tuple(1, 2, 3), tuple(1, 2, 3, 4));
    expect(value).toEqual(
      new Map<string, unknown>([
        ['none', null],
        ['yes', true],
        ['no', false],
        ['integers', [0, 255, 65535, -1, 2 ** 31, BigInt(-(2 ** 53)), 2n ** 70n]],
        ['float', 0.1],
        ['text', 'Güte'],
        ['long', 'x'.repeat(300)],
        ['tuples', tuples],
        ['again', tuples],
        ...(protocol > 2 ? ([['bytes', Buffer.from([0, 255])]] as const) : []),
      ]),
    );
    const map = value as Map<string, unknown>;
    expect(map.get('again')).toBe(map.get('tuples'));
  });

  test('cut off at every byte it is cut off, and nothing else', () => {
    const bytes = fixture('plain-protocol4.pickle');
    for (let length = 0; length < bytes.length; length++) {
      expect(() => unpickle(bytes.subarray(0, length), refusing), `${length} bytes`).toThrow(PickleEnd);
    }
  });
});

describe('what nobody should have written', () => {
  test.each([
    ['GLOBAL', ['cos\nsystem\n.'], 'os.system'],
    ['STACK_GLOBAL', ['\x8c\x05posix\x8c\x06system\x93.'], 'posix.system'],
    ['INST', ["(S'ls'\nios\nsystem\n."], null],
    ['INST without arguments', ['(ios\nsystem\n.'], 'os.system'],
    ['NEWOBJ', [')]\x81.'], 'an object'],
    ['NEWOBJ_EX', [')]]\x92.'], 'an object'],
    ['OBJ', ['(]o.'], 'an object'],
    ['EXT1', ['\x82\x01.'], 'extension registry'],
    ['REDUCE of what is no name', ['])R.'], 'no known function'],
    ['BUILD of what is no dictionary', [']}b.'], 'attributes'],
  ])('%s is refused', (_, parts, reason) => {
    expect(() => read(...parts)).toThrow(PickleError);
    if (reason !== null) {
      expect(() => read(...parts)).toThrow(PickleRefusal);
      expect(() => read(...parts)).toThrow(reason);
    }
  });

  test.each([
    ['an unknown instruction', '\xff.'],
    ['a later protocol', '\x80\x06N.'],
    ['nothing on the stack', '.'],
    ['a mark as the value', '(.'],
    ['a tuple without a mark', 'NNt.'],
    ['an entry of a list', ']NNs.'],
    ['an entry without a value', '}(Nu.'],
    ['an item of a dictionary', '}Na.'],
    ['an entry beyond a mark', '}(NNs.'],
    ['a memory that is empty', 'h\x05.'],
    ['remembering nothing', 'q\x00.'],
    ['a name of no text', 'NN\x93.'],
    ['an integer of 2³² bytes', '\x8b\xff\xff\xff\xff.'],
    ['an integer of 200 bytes', `\x8a\xc8${'\x01'.repeat(200)}.`],
  ])('%s is an error', (_, bytes) => {
    expect(() => read(bytes)).toThrow(PickleError);
  });

  test.each(['X', 'T', 'B', '\x8d', '\x8e'])('a length beyond the end (%j) allocates nothing', (code) => {
    expect(() => read(`${code}${'\xff'.repeat(8)}abc.`)).toThrow(PickleEnd);
  });

  test('a text of 2⁶⁴ bytes is cut off', () => {
    expect(() => read('\x8d', Buffer.alloc(8, 0xff))).toThrow(PickleEnd);
  });

  test('a loop of instructions ends', () => {
    expect(() => read(Buffer.alloc(4 << 20, 'N'), '.')).toThrow(/more than \d+ instructions/);
    expect(() => read(Buffer.alloc(4 << 20, '('), '.')).toThrow(/more than \d+ instructions/);
  });

  test('values nested a hundred thousand times need no stack', () => {
    expect(read(')', '\x85'.repeat(100_000), '.')).toBeInstanceOf(Tuple);
  });

  test('a dictionary keeps a key called __proto__ to itself', () => {
    const map = read(pickle.dictionary, pickle.mark, pickle.text('__proto__'), pickle.none, pickle.items, '.');
    expect([...(map as Map<string, unknown>).keys()]).toEqual(['__proto__']);
  });
});
