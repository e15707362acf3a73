/** The arithmetic of an evaluation, on plain columns: it runs in a thread of its own and knows neither files nor names. */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the columns by construction */
import {
  analysePairs,
  applyLinear,
  applyLogistic,
  bias,
  bootstrap,
  compareCorrelations,
  epsilonInsensitiveRmse,
  fisherInterval,
  fitLogistic,
  gapSlope,
  krcc,
  leastSquaresMap,
  mae,
  mapScale,
  midRanks,
  mse,
  opinionHalfWidth95,
  outlierRatio,
  pairedBootstraps,
  plcc,
  resampledBias,
  resampledKrcc,
  resampledMae,
  resampledMse,
  resampledPlcc,
  resampledRefitted,
  resampledRmse,
  resampledSrcc,
  rmse,
  shareInBand,
  srcc,
  type BootstrapOptions,
  type Figure,
  type Interval,
  type LogisticFit,
  type LogisticModel,
  type PairedBootstrap,
  type Resampled,
  type UndefinedFit,
  type UndefinedReason,
} from '../metrics/index.js';
import type { Bounds, Difference, Estimate, FigureName, Figures, GroupResult, PredictorResult } from './types.js';

/** Input of the computation. Columns have one value for each image. */
export interface Job {
  predictors: {
    /** NaN where there is none. */
    values: Float64Array;
    /** True if a good predictor's values rise with the human scores. */
    sameDirection: boolean;
    scale: readonly [number, number] | null;
  }[];
  mos: Float64Array;
  mosScale: readonly [number, number];
  /** Standard deviations and numbers of opinions; NaN where they are not known. */
  deviations: Float64Array | null;
  opinions: Float64Array | null;
  /** Groups by name, in order, with the images in them. */
  groups: { name: string; images: Uint32Array }[];
  /** Unit of resampling of each image; null: images are drawn one by one. */
  units: readonly string[] | null;
  settings: {
    fit: LogisticModel;
    refit: boolean;
    replicates: number;
    seed: number;
    level: number;
    interval: 'bca' | 'percentile';
    band: readonly [number, number] | null;
    pairs: boolean;
    compare: boolean;
  };
}

/** Results, in the order of the job's predictors. */
export interface Computed {
  predictors: Pick<PredictorResult, 'overall' | 'groups' | 'linearMap'>[];
  comparisons: {
    first: number;
    second: number;
    n: number;
    srcc: Difference;
    plcc: Difference;
    plccFitted: Difference;
  }[];
}

/** Computes everything; seconds for 10,000 images. */
export function compute(job: Job): Computed {
  const predictors = job.predictors.map((predictor) => {
    const all = Uint32Array.from(job.mos.keys()).filter((i) => !Number.isNaN(predictor.values[i]!));
    const linearMap = linearMapOf(job, predictor, all);
    const within = (name: string, images: Uint32Array) => evaluateGroup(job, predictor, linearMap, name, images);
    return {
      overall: within('overall', all),
      groups: job.groups.map(({ name, images }) =>
        within(
          name,
          images.filter((i) => !Number.isNaN(predictor.values[i]!)),
        ),
      ),
      linearMap,
    };
  });
  return { predictors, comparisons: job.settings.compare ? compareAll(job) : [] };
}

type JobPredictor = Job['predictors'][number];

const pick = (column: ArrayLike<number>, images: Uint32Array): Float64Array =>
  Float64Array.from(images, (i) => column[i]!);

/** Predictions that rise with the human scores, for correlations. */
const oriented = (values: Float64Array, sameDirection: boolean): Float64Array =>
  sameDirection ? values : values.map((value) => -value);

function linearMapOf(job: Job, { values, sameDirection, scale }: JobPredictor, images: Uint32Array) {
  if (scale !== null) {
    const [low, high] = job.mosScale;
    if (low < high)
      return { method: 'scale-ends' as const, ...mapScale(scale, sameDirection ? [low, high] : [high, low]) };
  }
  const map = leastSquaresMap(pick(values, images), pick(job.mos, images));
  if (map.undefinedBecause !== undefined) return null;
  return { method: 'least-squares' as const, slope: map.slope, intercept: map.intercept };
}

