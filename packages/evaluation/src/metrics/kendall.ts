/** Kendall's rank correlation. */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the arrays by construction */
import { figure, undefinedFigure, type Figure } from './figure.js';
import { correlationUndefined, pairs, type Values } from './input.js';
import { denseRanks } from './ranks.js';

/**
 * KRCC, Kendall's tau-b, −1 to 1: (concordant − discordant) / √((all − tied in predictions)(all − tied in scores)).
 * Sorted by both columns, the discordant pairs are the inversions of the second, counted in a merge sort (Knight 1966,
 * JASA 61, 436–439); O(n log n). All counts are integers and exact for up to 9·10^7 images.
 *
 * Undefined for fewer than 3 pairs, NaN and constant columns. Infinities are ranked.
 *
 * @throws MetricsError ERR_INVALID_ARGUMENT when the lengths differ.
 */
export function krcc(predicted: Values, scores: Values): Figure {
  const [x, y] = pairs(predicted, scores);
  const reason = correlationUndefined(x, y, true);
  if (reason !== undefined) return undefinedFigure(reason);
  const rx = denseRanks(x);
  const ry = denseRanks(y);

  // One number per pair that sorts by x, then y. Ranks are below 2^26 for any array that fits into memory here.
  const width = ry.counts.length;
  const keys = Float64Array.from(rx.rank, (rank, i) => rank * width + ry.rank[i]!).sort();
  let tiedInBoth = 0;
  for (let from = 0, i = 1; i <= keys.length; i++) {
    if (i < keys.length && keys[i] === keys[from]) continue;
    tiedInBoth += pairsOf(i - from);
    from = i;
  }
  const discordant = inversions(Uint32Array.from(keys, (key) => key % width));
  const all = pairsOf(x.length);
  const tiedInX = tiedPairs(rx.counts);
  const tiedInY = tiedPairs(ry.counts);
  const concordantLessDiscordant = all - tiedInX - tiedInY + tiedInBoth - 2 * discordant;
  return figure(tauB(concordantLessDiscordant, all - tiedInX, all - tiedInY));
}

/** Pairs among `count` things. @internal */
export const pairsOf = (count: number): number => (count * (count - 1)) / 2;

/** Pairs of equal values. @internal */
export function tiedPairs(counts: Iterable<number>): number {
  let sum = 0;
  for (const count of counts) sum += pairsOf(count);
  return sum;
}

/** tau-b, NaN where a column is constant. @internal */
export function tauB(concordantLessDiscordant: number, untiedInX: number, untiedInY: number): number {
  if (!(untiedInX > 0 && untiedInY > 0)) return NaN;
  return Math.min(1, Math.max(-1, concordantLessDiscordant / Math.sqrt(untiedInX * untiedInY)));
}

/** Counts the pairs in descending order by a bottom-up merge sort. */
function inversions(values: Uint32Array): number {
  let from: Uint32Array = values;
  let to: Uint32Array = new Uint32Array(values.length);
  let count = 0;
  for (let width = 1; width < values.length; width *= 2) {
    for (let start = 0; start < values.length; start += 2 * width) {
      const middle = Math.min(start + width, values.length);
      const end = Math.min(start + 2 * width, values.length);
      let left = start;
      let right = middle;
      for (let out = start; out < end; out++) {
        if (left < middle && (right >= end || from[left]! <= from[right]!)) {
          to[out] = from[left++]!;
        } else {
          to[out] = from[right++]!;
          count += middle - left;
        }
      }
    }
    [from, to] = [to, from];
  }
  return count;
}
