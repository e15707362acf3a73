/** Ranks of values, with ties. O(n log n). */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the arrays by construction */
import { doubles, type Values } from './input.js';

/** @internal */
export interface DenseRanks {
  /** Number of distinct smaller values, for each value. */
  readonly rank: Uint32Array;
  /** Frequency of each distinct value, in ascending order. */
  readonly counts: Uint32Array;
}

/** Ranks without gaps; 0 and -0 are one value. NaN must not occur. @internal */
export function denseRanks(values: Float64Array): DenseRanks {
  // Typed arrays sort natively without a comparator; looking each value up again is cheaper than sorting indices.
  const distinct = values.slice().sort();
  const counts = new Uint32Array(values.length);
  let size = 0;
  for (let from = 0; from < distinct.length; size++) {
    const value = distinct[from]!;
    let end = from + 1;
    while (end < distinct.length && distinct[end] === value) end++;
    distinct[size] = value;
    counts[size] = end - from;
    from = end;
  }
  const rank = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    let low = 0;
    let high = size - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (distinct[middle]! < value) low = middle + 1;
      else high = middle;
    }
    rank[i] = low;
  }
  return { rank, counts: counts.slice(0, size) };
}

/** Mid-rank of each distinct value less the mean of all ranks (half-integers, exact). @internal */
export function centredMidRanks(counts: ArrayLike<number>, total: number, ranks: Float64Array): void {
  let before = -total / 2;
  for (let group = 0; group < counts.length; group++) {
    const count = counts[group]!;
    ranks[group] = before + count / 2;
    before += count;
  }
}

/**
 * The rank of each value, 1 for the smallest; equal values share the mean of their ranks, as `scipy.stats.rankdata`.
 * Infinities are ranked; NaN has no rank and gives NaN for every value.
 */
export function midRanks(values: Values): Float64Array {
  const numbers = doubles(values);
  if (numbers.some(Number.isNaN)) return new Float64Array(numbers.length).fill(NaN);
  const { rank, counts } = denseRanks(numbers);
  const ofGroup = new Float64Array(counts.length);
  centredMidRanks(counts, numbers.length, ofGroup);
  return Float64Array.from(rank, (group) => ofGroup[group]! + (numbers.length + 1) / 2);
}
