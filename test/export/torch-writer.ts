/** Writes checkpoints, honest and other: pickles instruction by instruction, in the containers of `torch.save`. */
import { open, writeFile } from 'node:fs/promises';

import { writeArchive, type ArchiveRecord } from '../../src/export/archive.js';

export interface WrittenTensor {
  shape: readonly number[];
  /** Bytes of fp32 (or, with `integer`, of int64), little-endian. */
  bytes: Buffer;
  integer?: boolean;
  /** Instead of the number of elements that there are, offset 0 and row-major strides. */
  claims?: { count?: number; offset?: number; strides?: readonly number[]; key?: string };
}

const uint = (value: number, length: number) => {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntLE(value, 0, length);
  return bytes;
};
const op = (code: string, ...rest: Buffer[]) => Buffer.concat([Buffer.from(code, 'latin1'), ...rest]);

/** Instructions of a pickle. */
export const pickle = {
  start: op('\x80', uint(2, 1)),
  stop: op('.'),
  none: op('N'),
  mark: op('('),
  tuple: op('t'),
  emptyTuple: op(')'),
  dictionary: op('}'),
  items: op('u'),
  reduce: op('R'),
  persistent: op('Q'),
  no: op('\x89'),
  text: (value: string) => op('X', uint(Buffer.byteLength(value), 4), Buffer.from(value)),
  /** Integer from 0 to 2⁶³ − 1. */
  integer: (value: number | bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(value));
    return op('\x8a', uint(8, 1), bytes);
  },
  global: (module: string, name: string) => op('c', Buffer.from(`${module}\n${name}\n`)),
};

const integers = (values: readonly (number | bigint)[]) =>
  Buffer.concat([pickle.mark, ...values.map(pickle.integer), pickle.tuple]);

function rowMajor(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * shape[i + 1]!;
  return strides;
}

const elements = ({ bytes, integer }: WrittenTensor) => bytes.length / (integer ? 8 : 4);

/** The call that makes a tensor. */
export function tensorPickle(tensor: WrittenTensor, key: string, legacy: boolean): Buffer {
  const { shape, integer, claims = {} } = tensor;
  return Buffer.concat([
    pickle.global('torch._utils', '_rebuild_tensor_v2'),
    pickle.mark,
    pickle.mark,
    pickle.text('storage'),
    pickle.global('torch', integer ? 'LongStorage' : 'FloatStorage'),
    pickle.text(claims.key ?? key),
    pickle.text('cpu'),
    pickle.integer(claims.count ?? elements(tensor)),
    legacy ? pickle.none : Buffer.alloc(0),
    pickle.tuple,
    pickle.persistent,
    pickle.integer(claims.offset ?? 0),
    integers(shape),
    integers(claims.strides ?? rowMajor(shape)),
    pickle.no,
    pickle.none,
    pickle.tuple,
    pickle.reduce,
  ]);
}

/** The pickle of a state_dict. */
export function stateDictPickle(tensors: ReadonlyMap<string, WrittenTensor>, legacy: boolean): Buffer {
  return Buffer.concat([
    pickle.start,
    pickle.dictionary,
    pickle.mark,
    ...[...tensors].flatMap(([name, tensor], i) => [pickle.text(name), tensorPickle(tensor, String(i), legacy)]),
    pickle.items,
    pickle.stop,
  ]);
}

/** An archive of `torch.save` around any pickle. */
export async function writeZip(path: string, content: Buffer, storages: readonly Buffer[] = []): Promise<string> {
  await using file = await open(path, 'w');
  const records: ArchiveRecord[] = [
    { name: 'archive/data.pkl', bytes: content },
    { name: 'archive/byteorder', bytes: Buffer.from('little') },
    ...storages.map((bytes, i) => ({ name: `archive/data/${i}`, bytes })),
    { name: 'archive/version', bytes: Buffer.from('3\n') },
  ];
  await writeArchive(file, records, () => undefined);
  return path;
}

/** The pickles that stand before the content in the older format. */
export const legacyStart = Buffer.concat([
  pickle.start,
  op('\x8a', uint(10, 1), Buffer.from('6cfc9c46f9206aa85019', 'hex')),
  pickle.stop,
  pickle.start,
  op('M', uint(1001, 2)),
  pickle.stop,
  pickle.start,
  pickle.dictionary,
  pickle.mark,
  pickle.text('little_endian'),
  op('\x88'),
  pickle.items,
  pickle.stop,
]);

/** A file of the older format around any pickle. */
export async function writeLegacy(
  path: string,
  content: Buffer,
  storages: ReadonlyMap<string, { count: number; bytes: Buffer }> = new Map(),
): Promise<string> {
  const keys = [...storages.keys()].map(pickle.text);
  const list = Buffer.concat([pickle.start, op(']'), pickle.mark, ...keys, op('e'), pickle.stop]);
  const parts = [...storages.values()].flatMap(({ count, bytes }) => {
    const header = Buffer.alloc(8);
    header.writeBigInt64LE(BigInt(count));
    return [header, bytes];
  });
  await writeFile(path, Buffer.concat([legacyStart, content, list, ...parts]));
  return path;
}

/** A state_dict in a file of either format. */
export function writeCheckpoint(
  path: string,
  tensors: ReadonlyMap<string, WrittenTensor>,
  format: 'zip' | 'legacy',
): Promise<string> {
  const content = stateDictPickle(tensors, format === 'legacy');
  const storages = [...tensors.values()];
  if (format === 'zip')
    return writeZip(
      path,
      content,
      storages.map(({ bytes }) => bytes),
    );
  return writeLegacy(
    path,
    content,
    new Map(storages.map((tensor, i) => [String(i), { count: elements(tensor), bytes: tensor.bytes }])),
  );
}
