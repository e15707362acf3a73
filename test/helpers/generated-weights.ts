/**
 * Weights of the test models: the numbers of models/make_test_model.py, bit by bit, without Python.
 *
 * test/pytorch compares the two.
 */
import { createHash } from 'node:crypto';

import type { TemplateTensor } from '../../src/export/tensor.js';

export type TestModel = 'resnet50' | 'lite0';

interface Settings {
  /** Gains of layers relative to He initialisation; see make_test_model.py for how they were found. */
  gains: Partial<Record<string, number>>;
  lastBias: number;
  /** The last batch norm of a residual branch. */
  branchGain: number;
}

const SETTINGS: Record<TestModel, Settings> = {
  resnet50: {
    gains: {
      'res.lda1_fc': 0.5,
      'res.lda2_fc': 0.3,
      'res.lda3_fc': 0.2,
      'res.lda4_fc': 0.1,
      'conv1.0': 0.25,
      fc1w_conv: 0.04,
      fc2w_conv: 0.1,
      fc3w_conv: 0.15,
      fc4w_conv: 0.2,
      fc5w_fc: 8,
      fc5b_fc: 8,
    },
    lastBias: -14,
    branchGain: 0.3,
  },
  lite0: {
    gains: {
      'res.lda4_fc': 0.3,
      'conv1.0': 0.3,
      fc1w_conv: 0.1,
      fc2w_conv: 0.2,
      fc3w_conv: 0.3,
      fc4w_conv: 0.4,
      fc5w_fc: 0.8,
      fc5b_fc: 0.8,
    },
    lastBias: -1.8,
    branchGain: 0.5,
  },
};

const BATCHES_TRACKED = 1000n;
const BRANCH_ENDS = /(\.bn3|project\.1)$/;

/** The bytes of one tensor, little-endian; `name` is that of the state_dict. */
export function generateTensor(kind: TestModel, name: string, { dtype, shape }: TemplateTensor): Buffer {
  const count = shape.reduce((product, size) => product * size, 1);
  if (dtype === 'int64') return Buffer.from(new BigInt64Array(count).fill(BATCHES_TRACKED).buffer);
  const { gains, lastBias, branchGain } = SETTINGS[kind];
  const end = name.lastIndexOf('.');
  const [layer, tensor] = [name.slice(0, end), name.slice(end + 1)];
  if (name === 'fc5b_fc.bias') return Buffer.from(new Float32Array(count).fill(lastBias).buffer);
  const values = uniform(`${kind}/${name}`, count);
  if (tensor === 'running_mean') scale(values, 0.2);
  else if (tensor === 'running_var') scale(values, 0.5, 1);
  else if (tensor === 'bias') scale(values, 0.1);
  else if (shape.length === 1) {
    scale(values, 0.4, 1);
    if (BRANCH_ENDS.test(layer)) scale(values, branchGain);
  } else {
    // Variance 2/fan-in keeps the size of activations; a uniform number has variance 1/3.
    const fanIn = count / shape[0]!;
    scale(values, Math.sqrt(6 / fanIn) * (gains[layer] ?? 1));
  }
  return Buffer.from(values.buffer);
}

/** `values * factor + offset`, rounded to fp32 after each step, as PyTorch does. */
function scale(values: Float32Array, factor: number, offset?: number): void {
  const single = Math.fround(factor);
  for (let i = 0; i < values.length; i++) values[i] = values[i]! * single;
  if (offset === undefined) return;
  for (let i = 0; i < values.length; i++) values[i] = values[i]! + offset;
}

/** `count` numbers in −1..1, fixed by `name`: SplitMix64 in halves of 32 bits, because BigInt would take a minute. */
function uniform(name: string, count: number): Float32Array<ArrayBuffer> {
  const key = createHash('sha256').update(name).digest();
  let low = key.readUInt32LE(0);
  let high = key.readUInt32LE(4);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    // + 0x9E3779B97F4A7C15
    const sum = low + 0x7f4a7c15;
    high = (high + 0x9e3779b9 + (sum > 0xffffffff ? 1 : 0)) >>> 0;
    low = sum >>> 0;
    // z ^= z >> 30, times 0xBF58476D1CE4E5B9
    let zLow = (low ^ ((low >>> 30) | (high << 2))) >>> 0;
    let zHigh = (high ^ (high >>> 30)) >>> 0;
    let product = highProduct(zLow, 0x1ce4e5b9);
    zHigh = (product + Math.imul(zHigh, 0x1ce4e5b9) + Math.imul(zLow, 0xbf58476d)) >>> 0;
    zLow = Math.imul(zLow, 0x1ce4e5b9) >>> 0;
    // z ^= z >> 27, times 0x94D049BB133111EB; only the upper half is wanted from here on
    const mixed = (zLow ^ ((zLow >>> 27) | (zHigh << 5))) >>> 0;
    zHigh = (zHigh ^ (zHigh >>> 27)) >>> 0;
    product = highProduct(mixed, 0x133111eb);
    zHigh = (product + Math.imul(zHigh, 0x133111eb) + Math.imul(mixed, 0x94d049bb)) >>> 0;
    // z ^= z >> 31, and its 23 upper bits
    values[i] = ((zHigh ^ (zHigh >>> 31)) >>> 9) / 2 ** 22 - 1;
  }
  return values;
}

/** The upper 32 bits of the product of two unsigned numbers of 32 bits. */
function highProduct(a: number, b: number): number {
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle % 0x10000);
  return aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000);
}
