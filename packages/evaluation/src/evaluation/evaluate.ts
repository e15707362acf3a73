/** Turns joined scores into an evaluation: columns and groups in, figures and warnings out. */
import { createRequire } from 'node:module';
import {
  HyperIQAError,
  checkBoolean,
  checkInteger,
  checkObject,
  checkOneOf,
  checkSignal,
  checkString,
  invalid,
} from 'hyperiqa/add-on';
import type { Computed, Job } from './compute.js';
import { describeReasons } from './dropped.js';
import { defaultResampling, groupNames, groupsOf } from './groups.js';
import { leakageWarnings, trainedOn } from './leakage.js';
import { computeInThread } from './thread.js';
import type { Evaluation, EvaluationOptions, EvaluationWarning, PredictorResult, RatedImages } from './types.js';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/**
 * Evaluates predictions against human scores: all figures of the field with intervals, over all images and by group, and
 * a comparison of each two predictors. The arithmetic runs in a thread of its own; 10,000 images with 1,000 bootstrap
 * replicates take some seconds for each predictor.
 *
 * @param data - From `joinScores`.
 * @throws HyperIQAError ERR_INVALID_ARGUMENT for options; ERR_ABORTED
 */
export async function evaluate(data: RatedImages, options: EvaluationOptions = {}): Promise<Evaluation> {
  const prepared = prepare(data, options);
  return assemble(data, prepared, await computeInThread(prepared.job, prepared.signal));
}

const KEYS: readonly (keyof EvaluationOptions)[] = [
  ...(['groupBy', 'fit', 'refit', 'replicates', 'seed', 'level', 'resampleBy', 'band', 'pairs', 'compare'] as const),
  ...(['trainedOn', 'signal'] as const),
];

/** A job with everything that its result is to be told with. @internal */
export interface Prepared {
  job: Job;
  settings: Evaluation['provenance']['settings'];
  trainedOn: string[];
  signal: AbortSignal | undefined;
}

/** @internal */
export function prepare(data: RatedImages, options: EvaluationOptions): Prepared {
  const settings = checkOptions(options);
  const { images, human, predictions } = data;
  const labels = settings.groupBy === null ? undefined : groupsOf(data, settings.groupBy);
  const unit = options.resampleBy ?? defaultResampling(data) ?? 'image';
  const column = (of: (image: RatedImages['images'][number]) => number | null) =>
    Float64Array.from(images, (image) => of(image) ?? NaN);
  const job: Job = {
    predictors: predictions.predictors.map(({ higherIsBetter, scale }, k) => ({
      values: column((image) => image.scores[k] ?? null),
      sameDirection: higherIsBetter === human.higherIsBetter,
      scale: scale && [scale.minimum, scale.maximum],
    })),
    mos: column(({ mos }) => mos),
    mosScale: [human.scale.minimum, human.scale.maximum],
    deviations: human.deviations && column(({ deviation }) => deviation),
    opinions: human.deviations?.opinions == null ? null : column(({ opinions }) => opinions),
    groups: labels ? membersOf(labels) : [],
    units: unit === 'image' ? null : groupsOf(data, unit),
    settings: { ...settings, pairs: options.pairs ?? false, compare: options.compare ?? true },
  };
  if (job.settings.pairs && (job.deviations === null || job.opinions === null)) {
    throw new HyperIQAError(
      'ERR_INVALID_ARGUMENT',
      'The analysis of pairs needs standard deviations and numbers of opinions beside the human scores.',
    );
  }
  return {
    job,
    settings: { ...settings, resampleBy: unit },
    trainedOn: trainedOn(data, options.trainedOn),
    signal: options.signal,
  };
}

/** The groups in order, each with the numbers of its images. */
function membersOf(labels: readonly string[]): Job['groups'] {
  const members = new Map(groupNames(labels).map((name): [string, number[]] => [name, []]));
  labels.forEach((label, i) => members.get(label)?.push(i));
  return Array.from(members, ([name, images]) => ({ name, images: Uint32Array.from(images) }));
}

