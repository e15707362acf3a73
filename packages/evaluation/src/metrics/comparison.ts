/** Tests whether one predictor is better than another on the same images. */
import { Resamples, type BootstrapOptions, type BootstrapResult } from './bootstrap.js';
import { normalUpperTail, normalQuantile } from './distributions.js';
import {
  figure,
  undefinedFigure,
  undefinedInterval,
  type Figure,
  type Interval,
  type UndefinedReason,
} from './figure.js';
import { checkLevel, invalid } from './input.js';
import type { Resampled } from './resampled.js';

/** The outcome of the Meng–Rosenthal–Rubin test. */
export interface DependentCorrelations {
  /** The test statistic, standard normal if both predictors correlate equally; positive if the first correlates more. */
  readonly z: Figure;
  /** Two-sided: how probable a |z| as large is if both correlate equally. */
  readonly pValue: Figure;
  /** The interval of the difference of the Fisher-transformed correlations, atanh r1 − atanh r2. */
  readonly interval: Interval;
}

/**
 * Compares two dependent correlations: of two predictors with the same human scores (Meng, Rosenthal & Rubin 1992,
 * Psychological Bulletin 111, 172–175):
 * z = (Z1 − Z2)·√((n − 3)/(2(1 − r12)h)), h = (1 − f·r̄²)/(1 − r̄²), f = min(1, (1 − r12)/(2(1 − r̄²))),
 * r̄² = (r1² + r2²)/2, Z = atanh r. It holds for PLCC, and approximately for SRCC.
 *
 * A predictor where lower is better has to be negated first. Undefined for fewer than 4 images, correlations of ±1, and
 * predictors that correlate perfectly with each other.
 *
 * @param r1 - Correlation of the first predictor with the scores.
 * @param r2 - Correlation of the second predictor with the scores.
 * @param r12 - Correlation of the two predictors, of the same kind.
 * @param n - Number of images.
 * @param level - Coverage of the interval, default 0.95.
 * @throws MetricsError ERR_INVALID_ARGUMENT for numbers that are no correlations, or no count.
 */
export function compareCorrelations(
  r1: number,
  r2: number,
  r12: number,
  n: number,
  level = 0.95,
): DependentCorrelations {
  checkLevel(level);
  for (const [name, value] of Object.entries({ r1, r2, r12 }))
    if (!(Math.abs(value) <= 1)) throw invalid(`${name} must be a correlation from -1 to 1, not ${value}.`);
  if (!Number.isInteger(n) || n < 0) throw invalid(`n must be a number of images, not ${n}.`);
  const none = (reason: UndefinedReason): DependentCorrelations => ({
    z: undefinedFigure(reason),
    pValue: undefinedFigure(reason),
    interval: undefinedInterval(level, reason),
  });
  if (n < 4) return none('too-few');
  if (Math.abs(r1) === 1 || Math.abs(r2) === 1) return none('perfect-correlation');
  if (r12 === 1) return none('identical-predictors');

  const meanSquare = (r1 * r1 + r2 * r2) / 2;
  const f = Math.min(1, (1 - r12) / (2 * (1 - meanSquare)));
  const h = (1 - f * meanSquare) / (1 - meanSquare);
  const standardError = Math.sqrt((2 * (1 - r12) * h) / (n - 3));
  const difference = Math.atanh(r1) - Math.atanh(r2);
  const z = difference / standardError;
  const reach = normalQuantile((1 + level) / 2) * standardError;
  return {
    z: figure(z),
    pValue: figure(2 * normalUpperTail(Math.abs(z))),
    interval: { lower: difference - reach, upper: difference + reach, level },
  };
}

/** The outcome of a paired bootstrap. */
export interface PairedBootstrap {
  /** First figure less second. */
  readonly difference: Figure;
  readonly interval: Interval;
  /**
   * Two-sided: twice the smaller share of replicates on either side of 0, both counted with the observed one
   * ((k + 1)/(B + 1), Davison & Hinkley 1997), at most 1.
   */
  readonly pValue: Figure;
  readonly undefinedReplicates: number;
}

/**
 * Bootstraps the difference of two figures on the same images: both predictors are evaluated on each resample.
 *
 * @throws MetricsError ERR_INVALID_ARGUMENT for figures of different sizes and options out of range.
 */
export function pairedBootstrap(first: Resampled, second: Resampled, options: BootstrapOptions = {}): PairedBootstrap {
  if (first.size !== second.size) throw invalid('Two predictors can only be compared on the same images.');
  return paired(new Resamples([first, second], options).difference(0, 1));
}

/**
 * `pairedBootstrap` of every two of several figures, first with second, first with third, and so on. Each figure is
 * evaluated once on each resample, so that many pairs cost little more than their figures.
 *
 * @throws MetricsError ERR_INVALID_ARGUMENT for figures of different sizes and options out of range.
 */
export function pairedBootstraps(
  figures: readonly Resampled[],
  options: BootstrapOptions = {},
): { first: number; second: number; result: PairedBootstrap }[] {
  if (figures.some(({ size }) => size !== figures[0]?.size))
    throw invalid('Predictors can only be compared on the same images.');
  const resamples = new Resamples(figures, options);
  return figures.flatMap((_, first) =>
    figures.slice(first + 1).map((_, k) => {
      const second = first + 1 + k;
      return { first, second, result: paired(resamples.difference(first, second)) };
    }),
  );
}

function paired({ estimate, interval, replicates, undefinedReplicates }: BootstrapResult): PairedBootstrap {
  if (interval.undefinedBecause !== undefined)
    return { difference: estimate, interval, pValue: undefinedFigure(interval.undefinedBecause), undefinedReplicates };
  let [notAbove, notBelow] = [1, 1];
  for (const value of replicates) {
    if (value <= 0) notAbove++;
    if (value >= 0) notBelow++;
  }
  const pValue = Math.min(1, (2 * Math.min(notAbove, notBelow)) / (replicates.length + 1));
  return { difference: estimate, interval, pValue: figure(pValue), undefinedReplicates };
}
