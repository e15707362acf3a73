/** Damage of the kinds that files suffer, and that those who attack decoders try. */
import type { Random } from './scenario.js';

/** Values that lengths, counts and sizes are compared with. */
const EXTREMES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

type Mutation = (bytes: Buffer, random: Random, other: Buffer) => Buffer;

const mutations: Record<string, Mutation> = {
  'bits flipped': (bytes, random) => {
    for (let i = random.int(1, 16); i > 0; i--) flip(bytes, random.int(0, bytes.length - 1), random);
    return bytes;
  },
  // Regions with sizes, tables and offsets.
  'head changed': (bytes, random) => {
    for (let i = random.int(1, 6); i > 0; i--) flip(bytes, random.int(0, Math.min(255, bytes.length - 1)), random);
    return bytes;
  },
  'cut off': (bytes, random) => bytes.subarray(0, random.int(0, bytes.length - 1)),
  'an extreme number': (bytes, random) => {
    const width = random.pick([1, 2, 4] as const);
    const value = random.pick(EXTREMES) % 2 ** (8 * width);
    const at = random.int(0, Math.max(0, Math.min(bytes.length, random.pick([64, 512, bytes.length])) - width));
    if (bytes.length < width) return bytes;
    if (random.chance(0.5)) bytes.writeUIntBE(value, at, width);
    else bytes.writeUIntLE(value, at, width);
    return bytes;
  },
  'bytes inserted': (bytes, random) => {
    const at = random.int(0, bytes.length);
    return Buffer.concat([bytes.subarray(0, at), random.bytes(random.int(1, 64)), bytes.subarray(at)]);
  },
  'bytes removed': (bytes, random) => {
    const at = random.int(0, bytes.length - 1);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.int(1, 256))]);
  },
  'a part repeated': (bytes, random) => {
    const at = random.int(0, bytes.length - 1);
    const part = bytes.subarray(at, at + random.int(1, 2048));
    return Buffer.concat([bytes.subarray(0, at), ...Array<Buffer>(random.int(2, 20)).fill(part), bytes.subarray(at)]);
  },
  zeroed: (bytes, random) => {
    const at = random.int(0, bytes.length - 1);
    return bytes.fill(0, at, Math.min(bytes.length, at + random.int(1, 4096)));
  },
  'spliced with another file': (bytes, random, other) =>
    Buffer.concat([bytes.subarray(0, random.int(0, bytes.length)), other.subarray(random.int(0, other.length))]),
};

function flip(bytes: Buffer, at: number, random: Random): void {
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(0, 7));
}

/** A damaged copy of a file, and what was done to it. */
export function mutate(original: Buffer, other: Buffer, random: Random): { bytes: Buffer; how: string } {
  const how = Array.from({ length: random.int(1, 2) }, () => random.pick(Object.keys(mutations)));
  let bytes: Buffer = Buffer.from(original);
  for (const name of how) {
    if (bytes.length > 0) bytes = mutations[name]?.(bytes, random, other) ?? bytes;
  }
  return { bytes, how: how.join(', ') };
}
