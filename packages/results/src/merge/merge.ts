/** Joins files of results: checked, sorted by the images' names, whole or not at all. */
import { dirname } from 'node:path';
import {
  AtomicFile,
  checkFunction,
  checkObject,
  checkSignal,
  checkString,
  count,
  HyperIQAError,
  invalid,
  splitRun,
  writing,
  type ScoreRecord,
} from 'hyperiqa/add-on';
import { formatOf, type ByteSink, type ResultFormat } from '../formats/format.js';
import { Provenances, type ResultMetadata } from '../formats/metadata.js';
import { ParquetFile } from '../formats/parquet-write.js';
import { readResults } from '../formats/read.js';
import type { StoredResult } from '../formats/result.js';
import { CsvFile, LineFile } from '../formats/text-write.js';
import { Sorter } from '../sorting/sorter.js';
import { groupsOf, type ColumnGroup, type Row } from '../table/table.js';
import { Expected } from './expected.js';
import { sameResult } from './same-result.js';
import { SameRun } from './same-run.js';
import { conflict, examine, findFiles, incomplete, type Source } from './sources.js';

/** Inputs and output of a merge. */
export interface MergeOptions {
  /** Files with results (`.jsonl`, `.ndjson`, `.csv`, `.parquet`), or folders with such files. CSV goes with CSV alone. */
  readonly inputs: readonly string[];
  /** File to write; its extension is its format. JSON lines are made of JSON lines only, because tables hold a part of them. */
  readonly output: string;
  /** File with the names of images that must have a result, as they are in the records: one a line, or separated by NUL. */
  readonly expect?: string | undefined;
  /** Called for each of those without a result, in the order of their bytes. */
  readonly onMissing?: ((file: string) => void | Promise<void>) | undefined;
  /** Ends the merge; nothing is written then. */
  readonly signal?: AbortSignal | undefined;
}

/** Numbers of a merge that is done. */
export interface MergeSummary {
  readonly images: number;
  /** Images whose result is an error. */
  readonly failed: number;
  /** Results of images that had one already, the same to 0.001 points. */
  readonly repeated: number;
  /** Images that the list of expected ones does not name; 0 without a list. */
  readonly unexpected: number;
  /** Files that were read. */
  readonly files: number;
}

/**
 * Joins the results of one run from several files. All files are read, sorted by the bytes of the images' names and written;
 * the output appears at the end, or not at all. Memory does not grow with the number of results: 64 MB that are sorted at once, for
 * Parquet also a row group of 122,880 rows. A temporary file in the folder of the output takes about as much disk as the results.
 *
 * Sorting 64 MB and encoding a row group hold the event loop for up to a second each: a server runs this in a thread of its own.
 *
 * @throws HyperIQAError ERR_RESULTS_INCOMPLETE where shards are missing or unfinished, or expected images have no result;
 *   ERR_RESULTS_CONFLICT where an image has two different results, a shard is there twice, or files come from different
 *   models or options; ERR_RESULTS_READ; ERR_INVALID_ARGUMENT; ERR_OUTPUT. AbortError
 */
export async function mergeResults(options: MergeOptions): Promise<MergeSummary> {
  checkOptions(options);
  const { inputs, output, expect, onMissing = () => undefined, signal } = options;
  const format = formatOf(output);
  const files = await findFiles(inputs);
  checkFormats(files, format);
  const sources = await examine(files);
  const csv = sources.some((source) => source.format === 'csv');
  const folder = dirname(output);
  await using sorter = new Sorter(folder);
  const collected = await collect(sources, format, sorter, signal);
  const missing: string[] = [];
  const note = async (file: string) => {
    if (missing.length < NAMED) missing.push(file);
    await onMissing(file);
  };
  await using expected = expect === undefined ? undefined : await Expected.read(expect, folder, csv, note);
  const write = <T>(action: () => Promise<T>) => writing(`The output file ${output} cannot be written`, action);
  await using file = await write(() => AtomicFile.create(output));
  const target = targetFor(format, (bytes) => write(() => file.handle.writeFile(bytes)), collected);
  const joined = await join(sorter, sources, target, expected, signal);
  await target.finish();
  if (expected && expected.missing > 0) throw missingImages(expected.missing, missing);
  signal?.throwIfAborted();
  await write(() => file.publish());
  return { ...joined, unexpected: expected?.unexpected ?? 0, files: files.length };
}

/** @throws HyperIQAError ERR_INVALID_ARGUMENT */
function checkOptions(options: MergeOptions): void {
  const { inputs, output, expect, onMissing, signal } = checkObject('options', options, KEYS);
  if (!Array.isArray(inputs) || inputs.length === 0) throw invalid('inputs', 'a list of paths', inputs);
  for (const path of [...(inputs as unknown[]), output, ...(expect === undefined ? [] : [expect])]) {
    if (checkString('A path', path) === '') throw invalid('A path', 'the name of a file or folder', path);
  }
  if (onMissing !== undefined) checkFunction('onMissing', onMissing);
  if (signal !== undefined) checkSignal('signal', signal);
}

