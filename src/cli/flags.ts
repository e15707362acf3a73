/** Options of the commands: how they are declared to yargs, and how their text becomes values. */
import { extname } from 'node:path';
import type { Argv, Options } from 'yargs';
import {
  HyperIQAError,
  imageExtensions,
  protocolNames,
  type Crops,
  type Device,
  type InputLimits,
  type LoadOptions,
} from '../index.js';
import type { DetectOptions, DetectorLoadOptions } from '../faces/index.js';
import { MAX_SHARDS, type Shard } from './input/shard.js';

/** Options arrive as text, so that no digit is lost (a seed has 64 bits) and every message is our own. */
const text = { type: 'string', requiresArg: true } as const satisfies Options;

/** Options about the model and the machine for `warm-up`, which is there to measure. */
export const measuringOptions = {
  model: {
    ...text,
    group: 'Model and machine:',
    describe: 'Model file or registered name (default: the model of the package)',
  },
  'trust-model': {
    type: 'boolean',
    group: 'Model and machine:',
    describe: 'Run whatever the model file holds; it can then do what you can (docs/models.md)',
  },
  device: {
    ...text,
    group: 'Model and machine:',
    describe: 'auto (default), cpu, cuda, cuda:N, or several as cuda:0,cuda:1',
  },
  dtype: {
    ...text,
    group: 'Model and machine:',
    choices: ['fp32', 'bf16', 'fp16'],
    describe: 'Number format of the computation (default: fp32)',
  },
  threads: { ...text, group: 'Model and machine:', describe: 'CPU threads in all (default: physical cores)' },
  'batch-size': { ...text, group: 'Model and machine:', describe: 'Largest batch of patches (default: chosen)' },
  'graph-mode': {
    ...text,
    group: 'Model and machine:',
    choices: ['auto', 'freeze', 'optimize', 'onednn'],
    describe: 'How the network is optimised (default: auto, which measures once)',
  },
  libtorch: { ...text, group: 'Model and machine:', describe: 'Folder of the LibTorch to use' },
} as const satisfies Record<string, Options>;

/** Options about the model and the machine, which every other command takes. */
export const loadOptions = {
  ...measuringOptions,
  'no-tuning': {
    type: 'boolean',
    group: 'Model and machine:',
    describe: 'Measure nothing: graph mode freeze and batches of 4 where not given',
  },
} as const satisfies Record<string, Options>;

/** The options of the commands that report instead of scoring. */
export const reportOptions = {
  format: { ...text, group: 'Output:', choices: ['table', 'json'], default: 'table', describe: 'How to show it' },
  json: { type: 'boolean', group: 'Output:', describe: 'The same as --format json' },
} as const satisfies Record<string, Options>;

export const wantsJson = ({ format, json }: { format?: string | undefined; json?: boolean | undefined }): boolean =>
  json === true || format === 'json';

/** Values of `--format` and `--json` after parsing. */
export interface FormatArguments<T extends string> {
  format?: T | undefined;
  json?: boolean | undefined;
}

/**
 * The format that was asked for, if any.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT where `--json` stands beside another one
 */
export function formatOf<T extends string>({ format, json }: FormatArguments<T>): T | 'json' | undefined {
  if (json && format !== undefined && format !== 'json') throw usage(`--json and --format ${format} cannot both be.`);
  return json ? 'json' : format;
}

/**
 * The format of records.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT where `--json` stands beside another one
 */
export const recordsFormat = <T extends string>({
  output,
  ...args
}: FormatArguments<T> & { output?: string | undefined }): T | 'json' | 'jsonl' | 'table' =>
  formatOf(args) ?? (output === undefined && process.stdout.isTTY ? 'table' : 'jsonl');

