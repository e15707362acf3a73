/** The files that a merge reads, and whether they are all shards of one run. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Provenance } from 'hyperiqa';
import { describeShard, HyperIQAError, readShardMark, splitRun, type Shard, type ShardMark } from 'hyperiqa/add-on';
import { formatOf, knownFormat, type ResultFormat } from '../formats/format.js';
import { provenancesIn } from '../formats/parquet-read.js';
import { readResults } from '../formats/read.js';
import { unreadable } from '../table/table.js';

/** A file with results. */
export interface Source {
  readonly path: string;
  readonly format: ResultFormat;
  readonly shard: Shard | undefined;
  /** Provenances that are known beside those of its records. */
  readonly provenance: readonly Provenance[];
}

/** Missing shards that a message names. */
const NAMED = 20;

/**
 * Finds the files.
 *
 * @param paths - Files, and folders of which the files with results are taken in the order of their names.
 * @throws HyperIQAError ERR_RESULTS_READ; ERR_INVALID_ARGUMENT for a file of another format
 */
export async function findFiles(paths: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    if (!(await isFolder(path))) {
      formatOf(path);
      files.push(path);
      continue;
    }
    const names = (await readdir(path)).filter((name) => !name.startsWith('.') && knownFormat(name) !== undefined);
    if (names.length === 0) throw unreadable(path, 'the folder has no files of results (.jsonl, .csv, .parquet)');
    files.push(...names.sort().map((name) => join(path, name)));
  }
  return files;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw unreadable(path, `it cannot be read: ${(error as Error).message}`, error);
  }
}

/**
 * Looks at the beginning of each file, and checks that the shards are complete, before any of the long work.
 *
 * @throws HyperIQAError ERR_RESULTS_READ; ERR_RESULTS_CONFLICT; ERR_RESULTS_INCOMPLETE
 */
export async function examine(paths: readonly string[]): Promise<Source[]> {
  const sources: Source[] = [];
  const shards = new Map<number, string>();
  let first: { path: string; shard: Shard } | undefined;
  for (const path of paths) {
    const format = formatOf(path);
    const { run, mark } = await beginning(path, format);
    const shard = run === undefined ? undefined : splitRun(run).shard;
    const known = format === 'parquet' ? await provenancesIn(path) : mark?.provenance ? [mark.provenance] : [];
    sources.push({ path, format, shard, provenance: known });
    if (shard === undefined) continue;
    if (mark === undefined || mark.run !== run || mark.bytes !== (await stat(path)).size) throw unfinished(path);
    first ??= { path, shard };
    if (first.shard.count !== shard.count) {
      throw conflict(`${first.path} is shard ${describeShard(first.shard)}, and ${path} is ${describeShard(shard)}.`);
    }
    const other = shards.get(shard.index);
    if (other !== undefined) throw conflict(`${other} and ${path} are both shard ${describeShard(shard)}.`);
    shards.set(shard.index, path);
  }
  if (first) checkShards(first.shard.count, shards);
  return sources;
}

/** The field `run` of a file's first record, or that of its mark where a shard has no image; and the mark. */
async function beginning(path: string, format: ResultFormat): Promise<{ run?: string; mark?: ShardMark | undefined }> {
  // Parquet files are whole or not there, and none is a shard of `hyperiqa score`.
  if (format === 'parquet') return {};
  const mark = await readShardMark(path);
  for await (const { row } of readResults(path)) return typeof row.run === 'string' ? { run: row.run, mark } : { mark };
  return mark ? { run: mark.run, mark } : {};
}

/** @throws HyperIQAError ERR_RESULTS_INCOMPLETE */
function checkShards(count: number, present: ReadonlyMap<number, string>): void {
  if (present.size === count) return;
  const named: string[] = [];
  for (let index = 0; index < count && named.length < NAMED; index++) {
    if (!present.has(index)) named.push(describeShard({ index, count }));
  }
  const missing = count - present.size;
  throw incomplete(
    `Of ${count} shards ${missing} ${missing === 1 ? 'is' : 'are'} missing: ` +
      `${named.join(', ')}${missing > named.length ? ', …' : ''}.`,
  );
}

const unfinished = (path: string) =>
  incomplete(`The shard ${path} is not complete, or was changed: run its command again with --resume.`);

/** Error about results that contradict each other. */
export const conflict = (message: string): HyperIQAError => new HyperIQAError('ERR_RESULTS_CONFLICT', message);

/** Error about results that are missing. */
export const incomplete = (message: string): HyperIQAError => new HyperIQAError('ERR_RESULTS_INCOMPLETE', message);
