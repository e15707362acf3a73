/** Sums that keep their accuracy at any scale and offset. */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the arrays by construction */

/** Values times 2^`-exponent`: within ±1, and exact except where the result would be subnormal. @internal */
export interface Scaled {
  readonly values: Float64Array;
  readonly exponent: number;
}

/** `value`·2^`exponent` for exponents beyond what one power of two can hold (±1074). @internal */
export function timesPowerOfTwo(value: number, exponent: number): number {
  const half = Math.trunc(exponent / 2);
  return value * 2 ** half * 2 ** (exponent - half);
}

/**
 * Brings the largest magnitude near 1 by a power of two, so that squares neither overflow nor vanish (1e300, 5e-324) and
 * no digit is lost. Values must be finite.
 *
 * @internal
 */
export function scaled(values: Float64Array): Scaled {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  if (largest === 0) return { values: values.slice(), exponent: 0 };
  const exponent = Math.min(1023, Math.max(-1074, Math.ceil(Math.log2(largest))));
  return { values: values.map((value) => timesPowerOfTwo(value, -exponent)), exponent };
}

/** The mean of finite values; a second pass takes back the rounding of the first. @internal */
export function mean(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  const first = sum / values.length;
  let rest = 0;
  for (const value of values) rest += value - first;
  return first + rest / values.length;
}

/**
 * Scaled values less their mean. The mean is taken off twice: of values that differ in their last digits only, it is no
 * double itself, but of what the first subtraction leaves, it is.
 *
 * @internal
 */
export function centred(values: Float64Array): Scaled {
  const { values: small, exponent } = scaled(values);
  const first = mean(small);
  const rest = small.map((value) => value - first);
  const second = mean(rest);
  return { values: rest.map((value) => value - second), exponent };
}

/** The sum of products. @internal */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** A correlation from centred sums: within ±1, NaN where a column does not vary. @internal */
export function correlationOf(sxy: number, sxx: number, syy: number): number {
  if (!(sxx > 0 && syy > 0)) return NaN;
  return Math.min(1, Math.max(-1, sxy / Math.sqrt(sxx * syy)));
}

/** The Euclidean length of a vector, without overflow or underflow; NaN where an entry is. @internal */
export function euclideanLength(values: Float64Array): number {
  let largest = 0;
  for (const value of values) {
    if (Number.isNaN(value)) return NaN;
    largest = Math.max(largest, Math.abs(value));
  }
  if (largest === 0 || largest === Infinity) return largest;
  let sum = 0;
  for (const value of values) sum += (value / largest) * (value / largest);
  return largest * Math.sqrt(sum);
}
