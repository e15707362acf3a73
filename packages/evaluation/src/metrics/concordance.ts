/** Concordant and discordant pairs, counted with a binary indexed tree. O(n log n). */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the arrays by construction */
import { pairsOf, tiedPairs } from './kendall.js';
import type { DenseRanks } from './ranks.js';

/** Sums of weights below a position, with updates (Fenwick 1994). */
class PrefixSums {
  readonly #tree: Float64Array;

  constructor(size: number) {
    this.#tree = new Float64Array(size + 1);
  }

  clear(): void {
    this.#tree.fill(0);
  }

  add(position: number, weight: number): void {
    const tree = this.#tree;
    for (let i = position + 1; i < tree.length; i += i & -i) tree[i]! += weight;
  }

  /** The weight at positions < `end`. */
  below(end: number): number {
    const tree = this.#tree;
    let sum = 0;
    for (let i = end; i > 0; i -= i & -i) sum += tree[i]!;
    return sum;
  }
}

/** Images in ascending order of a column. */
function inOrder({ rank, counts }: DenseRanks): Uint32Array {
  const next = new Uint32Array(counts.length);
  for (let group = 1; group < counts.length; group++) next[group] = next[group - 1]! + counts[group - 1]!;
  const order = new Uint32Array(rank.length);
  for (let i = 0; i < rank.length; i++) order[next[rank[i]!]!++] = i;
  return order;
}

/** Counts for each image its concordant less its discordant pairs. @internal */
export function concordances(x: DenseRanks, y: DenseRanks): Float64Array {
  const order = inOrder(x);
  const result = new Float64Array(order.length);
  const seen = new PrefixSums(y.counts.length);
  // Upwards for the images with smaller x, downwards for those with larger.
  for (const direction of [1, -1]) {
    seen.clear();
    let total = 0;
    const at = (step: number): number => order[direction === 1 ? step : order.length - 1 - step]!;
    for (let from = 0; from < order.length;) {
      let end = from;
      for (; end < order.length && x.rank[at(end)] === x.rank[at(from)]; end++) {
        const rank = y.rank[at(end)]!;
        result[at(end)]! += direction * (seen.below(rank) - (total - seen.below(rank + 1)));
      }
      for (let step = from; step < end; step++) seen.add(y.rank[at(step)]!, 1);
      total += end - from;
      from = end;
    }
  }
  return result;
}

/** Counts pairs in resamples of the same images. @internal */
export class DiscordanceCounter {
  readonly #x: DenseRanks;
  readonly #y: DenseRanks;
  readonly #order: Uint32Array;
  readonly #seen: PrefixSums;
  readonly #ofY: Float64Array;

  constructor(x: DenseRanks, y: DenseRanks) {
    this.#x = x;
    this.#y = y;
    this.#order = inOrder(x);
    this.#seen = new PrefixSums(y.counts.length);
    this.#ofY = new Float64Array(y.counts.length);
  }

  /** Concordant less discordant pairs, and ties, where image i occurs `counts[i]` times. */
  count(counts: Uint32Array): { difference: number; tiedInX: number; tiedInY: number } {
    const [order, rankX, rankY, ofY, seen] = [this.#order, this.#x.rank, this.#y.rank, this.#ofY, this.#seen];
    seen.clear();
    ofY.fill(0);
    let difference = 0;
    let tiedInX = 0;
    let total = 0;
    for (let from = 0; from < order.length;) {
      const group = rankX[order[from]!];
      let end = from;
      let weight = 0;
      for (; end < order.length && rankX[order[end]!] === group; end++) {
        const count = counts[order[end]!]!;
        if (count === 0) continue;
        const rank = rankY[order[end]!]!;
        difference += count * (seen.below(rank) + seen.below(rank + 1) - total);
        weight += count;
      }
      for (let step = from; step < end; step++) {
        const image = order[step]!;
        const count = counts[image]!;
        if (count === 0) continue;
        seen.add(rankY[image]!, count);
        ofY[rankY[image]!]! += count;
      }
      tiedInX += pairsOf(weight);
      total += weight;
      from = end;
    }
    return { difference, tiedInX, tiedInY: tiedPairs(ofY) };
  }
}