function bootstrapOptions({ settings, units }: Job, images: Uint32Array): BootstrapOptions {
  const { replicates, seed, level, interval: method } = settings;
  return { replicates, seed, level, method, ...(units && { groups: Array.from(images, (i) => units[i]!) }) };
}

function evaluateGroup(
  job: Job,
  predictor: JobPredictor,
  linearMap: PredictorResult['linearMap'],
  name: string,
  images: Uint32Array,
): GroupResult {
  const { settings } = job;
  const values = pick(predictor.values, images);
  const ranked = oriented(values, predictor.sameDirection);
  const mos = pick(job.mos, images);
  const options = bootstrapOptions(job, images);
  const fit = fitLogistic(settings.fit, values, mos);
  const mapped = fit.parameters !== null && fit.converged ? applyLogistic(fit, values) : undefined;
  const opinion = opinionsOf(job, images);
  const raw = figuresOf(values, ranked, mos, opinion, 1);
  const reasons: Record<string, UndefinedReason> = {};
  const fitReason = fit.parameters === null ? fit.undefinedBecause : 'fit-not-converged';
  const fitted = mapped
    ? figuresOf(mapped, mapped, mos, opinion, fit.parameters?.length ?? 0)
    : mapFigures(raw, () => ({ value: null, undefinedBecause: fitReason }));
  const scaled = linearMap && applyLinear(linearMap, values);
  const intervals = intervalsOf(
    {
      raw: resampledOf(values, ranked, mos, opinion, 1),
      ...(mapped && { fitted: afterFit(ranked, mapped, mos, opinion, fit, settings.refit) }),
      bias: { raw: resampledBias(values, mos), ...(scaled && { scaled: resampledBias(scaled, mos) }) },
    },
    settings.replicates > 0 ? options : undefined,
  );
  return {
    name,
    n: images.length,
    raw: reported(raw, 'raw', reasons),
    fitted: reported(fitted, 'fitted', reasons),
    intervals: {
      raw: { ...intervals.raw, ...fisher(raw.plcc, images.length, settings.level) },
      fitted: {
        // A rising curve changes no ranks, and so no rank correlation.
        ...(mapped &&
          sameRanks(ranked, mapped) && { srcc: intervals.raw?.srcc ?? null, krcc: intervals.raw?.krcc ?? null }),
        ...intervals.fitted,
        ...(settings.refit && settings.replicates > 0 && mapped && refitted(values, mos, fit, options)),
        ...fisher(fitted.plcc, images.length, settings.level),
      },
    },
    undefined: reasons,
    fit: { model: settings.fit, parameters: fit.parameters, converged: fit.converged },
    bias: {
      raw: estimate(bias(values, mos), intervals.bias?.raw ?? null),
      scaled: scaled ? estimate(bias(scaled, mos), intervals.bias?.scaled ?? null) : noEstimate('constant-predictions'),
    },
    gapSlope: {
      raw: slopeOf(values, mos, settings.level),
      scaled: scaled ? slopeOf(scaled, mos, settings.level) : noEstimate('constant-predictions'),
    },
    band: settings.band && {
      predictions: shareInBand(values, ...settings.band).value,
      humanScores: shareInBand(mos, ...settings.band).value,
    },
    pairs: settings.pairs && opinion?.standardErrors ? pairsOf(predictor, values, mos, opinion.standardErrors) : null,
  };
}

/** Figures that need the spread of opinions; absent unless it is known for all images. */
interface Opinion {
  deviations: Float64Array;
  /** CI95 of each score; only with the numbers of opinions. */
  halfWidths: Float64Array | undefined;
  standardErrors: Float64Array | undefined;
}