const KEYS = ['inputs', 'output', 'expect', 'onMissing', 'signal'] as const satisfies (keyof MergeOptions)[];

/** Missing images that a message names. */
const NAMED = 5;

const missingImages = (number: number, named: readonly string[]) =>
  incomplete(
    `${count(number, 'image')} of the list ${number === 1 ? 'has' : 'have'} no result: ${named.join(', ')}` +
      (number > named.length ? ', …' : ''),
  );

/** @throws HyperIQAError ERR_INVALID_ARGUMENT for formats that cannot be joined or converted */
function checkFormats(files: readonly string[], output: ResultFormat): void {
  const table = files.find((file) => formatOf(file) !== 'jsonl');
  if (output === 'jsonl' && table !== undefined) {
    throw new HyperIQAError(
      'ERR_INVALID_ARGUMENT',
      `JSON lines cannot be made of ${table}, because a table has not all of a record: name an output in CSV or Parquet.`,
    );
  }
  const csv = files.find((file) => formatOf(file) === 'csv');
  const other = files.find((file) => formatOf(file) !== 'csv');
  if (csv !== undefined && other !== undefined) {
    throw new HyperIQAError(
      'ERR_INVALID_ARGUMENT',
      `${csv} and ${other} cannot be joined: CSV may write names otherwise than they are, and goes with CSV alone.`,
    );
  }
}

/** Facts that are known once all results are read. */
interface Collected {
  readonly metadata: ResultMetadata;
  readonly groups: ReadonlySet<ColumnGroup>;
}

/** Reads all results into the sorter, in the form in which they are written. */
async function collect(
  sources: readonly Source[],
  format: ResultFormat,
  sorter: Sorter,
  signal: AbortSignal | undefined,
): Promise<Collected> {
  const sameRun = new SameRun();
  const provenances = new Provenances();
  const groups = new Set<ColumnGroup>();
  for (const [origin, source] of sources.entries()) {
    for (const provenance of source.provenance) provenances.add(provenance);
    for await (const result of readResults(source.path)) {
      signal?.throwIfAborted();
      sameRun.check(result, source.path);
      if (result.record && 'provenance' in result.record) provenances.add(result.record.provenance);
      if (format !== 'jsonl') for (const group of groupsOf(result.row)) groups.add(group);
      await sorter.add({ key: result.file, text: textOf(result, format), origin });
    }
  }
  return { metadata: { run: sameRun.run, provenance: provenances.all }, groups };
}

/** Marks the text of a result that is an error. */
const FAILED = '!';
const SCORED = ' ';

/** A mark, then the record or the row in JSON, both as a run without shards has them. */
function textOf({ record, row }: StoredResult, format: ResultFormat): string {
  if (format === 'jsonl' && record) return ('error' in record ? FAILED : SCORED) + JSON.stringify(unsharded(record));
  return (row.errorCode === undefined ? SCORED : FAILED) + JSON.stringify(unsharded(row));
}

const unsharded = <T extends ScoreRecord | Row>(value: T): T =>
  typeof value.run === 'string' ? { ...value, run: splitRun(value.run).run } : value;

/** An output that takes texts as `textOf` makes them, without the mark. */
interface Target {
  add(text: string): Promise<void>;
  finish(): Promise<void>;
}

function targetFor(format: ResultFormat, sink: ByteSink, { metadata, groups }: Collected): Target {
  if (format === 'jsonl') {
    const lines = new LineFile(sink);
    return { add: (text) => lines.add(`${text}\n`), finish: () => lines.finish() };
  }
  const table = format === 'csv' ? new CsvFile(sink, groups) : new ParquetFile(sink, groups, metadata);
  return { add: (text) => table.add(JSON.parse(text) as Row), finish: () => table.finish() };
}

/** Writes the sorted results, each image once. */
async function join(
  sorter: Sorter,
  sources: readonly Source[],
  target: Target,
  expected: Expected | undefined,
  signal: AbortSignal | undefined,
): Promise<Pick<MergeSummary, 'images' | 'failed' | 'repeated'>> {
  let [images, failed, repeated] = [0, 0, 0];
  let kept: { key: string; text: string; origin: number } | undefined;
  const write = async (): Promise<void> => {
    if (kept === undefined) return;
    images++;
    if (kept.text.startsWith(FAILED)) failed++;
    await expected?.meet(kept.key);
    await target.add(kept.text.slice(1));
  };
  for await (const item of sorter.items()) {
    signal?.throwIfAborted();
    const { key, text, origin } = item;
    if (kept?.key !== key) {
      await write();
      kept = item;
      continue;
    }
    if (!sameResult(kept.text.slice(1), text.slice(1))) {
      const places = [...new Set([kept.origin, origin])].map((one) => sources[one]?.path ?? '').join(' and ');
      throw conflict(`${key} has two different results, in ${places}.`);
    }
    repeated++;
    // The same one is kept in whatever order they come.
    if (text < kept.text) kept = { ...item, origin: kept.origin };
  }
  await write();
  await expected?.end();
  return { images, failed, repeated };
}