function checkOptions(options: EvaluationOptions) {
  checkObject('options', options, KEYS);
  const { fit = 'logistic4', refit = false, replicates = 1000, seed = 1, level = 0.95, band = null } = options;
  if (!(typeof level === 'number' && level > 0 && level < 1)) throw invalid('level', 'a number between 0 and 1', level);
  if (replicates !== 0) checkInteger('replicates', replicates, 2, 1_000_000);
  if (band !== null) checkBand(band);
  for (const key of ['groupBy', 'resampleBy', 'trainedOn'] as const) {
    if (options[key] !== undefined) checkString(key, options[key]);
  }
  for (const key of ['pairs', 'compare'] as const) {
    if (options[key] !== undefined) checkBoolean(key, options[key]);
  }
  if (options.signal !== undefined) checkSignal('signal', options.signal);
  return {
    fit: checkOneOf('fit', fit, ['logistic4', 'logistic5']),
    refit: checkBoolean('refit', refit),
    replicates,
    seed: checkInteger('seed', seed, -0x80000000, 0xffffffff),
    level,
    interval: 'bca' as const,
    groupBy: options.groupBy ?? null,
    band,
  };
}

function checkBand(band: unknown): void {
  const numbers: unknown[] = Array.isArray(band) ? band : [];
  const [low, high] = numbers;
  if (!(numbers.length === 2 && typeof low === 'number' && typeof high === 'number' && low <= high)) {
    throw invalid('band', 'two numbers, the lower first', band);
  }
}

/** @internal */
export function assemble(data: RatedImages, { settings, trainedOn }: Prepared, computed: Computed): Evaluation {
  const { human, predictions } = data;
  const { source, sha256, ...aboutHuman } = human;
  const predictors = predictions.predictors.map((predictor, k): PredictorResult => {
    const found = computed.predictors[k];
    if (found === undefined) throw new HyperIQAError('ERR_INTERNAL', `${predictor.name} has no result.`);
    return { ...predictor, ...found };
  });
  return {
    formatVersion: 1,
    provenance: {
      hyperiqa: version,
      predictions: predictions.sources,
      humanScores: { source, sha256 },
      models: predictions.models,
      trainedOn,
      settings,
    },
    humanScores: aboutHuman,
    matching: data.matching,
    tables: data.tables,
    images: data.images.length,
    predictors,
    comparisons: computed.comparisons.map(({ first, second, ...rest }) => ({
      first: predictors[first]?.name ?? '',
      second: predictors[second]?.name ?? '',
      ...rest,
    })),
    dropped: data.dropped,
    unpredicted: data.unpredicted,
    warnings: [...leakageWarnings(data, trainedOn), ...figureWarnings(predictors, data), ...modelWarnings(data)],
  };
}

function figureWarnings(predictors: readonly PredictorResult[], data: RatedImages): EvaluationWarning[] {
  return predictors.flatMap(({ name, source, overall, higherIsBetter }) => {
    if (overall.n === 0) return [{ code: 'WARN_NO_IMAGES', message: whyNoImages(name, source, data) }];
    const warnings: EvaluationWarning[] = [];
    const interval = overall.intervals.raw.srcc;
    if (overall.raw.srcc !== null && overall.raw.srcc < 0 && (interval ?? { upper: -1 }).upper < 0) {
      warnings.push({
        code: 'WARN_DIRECTION',
        message:
          `${name} disagrees with people (SRCC ${overall.raw.srcc.toFixed(3)}): ` +
          (higherIsBetter
            ? 'if its lower values are better, name it in --lower-better.'
            : 'are its lower values really better?'),
      });
    }
    const { converged, parameters, model } = overall.fit;
    if (!converged) {
      const why = parameters === null ? 'does not exist' : 'did not converge';
      warnings.push({
        code: 'WARN_FIT',
        message: `The ${model} fit of ${name} ${why}: figures after it are undefined.`,
      });
    }
    return warnings;
  });
}

/** Explains why a predictor has no figures although others have. */
function whyNoImages(name: string, source: string, { tables, dropped }: RatedImages): string {
  const table = tables.find((one) => one.source === source);
  const example = dropped.find((row) => row.source === source && (row.predictor ?? name) === name);
  const reasons = describeReasons(table?.dropped ?? {});
  return (
    `${name} has no figures: of the ${table?.rows ?? 0} rows of ${source} none has both a human score and a number of it` +
    (reasons === '' ? '' : ` (${reasons})`) +
    (example === undefined ? '.' : `; ${example.file}: ${example.message}.`)
  );
}

function modelWarnings({ predictions }: RatedImages): EvaluationWarning[] {
  const hashes = new Set(predictions.models.flatMap(({ sha256 }) => sha256 ?? []));
  if (hashes.size <= predictions.sources.length || predictions.sources.length === 0) return [];
  const message = `The records come from ${hashes.size} models: ${predictions.models.map(({ name }) => name).join(', ')}.`;
  return [{ code: 'WARN_SEVERAL_MODELS', message }];
}
