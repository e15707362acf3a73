/** Figures that may be undefined: a number, or the reason why there is none. Never a silent 0 or NaN. */

/** Reason for which a figure has no value. Stable, for programs; `explainUndefined` puts it into words. */
export type UndefinedReason =
  | 'too-few'
  | 'nan'
  | 'infinite'
  | 'constant-predictions'
  | 'constant-scores'
  | 'overflow'
  | 'fit-not-converged'
  | 'identical-predictors'
  | 'perfect-correlation'
  | 'no-different-pairs'
  | 'no-similar-pairs'
  | 'undefined-replicates'
  | 'one-sided-replicates';

/** A figure without a value, and the reason. */
export interface UndefinedFigure {
  readonly value: null;
  readonly undefinedBecause: UndefinedReason;
}

/**
 * One number of an evaluation, or the reason why it does not exist. Check `value` for `null` and TypeScript knows which:
 * `if (figure.value === null) console.log(explainUndefined(figure.undefinedBecause))`.
 * A defined value is always finite.
 */
export type Figure = { readonly value: number; readonly undefinedBecause?: never } | UndefinedFigure;

/** A confidence interval, or the reason why it does not exist (`lower` and `upper` are then both `null`). */
export type Interval =
  | {
      readonly lower: number;
      readonly upper: number;
      /** The nominal coverage, 0 to 1, for example 0.95. */
      readonly level: number;
      readonly undefinedBecause?: never;
    }
  | {
      readonly lower: null;
      readonly upper: null;
      readonly level: number;
      readonly undefinedBecause: UndefinedReason;
    };

const explanations: Record<UndefinedReason, string> = {
  'too-few': 'too few values',
  nan: 'a value is not a number',
  infinite: 'a value is infinite',
  'constant-predictions': 'all predictions are equal',
  'constant-scores': 'all human scores are equal',
  overflow: 'the result is too large for a number',
  'fit-not-converged': 'the fit did not converge',
  'identical-predictors': 'the two predictors are perfectly correlated with each other',
  'perfect-correlation': 'a correlation is exactly 1 or -1',
  'no-different-pairs': 'no pair of images differs significantly in quality',
  'no-similar-pairs': 'all pairs of images differ significantly in quality',
  'undefined-replicates': 'the figure is undefined in more than half of the bootstrap replicates',
  'one-sided-replicates': 'all bootstrap replicates lie on one side of the figure',
};

/** The reason in words, for tables and messages: "all predictions are equal". */
export function explainUndefined(reason: UndefinedReason): string {
  return explanations[reason];
}

/** @internal */
export const undefinedFigure = (reason: UndefinedReason): UndefinedFigure => ({
  value: null,
  undefinedBecause: reason,
});

/** A computed number as a figure; infinite or NaN means that the arithmetic left the range of doubles. @internal */
export const figure = (value: number): Figure => (Number.isFinite(value) ? { value } : undefinedFigure('overflow'));

/** @internal */
export const undefinedInterval = (level: number, reason: UndefinedReason): Interval => ({
  lower: null,
  upper: null,
  level,
  undefinedBecause: reason,
});
