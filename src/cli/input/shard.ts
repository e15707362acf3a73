/** Shares of the images, for machines that know nothing of each other (`--shard`). */
import { createHash } from 'node:crypto';

/** One share of several. */
export interface Shard {
  /** Counted from 0. */
  readonly index: number;
  readonly count: number;
}

/** Most shares that images can be divided into. */
export const MAX_SHARDS = 1_000_000;

/**
 * The share that an image belongs to, by its name alone: the first six bytes of the SHA-256 of its UTF-8 bytes, as a
 * big-endian number, modulo `count`. A backslash counts as a slash, so that the share is the same on every system.
 *
 * @param file - The name as it is in the record.
 * @param count - Number of shares, from 1.
 * @returns the index of the share, from 0
 */
export function shardOf(file: string, count: number): number {
  return createHash('sha256').update(file.replaceAll('\\', '/')).digest().readUIntBE(0, 6) % count;
}

/** `2/8`. */
export const describeShard = ({ index, count }: Shard): string => `${index}/${count}`;
