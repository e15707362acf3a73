/** Checks the input of the metrics. */
import { MetricsError } from './error.js';
import type { UndefinedReason } from './figure.js';

/** Numbers in a row: an array or any typed array. */
export type Values = ArrayLike<number>;

/** @internal */
export function invalid(message: string): MetricsError {
  return new MetricsError(message);
}

/** A copy of `values` as doubles. @internal */
export function doubles(values: Values): Float64Array {
  return Float64Array.from(values);
}

/**
 * Both columns as doubles.
 *
 * @throws MetricsError ERR_INVALID_ARGUMENT when the lengths differ: the rows cannot belong together.
 * @internal
 */
export function pairs(predicted: Values, scores: Values): [Float64Array, Float64Array] {
  if (predicted.length !== scores.length)
    throw invalid(
      `Predictions and human scores must be of the same length; there are ${predicted.length} and ${scores.length}.`,
    );
  return [doubles(predicted), doubles(scores)];
}

/** A column that goes with the pairs, one value each. @internal */
export function besidePairs(name: string, values: Values, size: number): Float64Array {
  if (values.length !== size) throw invalid(`${name} must have one value per image: ${size}, not ${values.length}.`);
  return doubles(values);
}

/** Tests whether a column holds NaN or, failing that, an infinity. @internal */
export function badNumber(...columns: readonly Float64Array[]): 'nan' | 'infinite' | undefined {
  let infinite = false;
  for (const column of columns)
    for (const value of column) {
      if (Number.isNaN(value)) return 'nan';
      if (value === Infinity || value === -Infinity) infinite = true;
    }
  return infinite ? 'infinite' : undefined;
}

/** @internal */
export function isConstant(values: Float64Array): boolean {
  const first = values[0];
  return values.every((value) => value === first);
}

/**
 * Reason for which a correlation of the two columns is undefined, if it is: fewer than 3 pairs, NaN, an infinity (ranks allow them),
 * a constant column.
 *
 * @internal
 */
export function correlationUndefined(
  predicted: Float64Array,
  scores: Float64Array,
  infinityAllowed: boolean,
): UndefinedReason | undefined {
  const bad = badNumber(predicted, scores);
  if (bad === 'nan') return bad;
  if (predicted.length < 3) return 'too-few';
  if (bad === 'infinite' && !infinityAllowed) return bad;
  if (isConstant(predicted)) return 'constant-predictions';
  if (isConstant(scores)) return 'constant-scores';
  return undefined;
}

/** A share strictly between 0 and 1. @internal */
export function checkLevel(level: number): void {
  if (!(level > 0 && level < 1)) throw invalid(`The confidence level must lie between 0 and 1, not at ${level}.`);
}