function opinionsOf(job: Job, images: Uint32Array): Opinion | undefined {
  if (job.deviations === null) return undefined;
  const deviations = pick(job.deviations, images);
  if (deviations.some(Number.isNaN)) return undefined;
  const counts = job.opinions && pick(job.opinions, images);
  if (!counts?.every((count) => count >= 2)) return { deviations, halfWidths: undefined, standardErrors: undefined };
  return {
    deviations,
    halfWidths: opinionHalfWidth95(deviations, counts),
    standardErrors: deviations.map((deviation, i) => deviation / Math.sqrt(counts[i]!)),
  };
}

type FigureSet = Record<Exclude<FigureName, 'outlierRatio' | 'epsilonInsensitiveRmse'>, Figure> &
  Partial<Record<FigureName, Figure>>;

/** @param parameters - How many the mapping of the predictions took: 1 without. */
function figuresOf(
  values: Float64Array,
  ranked: Float64Array,
  mos: Float64Array,
  opinion: Opinion | undefined,
  parameters: number,
): FigureSet {
  return {
    srcc: srcc(ranked, mos),
    krcc: krcc(ranked, mos),
    plcc: plcc(ranked, mos),
    rmse: rmse(values, mos),
    mae: mae(values, mos),
    mse: mse(values, mos),
    ...(opinion && { outlierRatio: outlierRatio(values, mos, opinion.deviations) }),
    ...(opinion?.halfWidths && {
      epsilonInsensitiveRmse: epsilonInsensitiveRmse(values, mos, opinion.halfWidths, parameters),
    }),
  };
}

const mapFigures = (figures: FigureSet, change: (figure: Figure) => Figure): FigureSet =>
  Object.fromEntries(Object.entries(figures).map(([name, figure]) => [name, change(figure)])) as FigureSet;

function reported(figures: FigureSet, kind: string, reasons: Record<string, UndefinedReason>): Figures {
  for (const [name, { value, undefinedBecause }] of Object.entries(figures)) {
    if (value === null) reasons[`${kind}.${name}`] = undefinedBecause;
  }
  return Object.fromEntries(Object.entries(figures).map(([name, { value }]) => [name, value])) as unknown as Figures;
}

function resampledOf(
  values: Float64Array,
  ranked: Float64Array,
  mos: Float64Array,
  opinion: Opinion | undefined,
  parameters: number,
): Partial<Record<FigureName, Resampled>> {
  const zeros = new Float64Array(mos.length);
  const errors = values.map((value, i) => Math.abs(value - mos[i]!));
  return {
    srcc: resampledSrcc(ranked, mos),
    krcc: resampledKrcc(ranked, mos),
    plcc: resampledPlcc(ranked, mos),
    rmse: resampledRmse(values, mos),
    mae: resampledMae(values, mos),
    mse: resampledMse(values, mos),
    // A share is the mean of zeros and ones, and RMSE* a root mean square but for its divisor.
    ...(opinion && {
      outlierRatio: resampledBias(
        errors.map((error, i) => (error > 2 * opinion.deviations[i]! ? 1 : 0)),
        zeros,
      ),
    }),
    ...(opinion?.halfWidths &&
      mos.length > parameters && {
        epsilonInsensitiveRmse: resampledRmse(
          errors.map(
            (error, i) =>
              Math.max(0, error - opinion.halfWidths![i]!) * Math.sqrt(mos.length / (mos.length - parameters)),
          ),
          zeros,
        ),
      }),
  };
}

type Intervals = Partial<Record<string, Partial<Record<string, Bounds | null>>>>;

/** The intervals of figures in several sets, all from the same resamples. */
function intervalsOf(
  sets: Record<string, Partial<Record<string, Resampled>>>,
  options: BootstrapOptions | undefined,
): Intervals {
  if (options === undefined) return {};
  const flat = Object.entries(sets).flatMap(([set, figures]) =>
    Object.entries(figures).flatMap(([name, resampled]) => (resampled ? [[`${set}.${name}`, resampled] as const] : [])),
  );
  const results = bootstrap(Object.fromEntries(flat), options);
  return Object.fromEntries(
    Object.entries(sets).map(([set, figures]) => [
      set,
      Object.fromEntries(
        Object.keys(figures).map((name) => {
          const result = results[`${set}.${name}`];
          return [name, result ? boundsOf(result.interval) : null];
        }),
      ),
    ]),
  );
}

