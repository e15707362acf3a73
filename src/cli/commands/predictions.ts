/** The predictions that `eval` and `report` are about: tables as they are, or images that are scored now. */
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import type { InferredOptionTypes } from 'yargs';
import {
  collectPredictions,
  readPredictions,
  type Predictions,
  type PredictionsOptions,
} from '../../evaluation/index.js';
import { HyperIQA, HyperIQAError, imageExtensions, type ScoreAllItem } from '../../index.js';
import type { Outputs } from '../output/distinct.js';
import { expand } from '../input/inputs.js';
import type { Interrupt } from '../terminal/interrupt.js';
import {
  crops,
  defined,
  integer,
  loadOptions,
  real,
  scoreOptions,
  seed,
  toInputLimits,
  toLoadOptions,
} from '../flags.js';
import { Progress } from '../terminal/progress.js';

const { protocol, crops: cropsOption, seed: seedOption, concurrency, recursive } = scoreOptions;

/** Options for images that are scored on the spot. */
export const spotOptions = {
  protocol,
  crops: cropsOption,
  seed: seedOption,
  'max-se': scoreOptions['max-se'],
  'max-crops': scoreOptions['max-crops'],
  'max-pixels': scoreOptions['max-pixels'],
  'max-bytes': scoreOptions['max-bytes'],
  concurrency,
  recursive,
  ...loadOptions,
} as const;

export type SpotArguments = InferredOptionTypes<typeof spotOptions>;

const tables = new Set(['.csv', '.tsv', '.txt', '.json', '.jsonl', '.ndjson']);

/**
 * Reads the predictions, or scores the images, that the arguments name. Tables are told by their extension, and any other
 * single file that has no image's; `-` is a table on standard input.
 *
 * @param outputs - Refused where one of them is read.
 * @throws HyperIQAError
 */
export async function predictionsFrom(
  paths: readonly string[],
  options: PredictionsOptions,
  args: SpotArguments & { quiet?: boolean | undefined },
  interrupt: Interrupt,
  outputs: Outputs,
): Promise<Predictions> {
  const kinds = await Promise.all(paths.map(isTable));
  if (kinds.every((table) => table)) {
    if (paths.filter((path) => path === '-').length > 1) {
      throw new HyperIQAError('ERR_INVALID_ARGUMENT', '"-" reads standard input and can be given once only.');
    }
    await outputs.refuse(paths);
    const sources = paths.map(async (path) => (path === '-' ? { name: STDIN, data: await standardInput() } : path));
    return readPredictions(await Promise.all(sources), options);
  }
  if (kinds.some((table) => table)) {
    throw new HyperIQAError('ERR_INVALID_ARGUMENT', 'Name tables of predictions or images, not both.');
  }
  return scoreNow(paths, options, args, interrupt, outputs);
}

async function isTable(path: string): Promise<boolean> {
  const extension = extname(path).toLowerCase();
  if (path === '-' || tables.has(extension)) return true;
  if (imageExtensions.includes(extension)) return false;
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

const STDIN = 'standard input';
/** As large as a file may be that is read whole. */
const MAX_INPUT_BYTES = 2 ** 31 - 1;

async function standardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_INPUT_BYTES) throw new HyperIQAError('ERR_TABLE', `${STDIN} holds more than 2 GiB.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function scoreNow(
  paths: readonly string[],
  options: PredictionsOptions,
  args: SpotArguments & { quiet?: boolean | undefined },
  interrupt: Interrupt,
  outputs: Outputs,
): Promise<Predictions> {
  const wrong = Object.keys(options)[0];
  if (wrong !== undefined) {
    throw new HyperIQAError(
      'ERR_INVALID_ARGUMENT',
      'Images have no columns: --predictor, --lower-better, --name-column and --scale are for tables of predictions.',
    );
  }
  const { signal } = interrupt;
  const files: string[] = [];
  const unread: { file: string; message: string }[] = [];
  for await (const { file, error } of expand(paths, { recursive: args.recursive ?? false })) {
    if (error) unread.push({ file, message: `${error.message} (${error.code})` });
    else files.push(file);
  }
  if (files.length === 0) {
    const why = unread[0] ? `: ${unread[0].file}: ${unread[0].message}` : '.';
    throw new HyperIQAError('ERR_INVALID_ARGUMENT', `There is no image in ${paths.join(', ')}${why}`);
  }
  await outputs.refuse(files);
  await using iqa = await HyperIQA.load(args.model, { ...toLoadOptions(args), signal });
  const progress = args.quiet || !process.stderr.isTTY ? undefined : new Progress(process.stderr);
  if (progress) progress.total = files.length;
  progress?.start();
  const items = iqa.scoreAll(files, {
    seed: seed(args.seed),
    signal,
    ...defined({
      protocol: args.protocol,
      crops: crops(args.crops),
      maxStandardError: real('max-se', args['max-se'], true),
      maxCrops: integer('max-crops', args['max-crops']),
      concurrency: integer('concurrency', args.concurrency),
    }),
    ...toInputLimits(args),
  });
  try {
    const predictions = await collectPredictions(counted(items, progress), iqa.info);
    const source = predictions.predictors[0]?.source ?? '';
    const lost = unread.map(({ file, message }) => ({
      ...{ source, line: null, file, reason: 'unreadable' as const, predictor: null, message },
    }));
    return { ...predictions, dropped: [...predictions.dropped, ...lost] };
  } finally {
    progress?.stop();
  }
}

async function* counted<T>(items: AsyncIterable<ScoreAllItem<T>>, progress: Progress | undefined) {
  for await (const item of items) {
    progress?.advance();
    yield item;
  }
}
