/** Figures in a form that can be computed again for resampled images, cheaply: ranks are prepared once, not per replicate. */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the arrays by construction */
import { predictionErrors } from './accuracy.js';
import { concordances, DiscordanceCounter } from './concordance.js';
import { pairs, correlationUndefined, type Values } from './input.js';
import { tauB, tiedPairs, pairsOf } from './kendall.js';
import { applyLogistic, fitLogistic, fitWeighted, type LogisticModel } from './logistic.js';
import { centred, correlationOf, dot } from './moments.js';
import { centredMidRanks, denseRanks, type DenseRanks } from './ranks.js';
import type { UndefinedReason } from './figure.js';

/** A figure of one predictor on `size` images, computable for any resample of them. */
export interface Resampled {
  readonly size: number;
  /** Reason for which the figure is undefined on the original images; `undefined` if it is defined. */
  readonly undefinedBecause: UndefinedReason | undefined;
  /**
   * The figure where image i occurs `counts[i]` times; NaN where it is undefined.
   *
   * @param total - The sum of all counts.
   */
  value(counts: Uint32Array, total: number): number;
  /** The figure without image i, for each i (the jackknife), where that is cheaper than `value`; NaN where undefined. */
  jackknife?: () => Float64Array;
}

const undefinedAlways = (size: number, undefinedBecause: UndefinedReason): Resampled => ({
  size,
  undefinedBecause,
  value: () => NaN,
});

/** PLCC for resampling; O(n) per replicate. @throws MetricsError ERR_INVALID_ARGUMENT when the lengths differ. */
export function resampledPlcc(predicted: Values, scores: Values): Resampled {
  const [x, y] = pairs(predicted, scores);
  const reason = correlationUndefined(x, y, false);
  if (reason !== undefined) return undefinedAlways(x.length, reason);
  const dx = centred(x).values;
  const dy = centred(y).values;
  return {
    size: x.length,
    undefinedBecause: undefined,
    value(counts, total) {
      let [sx, sy] = [0, 0];
      for (let i = 0; i < counts.length; i++) {
        sx += counts[i]! * dx[i]!;
        sy += counts[i]! * dy[i]!;
      }
      const [mx, my] = [sx / total, sy / total];
      let [sxx, sxy, syy] = [0, 0, 0];
      for (let i = 0; i < counts.length; i++) {
        const count = counts[i]!;
        const [a, b] = [dx[i]! - mx, dy[i]! - my];
        sxx += count * a * a;
        sxy += count * a * b;
        syy += count * b * b;
      }
      return correlationOf(sxy, significant(sxx, total), significant(syy, total));
    },
    jackknife() {
      const [sxx, sxy, syy] = [dot(dx, dx), dot(dx, dy), dot(dy, dy)];
      const factor = x.length / (x.length - 1);
      return dx.map((a, i) => {
        const b = dy[i]!;
        return correlationOf(
          sxy - factor * a * b,
          significant(sxx - factor * a * a, x.length),
          significant(syy - factor * b * b, x.length),
        );
      });
    },
  };
}

/** A sum of squares of values near 1, or 0 where only rounding errors are left: all images drawn have one value. */
const significant = (sum: number, total: number): number => (sum > 1e-30 * total ? sum : 0);

/** SRCC for resampling; O(n) per replicate. @throws MetricsError ERR_INVALID_ARGUMENT when the lengths differ. */
export function resampledSrcc(predicted: Values, scores: Values): Resampled {
  const [x, y] = pairs(predicted, scores);
  const reason = correlationUndefined(x, y, true);
  if (reason !== undefined) return undefinedAlways(x.length, reason);
  const rx = new ResampledRanks(denseRanks(x));
  const ry = new ResampledRanks(denseRanks(y));
  return {
    size: x.length,
    undefinedBecause: undefined,
    value(counts, total) {
      const a = rx.resample(counts, total);
      const b = ry.resample(counts, total);
      let product = 0;
      for (let i = 0; i < counts.length; i++) {
        product += counts[i]! * a.ofGroup[rx.rank[i]!]! * b.ofGroup[ry.rank[i]!]!;
      }
      return correlationOf(product, a.squares, b.squares);
    },
    jackknife: () => jackknifeSrcc(rx, ry),
  };
}

