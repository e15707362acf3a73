/**
 * The ROC analyses of Krasula, Fliegel, Le Callet & Klíma 2016 ("On the accuracy of objective image and video quality
 * models: New methodology for performance evaluation", QoMEX).
 */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the arrays by construction */
import { figure, undefinedFigure, type Figure, type UndefinedReason } from './figure.js';
import { badNumber, besidePairs, invalid, pairs, type Values } from './input.js';
import { scaled } from './moments.js';

/** Figures of a predictor from pairs of images. */
export interface PairAnalysis {
  /**
   * Different/similar: the probability, 0 to 1, that the predictions differ more for a pair of images whose quality
   * differs significantly than for a pair whose quality does not.
   */
  readonly aucDifferentSimilar: Figure;
  /**
   * Better/worse, among the pairs that differ significantly: the area under the ROC curve that tells from the signed
   * difference of the predictions which image is the better one; each pair counts in both directions.
   */
  readonly aucBetterWorse: Figure;
  /** Among the pairs that differ significantly, the share that the predictor orders as people do (equal is wrong). */
  readonly correctBetterWorse: Figure;
  /** Number of pairs with a significant difference, |ΔMOS|/√(s²a/na + s²b/nb) above the threshold. */
  readonly differentPairs: number;
  readonly similarPairs: number;
}

/** Knowledge of the human scores' uncertainty. */
export interface PairAnalysisOptions {
  /** z above which a difference of two scores is significant. Default 2. */
  readonly threshold?: number;
  /** Largest number of pairs held in memory at once (8 bytes each). Default 2^22; fewer make it slower. */
  readonly pairsInMemory?: number;
}

/**
 * Analyses all pairs of images in O(n² log n) time. Memory is bounded: the pairs are visited in slices of similar
 * difference of the predictions, not stored. 10,000 images have 50 million pairs and take some seconds.
 *
 * All figures are undefined for fewer than 2 images, NaN and infinities; the ones about different pairs where there is
 * none, and different/similar where there are not both. A predictor where lower is better has to be negated first.
 *
 * @param standardErrors - Of each mean opinion score, s/√(number of opinions), ≥ 0, in units of `scores`.
 * @throws MetricsError ERR_INVALID_ARGUMENT when lengths differ, an error is negative or an option out of range.
 */
export function analysePairs(
  predicted: Values,
  scores: Values,
  standardErrors: Values,
  options: PairAnalysisOptions = {},
): PairAnalysis {
  const { threshold = 2, pairsInMemory = 2 ** 22 } = options;
  if (!(threshold >= 0 && threshold < Infinity)) throw invalid(`threshold must be 0 or more, not ${threshold}.`);
  if (!Number.isInteger(pairsInMemory) || pairsInMemory < 1)
    throw invalid(`pairsInMemory must be a positive integer, not ${pairsInMemory}.`);
  const [x, y] = pairs(predicted, scores);
  const errors = besidePairs('standardErrors', standardErrors, y.length);
  if (errors.some((error) => error < 0)) throw invalid('standardErrors must not be negative.');
  const bad = badNumber(x, y, errors) ?? (x.length < 2 ? 'too-few' : undefined);
  if (bad !== undefined) return noAnalysis(bad);

  const sweep = new Sweep(new PairedImages(scaled(x).values, y, errors, threshold), pairsInMemory).run();
  const { different, similar } = sweep;
  const ofDifferent = (value: number): Figure =>
    different === 0 ? undefinedFigure('no-different-pairs') : figure(value);
  return {
    aucDifferentSimilar:
      different > 0 && similar === 0
        ? undefinedFigure('no-similar-pairs')
        : ofDifferent(sweep.differentAboveSimilar / different / similar),
    aucBetterWorse: ofDifferent(sweep.betterAboveWorse / different / different),
    correctBetterWorse: ofDifferent(sweep.correct / different),
    differentPairs: different,
    similarPairs: similar,
  };
}

function noAnalysis(reason: UndefinedReason): PairAnalysis {
  const none = undefinedFigure(reason);
  return {
    aucDifferentSimilar: none,
    aucBetterWorse: none,
    correctBetterWorse: none,
    differentPairs: 0,
    similarPairs: 0,
  };
}

/** Verdicts on a pair: similar, or different and ordered by the predictor as by people, or not. */
const SIMILAR = 0;
const RIGHT = 1;
const WRONG = 2;

/** All pairs of images, by ascending difference of the predictions. */
class PairedImages {
  readonly #x: Float64Array;
  readonly #y: Float64Array;
  readonly #variance: Float64Array;
  readonly #threshold: number;

  constructor(x: Float64Array, y: Float64Array, errors: Float64Array, threshold: number) {
    const order = Uint32Array.from(x.keys()).sort((a, b) => x[a]! - x[b]!);
    this.#x = Float64Array.from(order, (i) => x[i]!);
    this.#y = Float64Array.from(order, (i) => y[i]!);
    this.#variance = Float64Array.from(order, (i) => errors[i]! ** 2);
    this.#threshold = threshold;
  }

