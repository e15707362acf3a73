/** Errors of predictions on the scale of the human scores. */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the arrays by construction */
import { studentTQuantile } from './distributions.js';
import { figure, undefinedFigure, type Figure, type UndefinedReason } from './figure.js';
import { badNumber, besidePairs, doubles, invalid, pairs, type Values } from './input.js';
import { dot, mean, scaled, timesPowerOfTwo } from './moments.js';

/** The prediction errors ŷ − y, or why there are none. @internal */
export function predictionErrors(predicted: Values, scores: Values): Float64Array | UndefinedReason {
  const [x, y] = pairs(predicted, scores);
  const bad = badNumber(x, y);
  if (bad !== undefined) return bad;
  if (x.length === 0) return 'too-few';
  const errors = x.map((value, i) => value - y[i]!);
  return badNumber(errors) === undefined ? errors : 'overflow';
}

/** √(Σe²/d), without overflow or underflow on the way. */
function rootMeanSquare(errors: Float64Array, divisor: number): number {
  const { values, exponent } = scaled(errors);
  return timesPowerOfTwo(Math.sqrt(dot(values, values) / divisor), exponent);
}

/**
 * MSE, the mean of the squared differences of predictions and human scores, in squared units of the scores. Predictions
 * must be on the scale of the scores. Undefined for no pairs, NaN and infinities.
 *
 * @throws MetricsError ERR_INVALID_ARGUMENT when the lengths differ.
 */
export function mse(predicted: Values, scores: Values): Figure {
  const errors = predictionErrors(predicted, scores);
  return typeof errors === 'string' ? undefinedFigure(errors) : figure(dot(errors, errors) / errors.length);
}

/** RMSE, the square root of the MSE (divisor n), in units of the scores; undefined as `mse`. */
export function rmse(predicted: Values, scores: Values): Figure {
  const errors = predictionErrors(predicted, scores);
  return typeof errors === 'string' ? undefinedFigure(errors) : figure(rootMeanSquare(errors, errors.length));
}

/** MAE, the mean absolute difference of predictions and human scores, in units of the scores; undefined as `mse`. */
export function mae(predicted: Values, scores: Values): Figure {
  const errors = predictionErrors(predicted, scores);
  return typeof errors === 'string' ? undefinedFigure(errors) : figure(meanOf(errors.map(Math.abs)));
}

/** A mean that does not overflow on the way. @internal */
export function meanOf(values: Float64Array): number {
  const { values: small, exponent } = scaled(values);
  return timesPowerOfTwo(mean(small), exponent);
}

/**
 * The outlier ratio, 0 to 1: the share of images with |ŷ − y| > 2σ, σ being the standard deviation of the opinions on
 * that image (VQEG 2000). Undefined as `mse`.
 *
 * @param deviations - σ of each image, ≥ 0, in units of `scores`. KonIQ's SD column is on the 1–5 scale and has to be
 *   rescaled first (×25 for a MOS of 0–100).
 * @throws MetricsError ERR_INVALID_ARGUMENT when lengths differ or a σ is negative.
 */
export function outlierRatio(predicted: Values, scores: Values, deviations: Values): Figure {
  const sigma = spreads('deviations', deviations, scores.length);
  const errors = predictionErrors(predicted, scores);
  if (typeof errors === 'string') return undefinedFigure(errors);
  const bad = badNumber(sigma);
  if (bad !== undefined) return undefinedFigure(bad);
  let outliers = 0;
  for (let i = 0; i < errors.length; i++) if (Math.abs(errors[i]!) > 2 * sigma[i]!) outliers++;
  return figure(outliers / errors.length);
}

/**
 * The epsilon-insensitive RMSE of Recommendation ITU-T P.1401 (2020, 7.7), in units of the scores: errors count only as
 * far as they leave the score's own confidence interval, Perror = max(0, |y − ŷ| − CI95) and
 * RMSE* = √(ΣPerror² / (n − d)). Undefined as `mse`, and for n ≤ d.
 *
 * @param halfWidths - CI95 of each score, ≥ 0, in units of the scores: half the width of its 95 % interval; see
 *   `opinionHalfWidth95`.
 * @param degreesOfFreedom - d, what the mapping of the predictions took: 1 without a mapping (the default), 4 or 5 after
 *   the logistic fits.
 * @throws MetricsError ERR_INVALID_ARGUMENT when lengths differ, a half-width is negative, or d is not 0, 1, 2, …
 */
export function epsilonInsensitiveRmse(
  predicted: Values,
  scores: Values,
  halfWidths: Values,
  degreesOfFreedom = 1,
): Figure {
  if (!Number.isInteger(degreesOfFreedom) || degreesOfFreedom < 0)
    throw invalid(`degreesOfFreedom must be 0, 1, 2, …, not ${degreesOfFreedom}.`);
  const ci = spreads('halfWidths', halfWidths, scores.length);
  const errors = predictionErrors(predicted, scores);
  if (typeof errors === 'string') return undefinedFigure(errors);
  const bad = badNumber(ci);
  if (bad !== undefined) return undefinedFigure(bad);
  if (errors.length <= degreesOfFreedom) return undefinedFigure('too-few');
  const outside = errors.map((error, i) => Math.max(0, Math.abs(error) - ci[i]!));
  return figure(rootMeanSquare(outside, errors.length - degreesOfFreedom));
}

/**
 * Half the width of the 95 % interval of each mean opinion score: q·σ/√m, where q is 1.96 for m ≥ 30 opinions and
 * Student's t for fewer (ITU-T P.1401). NaN for fewer than 2 opinions.
 *
 * @param deviations - Standard deviation of the opinions on each image; the result has its unit.
 * @param opinions - How many opinions each image has: one number for all, or one per image.
 */
export function opinionHalfWidth95(deviations: Values, opinions: number | Values): Float64Array {
  const sigma = doubles(deviations);
  const counts =
    typeof opinions === 'number'
      ? new Float64Array(sigma.length).fill(opinions)
      : besidePairs('opinions', opinions, sigma.length);
  return sigma.map((deviation, i) => {
    const count = counts[i]!;
    if (!(count >= 2)) return NaN;
    const quantile = count >= 30 ? 1.96 : studentTQuantile(0.95, Math.round(count) - 1);
    return (quantile * deviation) / Math.sqrt(count);
  });
}

function spreads(name: string, values: Values, size: number): Float64Array {
  const numbers = besidePairs(name, values, size);
  const negative = numbers.findIndex((value) => value < 0);
  if (negative >= 0) throw invalid(`${name} must not be negative; number ${negative} is ${numbers[negative]!}.`);
  return numbers;
}
