/** The readers of checkpoints: what PyTorch wrote, damaged in every way, and built to do harm. */
import { readFileSync } from 'node:fs';
import { open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { describe, expect, test } from 'vitest';

import { InputFile } from '../../src/export/input-file.js';
import { isFloating, StoredTensor } from '../../src/export/tensor.js';
import { openTorchFile } from '../../src/export/torch-file.js';
import { errorWith } from '../helpers/errors.js';
import { scratch } from './scratch.js';
import {
  legacyStart,
  pickle,
  stateDictPickle,
  tensorPickle,
  writeCheckpoint,
  writeLegacy,
  writeZip,
  type WrittenTensor,
} from './torch-writer.js';
import { HyperIQAError } from '../../src/index.js';

const fixture = (name: string) => new URL(`fixtures/${name}`, import.meta.url).pathname;
const files = [
  'zip.pth',
  'zip-protocol3.pth',
  'zip-protocol4.pth',
  'zip-protocol5.pth',
  'zip-without-checksums.pth',
  'legacy.pkl',
  'legacy-protocol4.pkl',
];
const expected = JSON.parse(readFileSync(fixture('expected.json'), 'utf8')) as Record<
  string,
  { shape: number[]; type: 'float32' | 'int64'; values: string[] }
>;

/** Everything in a file: the shape and values of each tensor. */
async function readAll(path: string): Promise<Record<string, { shape: readonly number[]; values: string[] }>> {
  await using file = await InputFile.open(path);
  const checkpoint = await openTorchFile(file);
  const result: Record<string, { shape: readonly number[]; values: string[] }> = {};
  // A change may have made it something else.
  if (!(checkpoint.content instanceof Map)) return result;
  for (const [name, tensor] of checkpoint.content as Map<string, unknown>) {
    if (!(tensor instanceof StoredTensor)) continue;
    const as = isFloating(tensor.type) ? 'float32' : 'int64';
    const bytes = await checkpoint.read(tensor, as);
    const memory = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
    const values = as === 'float32' ? [...new Float32Array(memory)] : [...new BigInt64Array(memory)];
    result[name] = {
      shape: tensor.shape,
      values: values.map((value) => (Object.is(value, -0) ? '-0' : String(value))),
    };
  }
  return result;
}

const numbers = (values: readonly string[]) => values.map((value) => Number(value.replace('inf', 'Infinity')));

describe('what PyTorch wrote', () => {
  test.each(files)('%s', async (name) => {
    const found = await readAll(fixture(name));
    expect(Object.keys(found)).toEqual(Object.keys(expected));
    for (const [tensor, { shape, type, values }] of Object.entries(expected)) {
      expect(found[tensor]!.shape, tensor).toEqual(shape);
      if (type === 'int64') expect(found[tensor]!.values, tensor).toEqual(values);
      // Exactly: the same bits as PyTorch's conversion to fp32.
      else expect(numbers(found[tensor]!.values), tensor).toEqual(numbers(values));
    }
  });
});

/** Reads a file that may be anything: either all its tensors, or one of the errors that there are for it. */
async function readOrRefuse(path: string): Promise<string> {
  try {
    await readAll(path);
    return 'read';
  } catch (error) {
    expect(error).toBeInstanceOf(HyperIQAError);
    const { code } = error as HyperIQAError;
    expect(code).toMatch(/^ERR_CHECKPOINT_(FORMAT|DAMAGED|UNSAFE)$/);
    return code;
  }
}

describe('damage', () => {
  test.each(['zip.pth', 'legacy.pkl'])('%s cut off at every byte', async (name) => {
    const whole = await readFile(fixture(name));
    const path = join(scratch(), name);
    await writeFile(path, whole);
    for (let length = whole.length - 1; length >= 0; length--) {
      await truncate(path, length);
      expect(await readOrRefuse(path), `${length} bytes`).toMatch(/DAMAGED|FORMAT/);
    }
  });

  test.each(['zip.pth', 'legacy.pkl'])('%s with 1000 random changes', async (name) => {
    const whole = await readFile(fixture(name));
    const path = join(scratch(), name);
    const random = xoroshiro128plus(20);
    const outcomes = new Set<string>();
    for (let round = 0; round < 1000; round++) {
      const bytes = Buffer.from(whole);
      for (let changes = uniformInt(random, 1, 4); changes > 0; changes--) {
        bytes[uniformInt(random, 0, bytes.length - 1)] = uniformInt(random, 0, 255);
      }
      await writeFile(path, bytes);
      outcomes.add(await readOrRefuse(path));
    }
    // Changes in weights of a legacy file cannot be told from other weights.
    expect([...outcomes]).toContain('ERR_CHECKPOINT_DAMAGED');
  });

  test('a changed weight of an archive does not fit its checksum', async () => {
    const bytes = await readFile(fixture('zip.pth'));
    const path = join(scratch(), 'changed.pth');
    const value = Buffer.alloc(4);
    value.writeFloatLE(Number(expected.plain!.values[0]));
    const place = bytes.indexOf(value);
    expect(place).toBeGreaterThan(0);
    bytes[place]! ^= 1;
    await writeFile(path, bytes);
    await expect(readAll(path)).rejects.toEqual(errorWith('ERR_CHECKPOINT_DAMAGED', /checksum of the storage/));
  });
});

describe('other files', () => {
  test.each([
    ['nothing', '', 'ERR_CHECKPOINT_DAMAGED', /it is empty/],
    ['a text', 'not a checkpoint', 'ERR_CHECKPOINT_FORMAT', /no PyTorch checkpoint/],
    ['a web page', '\n<!DOCTYPE html><html>', 'ERR_CHECKPOINT_FORMAT', /web page.*download/],
    ['a pickle', '\x80\x02}q\x00.', 'ERR_CHECKPOINT_FORMAT', /a pickle, but no PyTorch checkpoint/],
    ['the start of an archive', 'PK\x03\x04 cut off', 'ERR_CHECKPOINT_DAMAGED', /archive cannot be read/],
  ] as const)('%s', async (_, content, code, message) => {
    const path = join(scratch(), 'file');
    await writeFile(path, content, 'latin1');
    await expect(readAll(path)).rejects.toEqual(errorWith(code, message));
  });

  test('an archive of something else, and a model file', async () => {
    const template = new URL('../../models/template-resnet50.zip', import.meta.url).pathname;
    await expect(readAll(template)).rejects.toEqual(errorWith('ERR_CHECKPOINT_FORMAT', /TorchScript archive/));
    const path = join(scratch(), 'other.zip');
    await using file = await open(path, 'w');
    await file.write(Buffer.from(`PK\x05\x06${'\0'.repeat(18)}`, 'latin1'));
    await expect(readAll(path)).rejects.toEqual(errorWith('ERR_CHECKPOINT_FORMAT', /no PyTorch checkpoint/));
  });

  test('big-endian numbers, another version', async () => {
    const path = join(scratch(), 'file');
    await writeFile(path, Buffer.from(legacyStart.toString('latin1').replace('\x88', '\x89'), 'latin1'));
    await expect(readAll(path)).rejects.toEqual(errorWith('ERR_CHECKPOINT_FORMAT', /big-endian/));
    await writeFile(path, Buffer.from(legacyStart.toString('latin1').replace('M\xe9\x03', 'M\xea\x03'), 'latin1'));
    await expect(readAll(path)).rejects.toEqual(errorWith('ERR_CHECKPOINT_FORMAT', /version 1002 instead of 1001/));
  });
});

const weight: WrittenTensor = { shape: [2, 3], bytes: Buffer.from(new Float32Array([1, 2, 3, 4, 5, 6]).buffer) };
const dictionary = (...pairs: Buffer[]) =>
  Buffer.concat([pickle.start, pickle.dictionary, pickle.mark, ...pairs, pickle.items, pickle.stop]);

describe('code', () => {
  test.each([
    ['os', 'system'],
    ['posix', 'system'],
    ['builtins', 'eval'],
    ['builtins', 'exec'],
    ['subprocess', 'Popen'],
    ['torch', 'load'],
    ['torch', 'hub'],
    ['torch.storage', '_load_from_bytes'],
    ['torch._utils', '_rebuild_tensor_v3'],
    ['torch._tensor', '_rebuild_from_type_v2'],
    ['collections', 'defaultdict'],
    ['numpy.core.multiarray', '_reconstruct'],
    ['_codecs', 'encode'],
    // Names of things that objects in JavaScript have.
    ['', 'constructor'],
    ['__proto__', 'toString'],
  ])('%s.%s is refused by its name, in both formats', async (module, name) => {
    const harm = dictionary(
      pickle.text('state_dict'),
      pickle.global(module, name),
      pickle.mark,
      pickle.text('touch harm'),
      pickle.tuple,
      pickle.reduce,
    );
    const message = new RegExp(`refers to ${module}\\.${name}\\..*Nothing of it was run`);
    const folder = scratch();
    const zip = await writeZip(join(folder, 'zip'), harm);
    await expect(readAll(zip)).rejects.toEqual(errorWith('ERR_CHECKPOINT_UNSAFE', message));
    const legacy = await writeLegacy(join(folder, 'legacy'), harm);
    await expect(readAll(legacy)).rejects.toEqual(errorWith('ERR_CHECKPOINT_UNSAFE', message));
    // A pickle in the place of the magic number is refused, too.
    await writeFile(join(folder, 'pickle'), harm);
    await expect(readAll(join(folder, 'pickle'))).rejects.toEqual(errorWith('ERR_CHECKPOINT_UNSAFE', message));
  });

  test('storages are not called, and functions are no storages', async () => {
    const path = join(scratch(), 'file');
    const called = dictionary(
      pickle.text('a'),
      pickle.global('torch', 'FloatStorage'),
      pickle.emptyTuple,
      pickle.reduce,
    );
    await expect(readAll(await writeZip(path, called))).rejects.toEqual(errorWith('ERR_CHECKPOINT_DAMAGED'));
    const stored = dictionary(
      pickle.text('a'),
      pickle.mark,
      pickle.text('storage'),
      pickle.global('collections', 'OrderedDict'),
      pickle.text('0'),
      pickle.text('cpu'),
      pickle.integer(1),
      pickle.tuple,
      pickle.persistent,
    );
    await expect(readAll(await writeZip(path, stored))).rejects.toEqual(
      errorWith('ERR_CHECKPOINT_DAMAGED', /no storage/),
    );
  });
});

describe('claims', () => {
  const huge = 2 ** 40;
  test.each<[string, Partial<WrittenTensor>]>([
    ['a huge shape', { shape: [huge, huge, huge], claims: { strides: [1, 1, 1] } }],
    ['a huge shape and storage', { shape: [huge], claims: { count: huge } }],
    ['a storage larger than the file', { claims: { count: 7 } }],
    ['a storage smaller than its bytes', { shape: [5], claims: { count: 5 } }],
    ['a shape larger than the storage', { shape: [7] }],
    ['an offset beyond the storage', { claims: { offset: 1 } }],
    ['a huge offset', { claims: { offset: huge } }],
    ['strides beyond the storage', { claims: { strides: [6, 1] } }],
    ['huge strides', { claims: { strides: [huge, huge] } }],
    ['negative strides', { claims: { strides: [-3, 1] } }],
    ['too few strides', { claims: { strides: [1] } }],
    ['negative sizes', { shape: [-2, -3] }],
    ['a hundred dimensions', { shape: Array(100).fill(1) as number[] }],
    ['a storage that is not there', { claims: { key: 'other' } }],
    ['a storage outside of the archive', { claims: { key: '../../secret' } }],
    ['a negative storage', { claims: { count: -1 } }],
  ])('%s', async (_, change) => {
    const tensors = new Map([['weight', { ...weight, ...change }]]);
    const folder = scratch();
    for (const format of ['zip', 'legacy'] as const) {
      const path = await writeCheckpoint(join(folder, format), tensors, format);
      await expect(readAll(path), format).rejects.toEqual(errorWith('ERR_CHECKPOINT_DAMAGED'));
    }
  });

  test('an empty tensor with a huge size is empty', async () => {
    const tensors = new Map([['weight', { shape: [huge, 0], bytes: Buffer.alloc(0) }]]);
    const path = await writeCheckpoint(join(scratch(), 'zip'), tensors, 'zip');
    expect(await readAll(path)).toEqual({ weight: { shape: [huge, 0], values: [] } });
  });

  test('two tensors may share a storage: each gets its values', async () => {
    const shared = { ...weight, claims: { key: '0' } };
    const tensors = new Map<string, WrittenTensor>([
      ['a', shared],
      ['b', { ...shared, shape: [3], claims: { key: '0', offset: 2, count: 6 } }],
    ]);
    const path = await writeZip(join(scratch(), 'zip'), stateDictPickle(tensors, false), [weight.bytes]);
    const found = await readAll(path);
    expect(found.a!.values).toEqual(['1', '2', '3', '4', '5', '6']);
    expect(found.b!.values).toEqual(['3', '4', '5']);
  });

  test('one storage described in two ways', async () => {
    const tensors = new Map<string, WrittenTensor>([
      ['a', weight],
      ['b', { ...weight, integer: true, shape: [3], claims: { key: '0' } }],
    ]);
    const path = await writeZip(join(scratch(), 'zip'), stateDictPickle(tensors, false), [weight.bytes, weight.bytes]);
    await expect(readAll(path)).rejects.toEqual(errorWith('ERR_CHECKPOINT_DAMAGED', /described in two ways/));
  });

  test('records that overlap in the archive', async () => {
    const path = join(scratch(), 'zip');
    await writeCheckpoint(
      path,
      new Map([
        ['a', weight],
        ['b', weight],
      ]),
      'zip',
    );
    const bytes = await readFile(path);
    // The directory's entry of data/1 leads to the record of data/0.
    const entry = (name: string) => bytes.lastIndexOf(name) - 46;
    bytes.copy(bytes, entry('archive/data/1') + 42, entry('archive/data/0') + 42, entry('archive/data/0') + 46);
    await writeFile(path, bytes);
    await expect(readAll(path)).rejects.toEqual(errorWith('ERR_CHECKPOINT_DAMAGED', /overlap/));
  });

  test('two records of one name, and a compressed one', async () => {
    const path = join(scratch(), 'zip');
    await writeCheckpoint(
      path,
      new Map([
        ['a', weight],
        ['b', weight],
      ]),
      'zip',
    );
    const original = await readFile(path);
    const twice = Buffer.from(original);
    twice[twice.lastIndexOf('archive/data/1') + 'archive/data/'.length] = '0'.charCodeAt(0);
    await writeFile(path, twice);
    await expect(readAll(path)).rejects.toEqual(errorWith('ERR_CHECKPOINT_DAMAGED', /two records/));
    const compressed = Buffer.from(original);
    compressed.writeUInt16LE(8, compressed.lastIndexOf('archive/data/1') - 46 + 10);
    await writeFile(path, compressed);
    await expect(readAll(path)).rejects.toEqual(errorWith('ERR_CHECKPOINT_DAMAGED', /compressed/));
  });

  test('storages of the older format that are listed twice, or not at all', async () => {
    const content = stateDictPickle(new Map([['a', weight]]), true);
    const path = join(scratch(), 'legacy');
    const storage = { count: 6, bytes: weight.bytes };
    await writeLegacy(path, content, new Map());
    await expect(readAll(path)).rejects.toEqual(errorWith('ERR_CHECKPOINT_DAMAGED', /storage 0 is missing/));
    await writeLegacy(path, content, new Map([['1', storage]]));
    await expect(readAll(path)).rejects.toEqual(errorWith('ERR_CHECKPOINT_DAMAGED', /list of storages/));
    await writeLegacy(path, content, new Map([['0', { ...storage, count: 5 }]]));
    await expect(readAll(path)).rejects.toEqual(errorWith('ERR_CHECKPOINT_DAMAGED', /5 elements instead of 6/));
  });

  test('views of storages, of PyTorch before 0.4', async () => {
    const tensor = tensorPickle(weight, '0', true);
    // The sixth part of the persistent id, None, becomes a tuple.
    const at = tensor.indexOf('NtQ');
    const viewed = Buffer.concat([tensor.subarray(0, at), pickle.emptyTuple, tensor.subarray(at + 1)]);
    const path = await writeLegacy(join(scratch(), 'legacy'), dictionary(pickle.text('a'), viewed));
    await expect(readAll(path)).rejects.toEqual(errorWith('ERR_CHECKPOINT_FORMAT', /PyTorch before 0\.4/));
  });
});
