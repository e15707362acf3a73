/** The options of `eval` and `report`: how they are declared to yargs, and how their text becomes values. */
import type { InferredOptionTypes, Options } from 'yargs';
import type { EvaluationOptions, HumanScoresOptions, PredictionsOptions } from '../evaluation/index.js';
import { HyperIQAError, type FlagsKit } from 'hyperiqa/add-on';

const text = { type: 'string', requiresArg: true } as const satisfies Options;
const list = { type: 'string', array: true, requiresArg: true } as const satisfies Options;
const flag = { type: 'boolean' } as const satisfies Options;

/** Options that choose and join the tables. */
export const joinOptions = {
  mos: {
    ...text,
    group: 'Human scores:',
    describe: 'Table of human scores: KonIQ-10k, KADID-10k, TID2013, SPAQ or any CSV',
  },
  'mos-column': {
    ...text,
    group: 'Human scores:',
    describe: 'Their column (default: MOS_zscore, else MOS, else DMOS)',
  },
  'mos-name-column': {
    ...text,
    group: 'Human scores:',
    describe: 'Their column of image names (default: image_name, ...)',
  },
  'mos-direction': {
    ...text,
    group: 'Human scores:',
    choices: ['higher', 'lower'],
    describe: 'Which human scores are better (default: higher, but lower for a DMOS)',
  },
  'mos-scale': {
    ...text,
    group: 'Human scores:',
    describe: 'Ends of their scale, LOW:HIGH (default: known or observed)',
  },
  'sd-column': {
    ...text,
    group: 'Human scores:',
    describe: 'Standard deviations of the opinions (default: known for KonIQ-10k)',
  },
  'sd-factor': { ...text, group: 'Human scores:', describe: 'What takes them to the scale of the scores (default: 1)' },
  opinions: { ...text, group: 'Human scores:', describe: 'Number of opinions: a column, or a number for all images' },
  predictor: {
    ...list,
    group: 'Predictions:',
    describe: 'Columns to evaluate (default: score, else all with numbers)',
  },
  'lower-better': { ...list, group: 'Predictions:', describe: 'Those of them whose lower values are better' },
  'name-column': { ...text, group: 'Predictions:', describe: 'Column of image names (default: image_name, file, ...)' },
  scale: { ...list, group: 'Predictions:', describe: "Ends of a predictor's scale, COLUMN=LOW:HIGH" },
  'trained-on': {
    ...text,
    group: 'Predictions:',
    describe: 'Data set of the model, such as koniq10k (default: from provenance)',
  },
} as const satisfies Record<string, Options>;

/** Options that choose the figures. */
export const figureOptions = {
  'group-by': {
    ...text,
    group: 'Figures:',
    describe: 'A column, or split, distortion, reference where names tell them',
  },
  fit: {
    ...text,
    group: 'Figures:',
    choices: ['logistic4', 'logistic5'],
    describe: 'Mapping before PLCC and RMSE (default: logistic4)',
  },
  refit: { ...flag, group: 'Figures:', describe: 'Repeat the fit in each replicate (slow)' },
  replicates: { ...text, group: 'Figures:', describe: 'Bootstrap replicates, 0 for no intervals (default: 1000)' },
  'bootstrap-seed': { ...text, group: 'Figures:', describe: 'Seed of the bootstrap (default: 1)' },
  level: { ...text, group: 'Figures:', describe: 'Coverage of the intervals (default: 0.95)' },
  'resample-by': {
    ...text,
    group: 'Figures:',
    describe: 'Column drawn as a whole, or image (default: reference image if known)',
  },
  band: { ...text, group: 'Figures:', describe: 'Tell the share of scores from LOW to HIGH, as 20:40' },
  pairs: { ...flag, group: 'Figures:', describe: "Krasula's analyses of all pairs of images (slow)" },
} as const satisfies Record<string, Options>;

/** The shared options after parsing. */
export type JoinArguments = InferredOptionTypes<typeof joinOptions>;
export type FigureArguments = InferredOptionTypes<typeof figureOptions>;

/** @throws HyperIQAError ERR_INVALID_ARGUMENT */
export function toHumanScoresOptions(args: JoinArguments, { defined, integer, real }: FlagsKit): HumanScoresOptions {
  const { opinions } = args;
  return defined({
    column: args['mos-column'],
    nameColumn: args['mos-name-column'],
    higherIsBetter: args['mos-direction'] === undefined ? undefined : args['mos-direction'] === 'higher',
    scale: range('mos-scale', args['mos-scale']),
    deviationColumn: args['sd-column'],
    deviationFactor: real('sd-factor', args['sd-factor'], true),
    opinions: opinions !== undefined && /^\d+$/.test(opinions) ? integer('opinions', opinions) : opinions,
  });
}

/** @throws HyperIQAError ERR_INVALID_ARGUMENT */
export function toPredictionsOptions(args: JoinArguments, { defined }: FlagsKit): PredictionsOptions {
  return defined({
    predictors: names(args.predictor),
    lowerIsBetter: names(args['lower-better']),
    nameColumn: args['name-column'],
    scales: args.scale && Object.fromEntries(args.scale.map(scaleOf)),
  });
}

/** @throws HyperIQAError ERR_INVALID_ARGUMENT */
export function toEvaluationOptions(
  args: FigureArguments & JoinArguments,
  { defined, integer, real }: FlagsKit,
): EvaluationOptions {
  return defined({
    groupBy: args['group-by'],
    fit: args.fit,
    refit: args.refit,
    replicates: args.replicates === '0' ? 0 : integer('replicates', args.replicates),
    seed: args['bootstrap-seed'] === '0' ? 0 : integer('bootstrap-seed', args['bootstrap-seed']),
    level: real('level', args.level, true),
    resampleBy: args['resample-by'],
    band: range('band', args.band),
    pairs: args.pairs,
    trainedOn: args['trained-on'],
  });
}

/** Columns, given one by one, after one another, or separated by commas. */
function names(values: readonly string[] | undefined): string[] | undefined {
  return values?.flatMap((value) => value.split(',').map((name) => name.trim())).filter((name) => name !== '');
}

function range(name: string, value: string | undefined): [number, number] | undefined {
  if (value === undefined) return undefined;
  const [low, high] = /^([^:]+):([^:]+)$/.exec(value)?.slice(1).map(Number) ?? [];
  if (low === undefined || high === undefined || !(low < high) || !Number.isFinite(high - low)) {
    throw invalid(name, value, 'two numbers with a colon between, the lower first, as 0:100');
  }
  return [low, high];
}

function scaleOf(value: string): [string, [number, number]] {
  const [, name, ends] = /^(.+)=([^=]+)$/.exec(value) ?? [];
  const scale = range('scale', ends);
  if (name === undefined || scale === undefined) throw invalid('scale', value, 'COLUMN=LOW:HIGH, as hyperiqa=0:1');
  return [name, scale];
}

const invalid = (name: string, value: string, wanted: string) =>
  new HyperIQAError('ERR_INVALID_ARGUMENT', `--${name} must be ${wanted}, not "${value}".`);