/** The options of `score` beyond those. */
export const scoreOptions = {
  protocol: {
    ...text,
    group: 'Scoring:',
    choices: protocolNames,
    describe: "Resize, crops and decoding (default: the model's own)",
  },
  crops: { ...text, group: 'Scoring:', describe: 'N (random), grid, grid:RxC, center or pyiqa' },
  seed: { ...text, group: 'Scoring:', default: '0', describe: 'Seed of random crops' },
  'max-standard-error': {
    ...text,
    group: 'Scoring:',
    describe: 'Add random crops until the standard error is below this',
  },
  'max-crops': { ...text, group: 'Scoring:', describe: '... or until there are this many (default 100)' },
  'max-pixels': { ...text, group: 'Scoring:', describe: 'Refuse larger images (default 268402689)' },
  'max-bytes': { ...text, group: 'Scoring:', describe: 'Refuse larger files (default 1073741824)' },
  concurrency: { ...text, group: 'Scoring:', describe: 'Images decoded or waiting at once (default: chosen)' },
  faces: { type: 'boolean', group: 'Faces:', describe: 'Score the faces in each image, too' },
  recursive: { type: 'boolean', group: 'Input:', describe: 'Images in folders of folders too' },
  shard: {
    ...text,
    group: 'Input:',
    describe: 'Only share I of N, by a hash of the names: I/N, I from 0 (docs/scale.md)',
  },
  format: {
    ...text,
    group: 'Output:',
    choices: ['table', 'csv', 'json', 'jsonl'],
    describe: 'Default: table on a terminal, else jsonl',
  },
  json: reportOptions.json,
  columns: {
    ...text,
    group: 'Output:',
    choices: ['study'],
    describe: 'CSV with the columns Model_name,filename,score',
  },
  output: { ...text, alias: 'o', group: 'Output:', describe: 'Write to this file' },
  resume: { type: 'boolean', group: 'Output:', describe: 'Go on with --output where an earlier run ended' },
  provenance: { type: 'boolean', group: 'Output:', describe: 'Add model, protocol, device and versions to records' },
  'fail-below': { ...text, group: 'Output:', describe: 'Exit with 3 where an image is worse than this score' },
  quiet: { type: 'boolean', alias: 'q', group: 'Output:', describe: 'No progress and no summary on stderr' },
} as const satisfies Record<string, Options>;

/** Options that select faces; for `faces`, and for `score --faces`. */
export const faceOptions = {
  'exactly-one': { type: 'boolean', group: 'Faces:', describe: 'Keep a face only where it is the only one' },
  'min-face-size': {
    ...text,
    group: 'Faces:',
    describe: 'Keep faces whose shorter side has this many pixels (default: all)',
  },
  'min-confidence': { ...text, group: 'Faces:', describe: 'Of a face, 0 to 1 (default 0.9)' },
  'search-size': { ...text, group: 'Faces:', describe: 'Smallest face to look for, pixels from 12 (default 20)' },
  margin: { ...text, group: 'Faces:', describe: 'Added to a crop on each side, as a share of the box (default 0)' },
  'face-model': { ...text, group: 'Faces:', describe: "Face detector's model file (default: that of the package)" },
} as const satisfies Record<string, Options>;

/** The options of `faces` beyond those. */
export const facesOptions = {
  crops: { ...text, group: 'Output:', describe: 'Write the kept faces as PNG files to this folder' },
  'max-pixels': scoreOptions['max-pixels'],
  'max-bytes': scoreOptions['max-bytes'],
  concurrency: scoreOptions.concurrency,
  recursive: scoreOptions.recursive,
  format: scoreOptions.format,
  json: scoreOptions.json,
  output: scoreOptions.output,
  resume: scoreOptions.resume,
  provenance: { ...scoreOptions.provenance, describe: 'Add model, options, device and versions to records' },
  quiet: scoreOptions.quiet,
} as const satisfies Record<string, Options>;

/** Options about model and machine that apply to a face detector. */
export const detectorLoadOptions = {
  'trust-model': loadOptions['trust-model'],
  device: { ...text, group: 'Model and machine:', describe: 'cpu (default), auto, cuda or cuda:N' },
  threads: { ...loadOptions.threads, describe: 'Images detected in at once (default: physical cores)' },
  libtorch: loadOptions.libtorch,
} as const satisfies Record<string, Options>;