  get largest(): number {
    return this.#x.at(-1)! - this.#x[0]!;
  }

  /** Counts the pairs that differ by less than `bound`; O(n), since x is sorted. */
  countBelow(bound: number): number {
    const x = this.#x;
    let count = 0;
    for (let i = 0, end = 1; i < x.length; i++) {
      if (end <= i) end = i + 1;
      while (end < x.length && x[end]! - x[i]! < bound) end++;
      count += end - i - 1;
    }
    return count;
  }

  /** Visits the pairs whose predictions differ by at least `low` and less than `high`. */
  visit(low: number, high: number, judged: (difference: number, kind: number) => void): void {
    const [x, y, variance, threshold] = [this.#x, this.#y, this.#variance, this.#threshold];
    for (let i = 0, from = 1; i < x.length; i++) {
      if (from <= i) from = i + 1;
      while (from < x.length && x[from]! - x[i]! < low) from++;
      for (let j = from; j < x.length; j++) {
        const difference = x[j]! - x[i]!;
        if (difference >= high) break;
        const gap = y[j]! - y[i]!;
        const different = Math.abs(gap) / Math.sqrt(variance[i]! + variance[j]!) > threshold;
        judged(difference, different ? (gap > 0 ? RIGHT : WRONG) : SIMILAR);
      }
    }
  }
}

/** Goes through the pairs by ascending difference and adds up what the areas under the curves need. */
class Sweep {
  readonly #images: PairedImages;
  readonly #limit: number;
  similar = 0;
  different = 0;
  /** Different pairs that the predictor orders as people do. */
  correct = 0;
  /** Pairs of a different and a similar pair where the former differs more; ties count half. */
  differentAboveSimilar = 0;
  /**
   * Pairs of different pairs (in both directions, and with itself) whose signed differences, positive where right, add up
   * to more than 0: the larger of the two decides. Ties count half.
   */
  betterAboveWorse = 0;

  constructor(images: PairedImages, limit: number) {
    this.#images = images;
    this.#limit = limit;
  }

  run(): this {
    const largest = this.#images.largest;
    for (let low = 0; low <= largest;) {
      const high = this.#sliceEnd(low, largest);
      this.#slice(low, high);
      low = high;
    }
    return this;
  }

  /** The end of a slice from `low` that holds as many pairs as memory allows, or one difference only. */
  #sliceEnd(low: number, largest: number): number {
    const before = this.#images.countBelow(low);
    const size = (end: number): number => this.#images.countBelow(end) - before;
    const beyond = Math.max(largest * (1 + 2 * Number.EPSILON), 2 * Number.MIN_VALUE);
    if (size(beyond) <= this.#limit) return beyond;
    let [fits, exceeds] = [low, beyond];
    let middle = low + (beyond - low) / 2;
    while (middle > fits && middle < exceeds) {
      const between = size(middle);
      if (between > this.#limit) exceeds = middle;
      else if (between < this.#limit / 2) fits = middle;
      else return middle;
      middle = fits + (exceeds - fits) / 2;
    }
    // Neighbouring numbers: if nothing fits, the slice up to `exceeds` holds a single difference.
    return fits > low ? fits : exceeds;
  }

  #slice(low: number, high: number): void {
    const counts: [number, number, number] = [0, 0, 0];
    let [smallest, largest] = [Infinity, -Infinity];
    this.#images.visit(low, high, (difference, kind) => {
      counts[kind]!++;
      smallest = Math.min(smallest, difference);
      largest = Math.max(largest, difference);
    });
    if (smallest > largest) return;
    if (smallest === largest) {
      this.#tied(smallest, ...counts);
      return;
    }
    const differences = counts.map((count) => new Float64Array(count));
    const filled = [0, 0, 0];
    this.#images.visit(low, high, (difference, kind) => {
      differences[kind]![filled[kind]!++] = difference;
    });
    for (const values of differences) values.sort();
    const next = [0, 0, 0];
    const run = (kind: number, value: number): number => {
      const values = differences[kind]!;
      const start = next[kind]!;
      let end = start;
      while (end < values.length && values[end] === value) end++;
      next[kind] = end;
      return end - start;
    };
    for (;;) {
      const value = Math.min(...differences.map((values, kind) => values[next[kind]!] ?? Infinity));
      if (value === Infinity) return;
      this.#tied(value, run(SIMILAR, value), run(RIGHT, value), run(WRONG, value));
    }
  }

  /** Adds the pairs whose predictions differ by the same amount. */
  #tied(difference: number, similar: number, right: number, wrong: number): void {
    const different = right + wrong;
    this.differentAboveSimilar += different * (this.similar + similar / 2);
    if (difference === 0) {
      this.betterAboveWorse += different ** 2 / 2;
    } else {
      this.betterAboveWorse += 2 * right * this.different + right ** 2 + right * wrong;
      this.correct += right;
    }
    this.similar += similar;
    this.different += different;
  }
}
