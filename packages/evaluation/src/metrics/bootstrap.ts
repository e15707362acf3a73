/** Bootstrap confidence intervals: by image or by group, percentile or BCa, reproducible from a seed. */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the arrays by construction */
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { normalCdf, normalQuantile } from './distributions.js';
import { figure, undefinedFigure, undefinedInterval, type Figure, type Interval } from './figure.js';
import { checkLevel, invalid } from './input.js';
import { resampledDifference, type Resampled } from './resampled.js';

/** Options of resampling. */
export interface BootstrapOptions {
  /** Number of resamples, at least 2. Default 1000. */
  readonly replicates?: number;
  /** A 32-bit integer; the same seed draws the same images on every machine. Default 1. */
  readonly seed?: number;
  /** Nominal coverage, between 0 and 1. Default 0.95. */
  readonly level?: number;
  /**
   * `bca` (default): bias-corrected and accelerated; `percentile`: quantiles of the replicates (Efron & Tibshirani 1993,
   * chapters 13 and 14).
   */
  readonly method?: 'bca' | 'percentile';
  /**
   * Group of each image, such as its reference content; whole groups are then drawn. Default: single images are drawn.
   */
  readonly groups?: ArrayLike<string | number>;
}

/** Interval and count of resamples for one figure. */
export interface BootstrapResult {
  /** The figure of all images. */
  readonly estimate: Figure;
  readonly interval: Interval;
  /** The standard deviation of the replicates (divisor one less than their number). */
  readonly standardError: Figure;
  /** The figure in each resample in which it is defined, in the order drawn. */
  readonly replicates: Float64Array;
  /** Number of resamples in which the figure is undefined, for example because all images drawn have the same score. */
  readonly undefinedReplicates: number;
}

/**
 * Bootstraps figures of the same images on the same resamples.
 *
 * An interval is undefined when its figure is, or when it is so in more than half of the resamples, and with `bca` when
 * all replicates lie on one side of the figure, so that no correction can be read from them. `bca` costs, on top
 * of the replicates, one evaluation per group, or per image for `resampledRefitted`.
 *
 * @param figures - By name, as `resampledSrcc` and its siblings make them, all of the same size.
 * @throws MetricsError ERR_INVALID_ARGUMENT for sizes that differ and options out of range.
 */
export function bootstrap<Name extends string>(
  figures: Readonly<Record<Name, Resampled>>,
  options: BootstrapOptions = {},
): Record<Name, BootstrapResult> {
  const entries = Object.entries(figures) as [Name, Resampled][];
  const resamples = new Resamples(
    entries.map(([, resampled]) => resampled),
    options,
  );
  const results = entries.map(([name], k) => [name, resamples.summary(k)] as const);
  return Object.fromEntries(results) as Record<Name, BootstrapResult>;
}

/** Figures of the same images, each evaluated once on each resample. @internal */
export class Resamples {
  readonly #figures: readonly Resampled[];
  readonly #units: readonly Uint32Array[];
  readonly #byImage: boolean;
  readonly #level: number;
  readonly #method: 'bca' | 'percentile';
  /** Values of each figure in each resample; NaN if undefined. */
  readonly #drawn: readonly Float64Array[];
  readonly #jackknives = new Map<number, Float64Array>();

  /** @throws MetricsError ERR_INVALID_ARGUMENT as `bootstrap` */
  constructor(figures: readonly Resampled[], options: BootstrapOptions) {
    const { level = 0.95, method = 'bca', replicates = 1000, seed = 1 } = options;
    checkLevel(level);
    if (!Number.isInteger(replicates) || replicates < 2)
      throw invalid(`replicates must be 2 or more, not ${replicates}.`);
    if (!Number.isInteger(seed) || seed < -0x80000000 || seed > 0xffffffff)
      throw invalid(`seed must be a 32-bit integer, not ${seed}.`);
    const size = figures[0]?.size ?? 0;
    if (figures.some((resampled) => resampled.size !== size))
      throw invalid('All figures that are bootstrapped together must be of the same images.');
    this.#figures = figures;
    this.#units = unitsOf(size, options.groups);
    this.#byImage = options.groups === undefined;
    this.#level = level;
    this.#method = method;
    this.#drawn = draw(figures, this.#units, size, replicates, seed);
  }