/** Positional arguments of commands about images. */
export interface ImageArguments {
  images?: string[] | undefined;
}

/**
 * Declares positional arguments of a command for the help. They are no part of the command's name, because yargs loses `-`,
 * and what begins with a hyphen after `--`, when it makes positional arguments of them.
 */
export const positionals = <T, N extends string>(
  yargs: Argv<T>,
  name: N,
  describe: string,
): Argv<T & Partial<Record<N, string[] | undefined>>> =>
  yargs.positional(name, { type: 'string', array: true, describe });

/** Values of the positional arguments that `positionals` has declared. */
export const positionalsOf = <N extends string>(
  args: Partial<Record<N, string[] | undefined>> & { _: (string | number)[] },
  name: N,
): string[] => [...(args[name] ?? []), ...args._.slice(1).map(String)];

export const images = <T>(yargs: Argv<T>): Argv<T & ImageArguments> =>
  positionals(yargs, 'images', 'Files, folders, patterns, or - for a list on standard input');

export const imagesOf = (args: ImageArguments & { _: (string | number)[] }): string[] => positionalsOf(args, 'images');

/** Values of the shared options after parsing. */
export interface LoadArguments {
  model?: string | undefined;
  'trust-model'?: boolean | undefined;
  device?: string | undefined;
  dtype?: LoadOptions['dtype'] | undefined;
  threads?: string | undefined;
  'batch-size'?: string | undefined;
  'graph-mode'?: LoadOptions['graphMode'] | undefined;
  'no-tuning'?: boolean | undefined;
  libtorch?: string | undefined;
}

/**
 * The shared options as the API takes them.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT
 */
export function toLoadOptions(args: LoadArguments): LoadOptions {
  return defined({
    trustModel: args['trust-model'],
    device: devices(args.device),
    dtype: args.dtype,
    threads: integer('threads', args.threads),
    batchSize: integer('batch-size', args['batch-size']),
    graphMode: args['graph-mode'],
    tuning: args['no-tuning'] ? false : undefined,
    libtorch: args.libtorch,
  });
}

/** Values of the image limit options after parsing. */
export interface LimitArguments {
  'max-pixels'?: string | undefined;
  'max-bytes'?: string | undefined;
}

/**
 * The largest images as the API takes them.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT
 */
export function toInputLimits(args: LimitArguments): InputLimits {
  return defined({
    limitInputPixels: integer('max-pixels', args['max-pixels']),
    limitInputBytes: integer('max-bytes', args['max-bytes']),
  });
}

/** Values of the face options after parsing. */
export interface FaceArguments {
  'exactly-one'?: boolean | undefined;
  'min-face-size'?: string | undefined;
  'min-confidence'?: string | undefined;
  'search-size'?: string | undefined;
  margin?: string | undefined;
}

/**
 * The options about faces as the API takes them.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT
 */
export function toDetectOptions(args: FaceArguments): Omit<DetectOptions, 'signal' | 'crops'> {
  const number = (name: Exclude<keyof FaceArguments, 'exactly-one'>) => real(name, args[name]);
  return defined({
    exactlyOne: args['exactly-one'],
    minFaceSize: number('min-face-size'),
    minConfidence: number('min-confidence'),
    searchSize: number('search-size'),
    margin: number('margin'),
  });
}

/** @throws HyperIQAError ERR_INVALID_ARGUMENT */
export function toDetectorOptions(
  args: Pick<LoadArguments, 'trust-model' | 'device' | 'threads' | 'libtorch'>,
): DetectorLoadOptions {
  const device = devices(args.device);
  if (Array.isArray(device)) throw invalid('device', String(args.device), 'one device for the face detector');
  return defined({
    trustModel: args['trust-model'],
    device,
    threads: integer('threads', args.threads),
    libtorch: args.libtorch,
  });
}

function devices(value: string | undefined): Device | Device[] | undefined {
  const names = value?.split(',').map((name) => name.trim());
  const wrong = names?.find((name) => !/^(auto|cpu|cuda(:\d+)?)$/.test(name));
  if (wrong !== undefined) throw invalid('device', wrong, 'auto, cpu, cuda or cuda:N');
  return (names?.length === 1 ? names[0] : names) as Device | Device[] | undefined;
}

