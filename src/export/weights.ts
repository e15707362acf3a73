/** The weights of a model in memory: read from a checkpoint, hashed as docs/model-format.md says. */
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';

import { HyperIQAError } from '../errors.js';
import { some, type StateDict } from './layouts.js';
import type { TemplateTensor } from './tensor.js';
import type { TorchFile } from './torch-file.js';

/** Little-endian elements in row-major order, by name in the exported module. */
export type Weights = ReadonlyMap<string, Buffer>;

const PIECE = 1 << 20;

/**
 * Reads all weights: 110 MB for the paper's network, which is what the shapes that were checked before add up to.
 *
 * @param report - Is told how many bytes of all are read; what it throws ends the work.
 * @throws HyperIQAError ERR_CHECKPOINT_DAMAGED, ERR_CHECKPOINT_READ, ERR_CHECKPOINT_VALUES
 */
export async function readWeights(
  path: string,
  file: TorchFile,
  { tensors }: StateDict,
  expected: readonly TemplateTensor[],
  report: (done: number, total: number) => void,
): Promise<Weights> {
  const weights = new Map<string, Buffer>();
  const broken: string[] = [];
  const total = expected.reduce((sum, tensor) => sum + byteLength(tensor), 0);
  let done = 0;
  for (const { name, dtype } of expected) {
    const tensor = tensors.get(name);
    if (!tensor) throw new HyperIQAError('ERR_INTERNAL', `${name} was not checked.`);
    const bytes = await file.read(tensor, dtype);
    if (dtype === 'float32' && !isAllFinite(bytes)) broken.push(name.replace('network.', ''));
    weights.set(name, bytes);
    done += bytes.length;
    report(done, total);
  }
  if (broken.length > 0) {
    throw new HyperIQAError('ERR_CHECKPOINT_VALUES', `${path} has values that are not finite in ${some(broken)}.`);
  }
  return weights;
}

const byteLength = ({ dtype, shape }: TemplateTensor) =>
  shape.reduce((product, size) => product * size, dtype === 'int64' ? 8 : 4);

function isAllFinite(bytes: Buffer): boolean {
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4).every(Number.isFinite);
}

/** SHA-256 of names, types, shapes and bytes, in hexadecimal digits. */
export async function weightsSha256(tensors: readonly TemplateTensor[], weights: Weights): Promise<string> {
  const hash = createHash('sha256');
  // The names are ASCII, for which this order is that of the bytes.
  const sorted = [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, dtype, shape } of sorted) {
    const bytes = weights.get(name) ?? Buffer.alloc(0);
    hash.update(`${name}\0${dtype}\0${shape.join('x')}\0`);
    for (let start = 0; start < bytes.length; start += PIECE) {
      hash.update(bytes.subarray(start, start + PIECE));
      await setImmediate();
    }
  }
  return hash.digest('hex');
}
