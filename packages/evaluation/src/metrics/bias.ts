/** Direction and place of errors: bias, the gap against the score, shares in a band. */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the arrays by construction */
import { meanOf, predictionErrors } from './accuracy.js';
import { studentTQuantile } from './distributions.js';
import {
  figure,
  undefinedFigure,
  undefinedInterval,
  type Figure,
  type Interval,
  type UndefinedReason,
} from './figure.js';
import { badNumber, checkLevel, correlationUndefined, doubles, invalid, pairs, type Values } from './input.js';
import { centred, dot, timesPowerOfTwo } from './moments.js';

/**
 * Bias: the mean signed difference, prediction less human score, in units of the scores; negative if a predictor scores
 * too low. Undefined for no pairs, NaN and infinities.
 *
 * @throws MetricsError ERR_INVALID_ARGUMENT when the lengths differ.
 */
export function bias(predicted: Values, scores: Values): Figure {
  const errors = predictionErrors(predicted, scores);
  return typeof errors === 'string' ? undefinedFigure(errors) : figure(meanOf(errors));
}

/** ŷ = slope·x + intercept. */
export interface LinearMap {
  readonly slope: number;
  readonly intercept: number;
}

/**
 * The map that takes one scale to another by its ends, such as a predictor's 0–1 to a MOS of 1–5; the bias of predictions
 * mapped so tells an offset from a mere difference of scales. `to` may run downwards, for scores where lower is better.
 *
 * @throws MetricsError ERR_INVALID_ARGUMENT for ends that are equal or not finite.
 */
export function mapScale(from: readonly [number, number], to: readonly [number, number]): LinearMap {
  const slope = (to[1] - to[0]) / (from[1] - from[0]);
  if (!Number.isFinite(slope) || slope === 0)
    throw invalid(`No linear map takes ${from[0]}–${from[1]} to ${to[0]}–${to[1]}.`);
  return { slope, intercept: to[0] - slope * from[0] };
}

/**
 * The least-squares line from predictions to human scores. Over all images the bias of predictions mapped by it is 0; in
 * groups of images it is not, which shows the groups that a predictor favours.
 *
 * Undefined (`undefinedBecause`) as `plcc`, except that scores may be constant.
 *
 * @throws MetricsError ERR_INVALID_ARGUMENT when the lengths differ.
 */
export function leastSquaresMap(
  predicted: Values,
  scores: Values,
): (LinearMap & { readonly undefinedBecause?: never }) | { readonly undefinedBecause: UndefinedReason } {
  const line = lineThrough(predicted, scores);
  if (typeof line === 'string') return { undefinedBecause: line };
  return { slope: line.slope, intercept: line.intercept };
}

/** The values, mapped. */
export function applyLinear(map: LinearMap, values: Values): Float64Array {
  return doubles(values).map((value) => map.slope * value + map.intercept);
}

/** Slope of the gap between prediction and human score over the score. */
export interface GapSlope {
  /** Change of the gap (prediction less score) per unit of score; −0.8 means 8 points lost for 10 points of MOS. */
  readonly slope: Figure;
  /** The gap at a score of 0. */
  readonly intercept: Figure;
  /** The interval of the slope: slope ± t·SE, Student's t with n − 2 degrees of freedom. */
  readonly interval: Interval;
}

/**
 * Regresses the gap, prediction less human score, on the score by least squares. Predictions must be on the scale of the
 * scores.
 *
 * Undefined for fewer than 3 pairs, NaN, infinities and constant scores.
 *
 * @param level - Coverage of the interval, default 0.95.
 * @throws MetricsError ERR_INVALID_ARGUMENT when the lengths differ or the level is out of range.
 */
export function gapSlope(predicted: Values, scores: Values, level = 0.95): GapSlope {
  checkLevel(level);
  const gaps = predictionErrors(predicted, scores);
  const line = typeof gaps === 'string' ? gaps : lineThrough(scores, gaps);
  if (typeof line === 'string') {
    const reason = line === 'constant-predictions' ? 'constant-scores' : line;
    return {
      slope: undefinedFigure(reason),
      intercept: undefinedFigure(reason),
      interval: undefinedInterval(level, reason),
    };
  }
  const { slope, intercept, standardError, size } = line;
  const reach = studentTQuantile(level, size - 2) * standardError;
  return {
    slope: figure(slope),
    intercept: figure(intercept),
    interval: { lower: slope - reach, upper: slope + reach, level },
  };
}

/**
 * The share of values in a band, 0 to 1, both ends included: "60 % of the face scores lie between 20 and 40". Undefined
 * for no values and NaN.
 *
 * @throws MetricsError ERR_INVALID_ARGUMENT when `low` is above `high` or either is NaN.
 */
export function shareInBand(values: Values, low: number, high: number): Figure {
  if (!(low <= high)) throw invalid(`A band from ${low} to ${high} is empty.`);
  const numbers = doubles(values);
  if (badNumber(numbers) === 'nan') return undefinedFigure('nan');
  if (numbers.length === 0) return undefinedFigure('too-few');
  return figure(numbers.filter((value) => value >= low && value <= high).length / numbers.length);
}

function lineThrough(
  x: Values,
  y: Values,
): { slope: number; intercept: number; standardError: number; size: number } | UndefinedReason {
  const [xs, ys] = pairs(x, y);
  const reason = correlationUndefined(xs, ys, false);
  // A constant y has a line, of slope 0.
  if (reason !== undefined && reason !== 'constant-scores') return reason;
  const { values: dx, exponent: ex } = centred(xs);
  const { values: dy, exponent: ey } = centred(ys);
  const sxx = dot(dx, dx);
  const small = dot(dx, dy) / sxx;
  const rest = dy.map((value, i) => value - small * dx[i]!);
  const spread = Math.sqrt(dot(rest, rest) / (xs.length - 2) / sxx);
  const slope = timesPowerOfTwo(small, ey - ex);
  const intercept = meanOf(ys) - slope * meanOf(xs);
  if (!Number.isFinite(slope) || !Number.isFinite(intercept)) return 'overflow';
  return { slope, intercept, standardError: timesPowerOfTwo(spread, ey - ex), size: xs.length };
}
