/** The logistic function and its derivative. */

/** 1/(1 + e^−t), without overflow. @internal */
export const sigmoid = (t: number): number => (t >= 0 ? 1 / (1 + Math.exp(-t)) : Math.exp(t) / (1 + Math.exp(t)));

/** The derivative of `sigmoid`, accurate in both tails. @internal */
export const sigmoidSlope = (t: number): number => {
  const e = Math.exp(-Math.abs(t));
  return e / ((1 + e) * (1 + e));
};