  /** Summarises the resamples of one figure. */
  summary(index: number): BootstrapResult {
    const jackknife = this.#method === 'bca' ? () => this.#jackknife(index) : undefined;
    return summarise(this.#figures[index]!, this.#drawn[index]!, this.#level, jackknife);
  }

  /** Summarises the difference of two figures, the first less the second. */
  difference(first: number, second: number): BootstrapResult {
    const drawn = this.#drawn[first]!.map((value, replicate) => value - this.#drawn[second]![replicate]!);
    const jackknife =
      this.#method === 'bca'
        ? () => this.#jackknife(first).map((value, unit) => value - this.#jackknife(second)[unit]!)
        : undefined;
    const resampled = resampledDifference(this.#figures[first]!, this.#figures[second]!);
    return summarise(resampled, drawn, this.#level, jackknife);
  }

  #jackknife(index: number): Float64Array {
    const known = this.#jackknives.get(index) ?? jackknifeOf(this.#figures[index]!, this.#units, this.#byImage);
    this.#jackknives.set(index, known);
    return known;
  }
}

function draw(
  figures: readonly Resampled[],
  units: readonly Uint32Array[],
  size: number,
  replicates: number,
  seed: number,
): Float64Array[] {
  const drawn = figures.map(() => new Float64Array(replicates));
  if (size === 0) return drawn;
  const random = xoroshiro128plus(seed | 0);
  const counts = new Uint32Array(size);
  for (let replicate = 0; replicate < replicates; replicate++) {
    counts.fill(0);
    let total = 0;
    for (let left = units.length; left > 0; left--) {
      const unit = units[uniformInt(random, 0, units.length - 1)]!;
      for (const image of unit) counts[image]!++;
      total += unit.length;
    }
    figures.forEach((resampled, k) => {
      drawn[k]![replicate] = resampled.undefinedBecause === undefined ? resampled.value(counts, total) : NaN;
    });
  }
  return drawn;
}

/** Lists the units to draw: images, or all images of a group, in the order of first appearance. */
function unitsOf(size: number, groups: ArrayLike<string | number> | undefined): Uint32Array[] {
  if (groups === undefined) return Array.from({ length: size }, (_, image) => Uint32Array.of(image));
  if (groups.length !== size) throw invalid(`groups must have one value per image: ${size}, not ${groups.length}.`);
  const members = new Map<string | number, number[]>();
  for (let image = 0; image < size; image++) {
    const group = members.get(groups[image]!);
    if (group) group.push(image);
    else members.set(groups[image]!, [image]);
  }
  return Array.from(members.values(), (images) => Uint32Array.from(images));
}

/** The figure without each unit in turn. */
function jackknifeOf(resampled: Resampled, units: readonly Uint32Array[], byImage: boolean): Float64Array {
  if (byImage && resampled.jackknife) return resampled.jackknife();
  const counts = new Uint32Array(resampled.size).fill(1);
  return Float64Array.from(units, (unit) => {
    for (const image of unit) counts[image] = 0;
    const value = resampled.value(counts, resampled.size - unit.length);
    for (const image of unit) counts[image] = 1;
    return value;
  });
}

function summarise(
  resampled: Resampled,
  drawn: Float64Array,
  level: number,
  jackknife: (() => Float64Array) | undefined,
): BootstrapResult {
  const replicates = drawn.filter((value) => !Number.isNaN(value));
  const undefinedReplicates = drawn.length - replicates.length;
  if (resampled.undefinedBecause !== undefined) {
    const none = undefinedFigure(resampled.undefinedBecause);
    const interval = undefinedInterval(level, resampled.undefinedBecause);
    return { estimate: none, interval, standardError: none, replicates, undefinedReplicates };
  }
  const estimate = resampled.value(new Uint32Array(resampled.size).fill(1), resampled.size);
  if (undefinedReplicates > drawn.length / 2 || replicates.length < 2)
    return {
      estimate: figure(estimate),
      interval: undefinedInterval(level, 'undefined-replicates'),
      standardError: undefinedFigure('undefined-replicates'),
      replicates,
      undefinedReplicates,
    };
  const interval =
    jackknife === undefined
      ? percentileInterval(replicates, level)
      : bcaInterval(estimate, replicates, jackknife(), level);
  return {
    estimate: figure(estimate),
    interval,
    standardError: figure(deviation(replicates)),
    replicates,
    undefinedReplicates,
  };
}

/** Quantiles of the replicates at (1 ∓ level)/2, interpolated as NumPy's default. @internal */
export function percentileInterval(replicates: Float64Array, level: number): Interval {
  const sorted = replicates.slice().sort();
  return { lower: quantile(sorted, (1 - level) / 2), upper: quantile(sorted, (1 + level) / 2), level };
}

/**
 * The bias-corrected and accelerated interval (Efron 1987, JASA 82, 171–185).
 *
 * @param jackknife - The figure without each unit; undefined ones (NaN) are left out.
 * @internal
 */
export function bcaInterval(
  estimate: number,
  replicates: Float64Array,
  jackknife: Float64Array,
  level: number,
): Interval {
  let [below, equal] = [0, 0];
  for (const value of replicates) {
    if (value < estimate) below++;
    else if (value === estimate) equal++;
  }
  const bias = normalQuantile((below + equal / 2) / replicates.length);
  if (!Number.isFinite(bias)) return undefinedInterval(level, 'one-sided-replicates');

  const defined = jackknife.filter((value) => !Number.isNaN(value));
  const centre = defined.reduce((sum, value) => sum + value, 0) / defined.length;
  let [squares, cubes] = [0, 0];
  for (const value of defined) {
    squares += (centre - value) ** 2;
    cubes += (centre - value) ** 3;
  }
  const acceleration = squares > 0 ? cubes / (6 * squares ** 1.5) : 0;
  const sorted = replicates.slice().sort();
  const end = (probability: number): number => {
    const shifted = bias + normalQuantile(probability);
    return quantile(sorted, normalCdf(bias + shifted / (1 - acceleration * shifted)));
  };
  return { lower: end((1 - level) / 2), upper: end((1 + level) / 2), level };
}

function quantile(sorted: Float64Array, probability: number): number {
  const position = probability * (sorted.length - 1);
  const low = Math.floor(position);
  const [a, b] = [sorted[low]!, sorted[Math.min(low + 1, sorted.length - 1)]!];
  return a + (position - low) * (b - a);
}

function deviation(values: Float64Array): number {
  const centre = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}