/** Centred mid-ranks of the distinct values in a resample. */
class ResampledRanks {
  readonly rank: Uint32Array;
  readonly counts: Uint32Array;
  readonly #weights: Float64Array;
  readonly #ofGroup: Float64Array;

  constructor({ rank, counts }: DenseRanks) {
    this.rank = rank;
    this.counts = counts;
    this.#weights = new Float64Array(counts.length);
    this.#ofGroup = new Float64Array(counts.length);
  }

  /** The ranks (valid until the next call) and the sum of their squares over all images drawn. */
  resample(counts: ArrayLike<number>, total: number): { ofGroup: Float64Array; squares: number } {
    const [weights, ofGroup, rank] = [this.#weights, this.#ofGroup, this.rank];
    weights.fill(0);
    for (let i = 0; i < rank.length; i++) weights[rank[i]!]! += counts[i]!;
    centredMidRanks(weights, total, ofGroup);
    let squares = 0;
    for (let group = 0; group < weights.length; group++) squares += weights[group]! * ofGroup[group]! ** 2;
    return { ofGroup, squares };
  }
}

/**
 * SRCC without each image in turn, in O(n log n). Without image i the centred mid-rank of j falls by s = ½·sign(xj − xi),
 * so the sums change by Σ R·s, which prefix sums give, and by Σ s·s', which is a quarter of i's concordant less its
 * discordant pairs.
 */
function jackknifeSrcc(rx: ResampledRanks, ry: ResampledRanks): Float64Array {
  const size = rx.rank.length;
  const ones = new Uint32Array(size).fill(1);
  const a = rx.resample(ones, size);
  const b = ry.resample(ones, size);
  const ranksX = Float64Array.from(rx.rank, (group) => a.ofGroup[group]!);
  const ranksY = Float64Array.from(ry.rank, (group) => b.ofGroup[group]!);
  const product = dot(ranksX, ranksY);
  const xOverX = signedSums(rx, ranksX);
  const yOverY = signedSums(ry, ranksY);
  const yOverX = signedSums(rx, ranksY);
  const xOverY = signedSums(ry, ranksX);
  const concordance = concordances(rx, ry);
  return Float64Array.from({ length: size }, (_, i) => {
    const [groupX, groupY] = [rx.rank[i]!, ry.rank[i]!];
    const sxx = a.squares - ranksX[i]! ** 2 - xOverX[groupX]! + (size - rx.counts[groupX]!) / 4;
    const syy = b.squares - ranksY[i]! ** 2 - yOverY[groupY]! + (size - ry.counts[groupY]!) / 4;
    const sxy = product - ranksX[i]! * ranksY[i]! - (xOverY[groupY]! + yOverX[groupX]!) / 2 + concordance[i]! / 4;
    return correlationOf(sxy, sxx, syy);
  });
}

/** Sums for each distinct value v: Σ values[j]·sign(v[j] − v). */
function signedSums(ranks: { rank: Uint32Array; counts: Uint32Array }, values: Float64Array): Float64Array {
  const sums = new Float64Array(ranks.counts.length);
  for (let i = 0; i < values.length; i++) sums[ranks.rank[i]!]! += values[i]!;
  const all = sums.reduce((total, sum) => total + sum, 0);
  let below = 0;
  return sums.map((sum) => {
    const signed = all - below - sum - below;
    below += sum;
    return signed;
  });
}

/** KRCC for resampling; O(n log n) per replicate. @throws MetricsError ERR_INVALID_ARGUMENT when the lengths differ. */
export function resampledKrcc(predicted: Values, scores: Values): Resampled {
  const [x, y] = pairs(predicted, scores);
  const reason = correlationUndefined(x, y, true);
  if (reason !== undefined) return undefinedAlways(x.length, reason);
  const rx = denseRanks(x);
  const ry = denseRanks(y);
  const counter = new DiscordanceCounter(rx, ry);
  return {
    size: x.length,
    undefinedBecause: undefined,
    value(counts, total) {
      const { difference, tiedInX, tiedInY } = counter.count(counts);
      const all = pairsOf(total);
      return tauB(difference, all - tiedInX, all - tiedInY);
    },
    jackknife() {
      const concordance = concordances(rx, ry);
      const difference = concordance.reduce((sum, value) => sum + value, 0) / 2;
      const all = pairsOf(x.length - 1);
      const [tiedX, tiedY] = [tiedPairs(rx.counts), tiedPairs(ry.counts)];
      return concordance.map((own, i) =>
        tauB(difference - own, all - tiedX + rx.counts[rx.rank[i]!]! - 1, all - tiedY + ry.counts[ry.rank[i]!]! - 1),
      );
    },
  };
}

/** A mean over images of something computed from the error, then a function of the mean. */
function resampledMean(
  predicted: Values,
  scores: Values,
  ofError: (error: number) => number,
  ofMean: (mean: number) => number,
): Resampled {
  const errors = predictionErrors(predicted, scores);
  if (typeof errors === 'string') return undefinedAlways(predicted.length, errors);
  const values = errors.map(ofError);
  if (!values.every(Number.isFinite)) return undefinedAlways(values.length, 'overflow');
  return {
    size: values.length,
    undefinedBecause: undefined,
    value(counts, total) {
      let sum = 0;
      for (let i = 0; i < counts.length; i++) sum += counts[i]! * values[i]!;
      return ofMean(sum / total);
    },
    jackknife() {
      const sum = values.reduce((total, value) => total + value, 0);
      return values.map((value) => ofMean((sum - value) / (values.length - 1)));
    },
  };
}

const same = (value: number): number => value;
const square = (value: number): number => value * value;
const root = (value: number): number => Math.sqrt(Math.max(0, value));

/** MSE for resampling; O(n) per replicate. @throws MetricsError ERR_INVALID_ARGUMENT when the lengths differ. */
export const resampledMse = (predicted: Values, scores: Values): Resampled =>
  resampledMean(predicted, scores, square, same);

/** RMSE for resampling; O(n) per replicate. @throws MetricsError ERR_INVALID_ARGUMENT when the lengths differ. */
export const resampledRmse = (predicted: Values, scores: Values): Resampled =>
  resampledMean(predicted, scores, square, root);

/** MAE for resampling; O(n) per replicate. @throws MetricsError ERR_INVALID_ARGUMENT when the lengths differ. */
export const resampledMae = (predicted: Values, scores: Values): Resampled =>
  resampledMean(predicted, scores, Math.abs, same);

/** Bias for resampling; O(n) per replicate. @throws MetricsError ERR_INVALID_ARGUMENT when the lengths differ. */
export const resampledBias = (predicted: Values, scores: Values): Resampled =>
  resampledMean(predicted, scores, same, same);

/**
 * PLCC or RMSE after a logistic fit that is repeated in every replicate, beginning at the fit of all images. That is the
 * honest interval, and costs a fit per replicate; for the usual one, where the fit of all images stays, map the
 * predictions with `applyLogistic` and resample those.
 *
 * @throws MetricsError ERR_INVALID_ARGUMENT when the lengths differ.
 */
export function resampledRefitted(
  model: LogisticModel,
  figure: 'plcc' | 'rmse',
  predicted: Values,
  scores: Values,
): Resampled {
  const [x, y] = pairs(predicted, scores);
  const overall = fitLogistic(model, x, y);
  if (overall.parameters === null) return undefinedAlways(x.length, overall.undefinedBecause);
  if (!overall.converged) return undefinedAlways(x.length, 'fit-not-converged');
  return {
    size: x.length,
    undefinedBecause: undefined,
    value(counts, total) {
      const fit = fitWeighted(model, x, y, { counts, from: overall });
      if (fit.parameters === null || !fit.converged) return NaN;
      if (figure === 'rmse') return Math.sqrt(fit.sumOfSquares / total);
      return resampledPlcc(applyLogistic(fit, x), y).value(counts, total);
    },
  };
}

/** The difference of two figures on the same images, a − b. @internal */
export function resampledDifference(a: Resampled, b: Resampled): Resampled {
  const difference: Resampled = {
    size: a.size,
    undefinedBecause: a.undefinedBecause ?? b.undefinedBecause,
    value: (counts, total) => a.value(counts, total) - b.value(counts, total),
  };
  if (!a.jackknife || !b.jackknife) return difference;
  return {
    ...difference,
    jackknife() {
      const [left, right] = [a.jackknife?.(), b.jackknife?.()];
      return left!.map((value, i) => value - right![i]!);
    },
  };
}