/** Lists the figures of mapped predictions to resample; rank correlations only if the mapping changed them. */
function afterFit(
  ranked: Float64Array,
  mapped: Float64Array,
  mos: Float64Array,
  opinion: Opinion | undefined,
  fit: LogisticFit | UndefinedFit,
  refit: boolean,
): Partial<Record<FigureName, Resampled>> {
  const {
    srcc: s,
    krcc: k,
    plcc: p,
    rmse: r,
    ...others
  } = resampledOf(mapped, mapped, mos, opinion, fit.parameters?.length ?? 0);
  return {
    ...others,
    ...(!sameRanks(ranked, mapped) && { srcc: s, krcc: k }),
    ...(!refit && { plcc: p, rmse: r }),
  };
}

/** Intervals with the fit repeated in each replicate. By percentiles: BCa would repeat it once more for each image. */
function refitted(values: Float64Array, mos: Float64Array, fit: LogisticFit | UndefinedFit, options: BootstrapOptions) {
  const figures = {
    plcc: resampledRefitted(fit.model, 'plcc', values, mos),
    rmse: resampledRefitted(fit.model, 'rmse', values, mos),
  };
  return intervalsOf({ refitted: figures }, { ...options, method: 'percentile' }).refitted;
}

/** False where the curve falls, or is so flat that doubles cannot tell. */
function sameRanks(before: Float64Array, after: Float64Array): boolean {
  const ranks = midRanks(after);
  return midRanks(before).every((rank, i) => rank === ranks[i]);
}

const boundsOf = ({ lower, upper }: Interval): Bounds | null => (lower === null ? null : { lower, upper });

function fisher({ value }: Figure, n: number, level: number): { plccFisher: Bounds | null } {
  return { plccFisher: value === null ? null : boundsOf(fisherInterval(value, n, level)) };
}

const noEstimate = (undefinedBecause: UndefinedReason): Estimate => ({ value: null, interval: null, undefinedBecause });

function estimate(figure: Figure, interval: Bounds | null): Estimate {
  return figure.value === null ? noEstimate(figure.undefinedBecause) : { value: figure.value, interval };
}

function slopeOf(values: Float64Array, mos: Float64Array, level: number): Estimate {
  const { slope, interval } = gapSlope(values, mos, level);
  return estimate(slope, boundsOf(interval));
}

function pairsOf(predictor: JobPredictor, values: Float64Array, mos: Float64Array, errors: Float64Array) {
  const analysis = analysePairs(oriented(values, predictor.sameDirection), mos, errors);
  return {
    aucDifferentSimilar: analysis.aucDifferentSimilar.value,
    aucBetterWorse: analysis.aucBetterWorse.value,
    correctBetterWorse: analysis.correctBetterWorse.value,
    differentPairs: analysis.differentPairs,
    similarPairs: analysis.similarPairs,
  };
}

/** Each two predictors on the images that both have scored. Pairs with the same images share their resamples. */
function compareAll(job: Job): Computed['comparisons'] {
  const { predictors } = job;
  const bySet = new Map<string, { images: Uint32Array; members: Set<number>; pairs: [number, number][] }>();
  predictors.forEach((a, first) => {
    predictors.slice(first + 1).forEach((b, k) => {
      const images = Uint32Array.from(job.mos.keys()).filter(
        (i) => !Number.isNaN(a.values[i]!) && !Number.isNaN(b.values[i]!),
      );
      const key = images.join();
      const set = bySet.get(key) ?? { images, members: new Set(), pairs: [] };
      const second = first + 1 + k;
      set.members.add(first).add(second);
      set.pairs.push([first, second]);
      bySet.set(key, set);
    });
  });
  const comparisons = [...bySet.values()].flatMap((set) =>
    compareOn(
      job,
      set.images,
      [...set.members].sort((a, b) => a - b),
      set.pairs,
    ),
  );
  return comparisons.sort((a, b) => a.first - b.first || a.second - b.second);
}

