/** The 4-parameter logistic mapping as a least-squares problem in its own parameters. */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the arrays by construction */
import type { LeastSquaresProblem } from './levenberg-marquardt.js';
import { dot, mean } from './moments.js';
import { sigmoid, sigmoidSlope } from './sigmoid.js';

/** (β1 − β2)/(1 + exp(−(x − β3)/|β4|)) + β2. @internal */
export function logistic4Value(b: ArrayLike<number>, x: number): number {
  const t = (x - b[2]!) / Math.abs(b[3]!);
  const height = b[0]! - b[1]!;
  // Compute from the nearer end, so that a curve with one end far away keeps its digits.
  return t < 0 ? b[1]! + height * sigmoid(t) : b[0]! - height * sigmoid(-t);
}

/** [max y, min y, mean x, std(x)/4], the standard deviation with divisor n (VQEG 2000). @internal */
export function logistic4Start(x: Float64Array, y: Float64Array): number[] {
  const middle = mean(x);
  const rest = x.map((value) => value - middle);
  return [
    y.reduce((a, b) => Math.max(a, b)),
    y.reduce((a, b) => Math.min(a, b)),
    middle,
    Math.sqrt(dot(rest, rest) / rest.length) / 4,
  ];
}

/** @param counts - How often each pair occurs; all once if left out. @internal */
export function logistic4Problem(x: Float64Array, y: Float64Array, counts?: ArrayLike<number>): LeastSquaresProblem {
  const weights = counts && Float64Array.from(counts, Math.sqrt);
  return {
    rows: x.length,
    residuals(b, out) {
      for (let i = 0; i < x.length; i++) out[i] = (weights?.[i] ?? 1) * (logistic4Value(b, x[i]!) - y[i]!);
    },
    jacobian(b, [by1, by2, by3, by4]) {
      const width = Math.abs(b[3]!);
      for (let i = 0; i < x.length; i++) {
        const weight = weights?.[i] ?? 1;
        const t = (x[i]! - b[2]!) / width;
        const slope = (weight * (b[0]! - b[1]!) * sigmoidSlope(t)) / width;
        by1![i] = weight * sigmoid(t);
        by2![i] = weight * sigmoid(-t);
        by3![i] = -slope;
        by4![i] = slope === 0 ? 0 : -slope * t * Math.sign(b[3]!);
      }
    },
  };
}
