/** The predictions that `eval` and `report` are about: tables as they are, or images that are scored now. */
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import type { InferredOptionTypes } from 'yargs';
import { collectPredictions, readPredictions, type Predictions, type PredictionsOptions } from '../evaluation/index.js';
import type { ScoreAllItem } from 'hyperiqa';
import {
  HyperIQAError,
  imageExtensions,
  type AddOnKit,
  type FlagsKit,
  type Interruption,
  type OutputGuard,
  type ProgressLine,
} from 'hyperiqa/add-on';

/** Options for images that are scored on the spot. */
export const spotOptions = ({ score, load }: FlagsKit) =>
  ({
    protocol: score.protocol,
    crops: score.crops,
    seed: score.seed,
    'max-standard-error': score['max-standard-error'],
    'max-crops': score['max-crops'],
    'max-pixels': score['max-pixels'],
    'max-bytes': score['max-bytes'],
    concurrency: score.concurrency,
    recursive: score.recursive,
    ...load,
  }) as const;

export type SpotArguments = InferredOptionTypes<ReturnType<typeof spotOptions>>;

/** Description of the positional arguments of both commands. */
export const PREDICTIONS =
  'Tables (CSV, TSV, JSON lines, JSON; - for standard input) of hyperiqa score or of anything else, or images and folders, ' +
  'which are scored now';

const tables = new Set(['.csv', '.tsv', '.txt', '.json', '.jsonl', '.ndjson']);

/**
 * Reads the predictions, or scores the images, that the arguments name. Tables are told by their extension, and any other
 * single file that has no image's; `-` is a table on standard input.
 *
 * @param guard - Refuses the outputs where one of them is read.
 * @throws HyperIQAError
 */
export async function predictionsFrom(
  paths: readonly string[],
  options: PredictionsOptions,
  args: SpotArguments & { quiet?: boolean | undefined },
  kit: AddOnKit,
  interruption: Interruption,
  guard: OutputGuard,
): Promise<Predictions> {
  const kinds = await Promise.all(paths.map(isTable));
  if (kinds.every((table) => table)) {
    if (paths.filter((path) => path === '-').length > 1) {
      throw new HyperIQAError('ERR_INVALID_ARGUMENT', '"-" reads standard input and can be given once only.');
    }
    await guard.refuse(paths);
    const sources = paths.map(async (path) => (path === '-' ? { name: STDIN, data: await standardInput() } : path));
    return readPredictions(await Promise.all(sources), options);
  }
  if (kinds.some((table) => table)) {
    throw new HyperIQAError('ERR_INVALID_ARGUMENT', 'Name tables of predictions or images, not both.');
  }
  return scoreNow(paths, options, args, kit, interruption, guard);
}

async function isTable(path: string): Promise<boolean> {
  const extension = extname(path).toLowerCase();
  if (path === '-' || tables.has(extension)) return true;
  if (imageExtensions.includes(extension)) return false;
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

const STDIN = 'standard input';
/** Largest file that is read whole. */
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
  kit: AddOnKit,
  interruption: Interruption,
  guard: OutputGuard,
): Promise<Predictions> {
  const wrong = Object.keys(options)[0];
  if (wrong !== undefined) {
    throw new HyperIQAError(
      'ERR_INVALID_ARGUMENT',
      'Images have no columns: --predictor, --lower-better, --name-column and --scale are for tables of predictions.',
    );
  }
  const { signal } = interruption;
  const { flags, inputs, terminal } = kit;
  const files: string[] = [];
  const unread: { file: string; message: string }[] = [];
  for await (const { file, error } of inputs.expand(paths, { recursive: args.recursive ?? false })) {
    if (error) unread.push({ file, message: `${error.message} (${error.code})` });
    else files.push(file);
  }
  if (files.length === 0) {
    const why = unread[0] ? `: ${unread[0].file}: ${unread[0].message}` : '.';
    throw new HyperIQAError('ERR_INVALID_ARGUMENT', `There is no image in ${paths.join(', ')}${why}`);
  }
  await guard.refuse(files);
  // Imported here alone, because figures of tables need no engine.
  const { HyperIQA } = await import('hyperiqa');
  await using iqa = await HyperIQA.load(args.model, { ...flags.toLoadOptions(args), signal });
  const progress = args.quiet ? undefined : terminal.progress(files.length);
  const items = iqa.scoreAll(files, {
    seed: flags.seed(args.seed),
    signal,
    ...flags.defined({
      protocol: args.protocol,
      crops: flags.crops(args.crops),
      maxStandardError: flags.real('max-standard-error', args['max-standard-error'], true),
      maxCrops: flags.integer('max-crops', args['max-crops']),
      concurrency: flags.integer('concurrency', args.concurrency),
    }),
    ...flags.toInputLimits(args),
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

async function* counted<T>(items: AsyncIterable<ScoreAllItem<T>>, progress: ProgressLine | undefined) {
  for await (const item of items) {
    progress?.advance();
    yield item;
  }
}