/** The object without the members that are undefined. */
export function defined<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** A whole number from 1. */
export function integer(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = /^\d+$/.test(value) ? Number(value) : NaN;
  if (!(number >= 1 && number <= Number.MAX_SAFE_INTEGER)) throw invalid(name, value, 'a whole number from 1');
  return number;
}

/** Any finite number, or with `positive` one above 0. */
export function real(name: string, value: string | undefined, positive = false): number | undefined {
  if (value === undefined) return undefined;
  const number = value.trim() === '' ? NaN : Number(value);
  if (!Number.isFinite(number) || (positive && number <= 0)) {
    throw invalid(name, value, positive ? 'a number above 0' : 'a number');
  }
  return number;
}

/** An unsigned 64-bit integer. */
export function seed(value: string): bigint {
  const number = /^\d+$/.test(value) ? BigInt(value) : -1n;
  if (number < 0n || number >= 1n << 64n) throw invalid('seed', value, 'a whole number from 0 to 2^64 - 1');
  return number;
}

/** `10`, `grid`, `grid:3x4`, `center`, `pyiqa`. */
export function crops(value: string | undefined): Crops | undefined {
  if (value === undefined) return undefined;
  if (value === 'grid' || value === 'center' || value === 'pyiqa') return { plan: value };
  const grid = /^grid:(\d+)x(\d+)$/.exec(value);
  const numbers = (grid ? grid.slice(1) : /^\d+$/.test(value) ? [value] : []).map(Number);
  const [first, second] = numbers;
  if (first === undefined || !numbers.every((n) => n >= 1 && Number.isSafeInteger(n))) {
    throw invalid('crops', value, 'a number of random crops from 1, grid, grid:RxC, center or pyiqa');
  }
  return second === undefined ? { plan: 'random', count: first } : { plan: 'grid', rows: first, columns: second };
}

/** `0/8` to `7/8`. */
export function shard(value: string | undefined): Shard | undefined {
  if (value === undefined) return undefined;
  const [index = NaN, count = NaN] = (/^(\d{1,7})\/(\d{1,7})$/.exec(value) ?? []).slice(1).map(Number);
  if (!(index < count && count <= MAX_SHARDS)) {
    throw invalid('shard', value, `I/N with I from 0 to N - 1 and N up to ${MAX_SHARDS}, as 0/8 to 7/8`);
  }
  return { index, count };
}

/** @throws HyperIQAError ERR_INVALID_ARGUMENT where the end of a shard could not be marked, or not be checked */
export function checkShard(output: string | undefined, format: string, marked: readonly string[]): void {
  if (output === undefined) throw usage('--shard needs --output: a file beside it says that the shard is complete.');
  if (marked.includes(format)) return;
  throw usage(`--shard writes ${marked.join(' or ')}, which hyperiqa merge joins, not ${format}.`);
}

/** @throws HyperIQAError ERR_INVALID_ARGUMENT for an output file that nobody means */
export function checkOutput(output: string | undefined): void {
  if (output === undefined || !imageExtensions.includes(extname(output).toLowerCase())) return;
  throw usage(`--output ${output} has the name of an image and might overwrite one.`);
}

/**
 * @param resumable - The formats that `--resume` can go on with.
 * @throws HyperIQAError ERR_INVALID_ARGUMENT where there is nothing to go on with
 */
export function checkResume(output: string | undefined, format: string, resumable: readonly string[]): void {
  if (output === undefined) throw usage('--resume needs --output.');
  if (resumable.includes(format)) return;
  throw usage(`--resume continues ${resumable.join(' and ')} files, not ${format}.`);
}

const usage = (message: string) => new HyperIQAError('ERR_INVALID_ARGUMENT', message);

const invalid = (name: string, value: string, wanted: string) => usage(`--${name} must be ${wanted}, not "${value}".`);