function compareOn(
  job: Job,
  images: Uint32Array,
  members: number[],
  pairs: [number, number][],
): Computed['comparisons'] {
  const mos = pick(job.mos, images);
  const columns = members.map((index) => {
    const { values, sameDirection } = job.predictors[index]!;
    const here = pick(values, images);
    const fit = fitLogistic(job.settings.fit, here, mos);
    const usable = fit.parameters !== null && fit.converged;
    // Columns of NaN are undefined in every figure.
    const mapped = usable ? applyLogistic(fit, here) : new Float64Array(here.length).fill(NaN);
    return { plain: oriented(here, sameDirection), ranks: midRanks(oriented(here, sameDirection)), mapped };
  });
  const options = bootstrapOptions(job, images);
  const mosRanks = midRanks(mos);
  const kinds = {
    srcc: {
      of: columns.map(({ ranks }) => ranks),
      target: mosRanks,
      resampled: columns.map(({ plain }) => resampledSrcc(plain, mos)),
    },
    plcc: {
      of: columns.map(({ plain }) => plain),
      target: mos,
      resampled: columns.map(({ plain }) => resampledPlcc(plain, mos)),
    },
    plccFitted: {
      of: columns.map(({ mapped }) => mapped),
      target: mos,
      resampled: columns.map(({ mapped }) => resampledPlcc(mapped, mos)),
    },
  };
  const tested = Object.fromEntries(
    Object.entries(kinds).map(([kind, { of, target, resampled }]) => {
      const results = job.settings.replicates > 0 ? pairedBootstraps(resampled, options) : [];
      const difference = (first: number, second: number): Difference => {
        const found = results.find((one) => one.first === first && one.second === second)?.result;
        return differenceOf(of[first]!, of[second]!, target, found, job.settings.level);
      };
      return [kind, difference];
    }),
  ) as Record<keyof typeof kinds, (first: number, second: number) => Difference>;
  return pairs.map(([first, second]) => {
    const at = [members.indexOf(first), members.indexOf(second)] as const;
    return {
      ...{ first, second, n: images.length },
      srcc: tested.srcc(...at),
      plcc: tested.plcc(...at),
      plccFitted: tested.plccFitted(...at),
    };
  });
}

/** Correlations here are of ranks already where SRCC is meant. */
function differenceOf(
  a: Float64Array,
  b: Float64Array,
  target: Float64Array,
  paired: PairedBootstrap | undefined,
  level: number,
): Difference {
  const [first, second, between] = [plcc(a, target), plcc(b, target), plcc(a, b)];
  const reason = [first, second, between].find(({ value }) => value === null)?.undefinedBecause;
  const meng =
    first.value === null || second.value === null || between.value === null
      ? undefined
      : compareCorrelations(first.value, second.value, between.value, target.length, level);
  const mengReason = reason ?? meng?.z.undefinedBecause;
  return {
    first: first.value,
    second: second.value,
    bootstrap: {
      ...(paired ? estimate(paired.difference, boundsOf(paired.interval)) : unresampled(first, second)),
      pValue: paired?.pValue.value ?? null,
    },
    mengRosenthalRubin: {
      z: meng?.z.value ?? null,
      pValue: meng?.pValue.value ?? null,
      interval: meng ? boundsOf(meng.interval) : null,
      ...(mengReason !== undefined && { undefinedBecause: mengReason }),
    },
  };
}

/** The difference without an interval. */
function unresampled(first: Figure, second: Figure): Estimate {
  if (first.value === null) return noEstimate(first.undefinedBecause);
  if (second.value === null) return noEstimate(second.undefinedBecause);
  return { value: first.value - second.value, interval: null };
}
