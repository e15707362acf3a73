/** Shards: the results of a chunk in one file, named by the chunk. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeParquet, readResults } from '@hyperiqa/results';
import type { Provenance } from 'hyperiqa';
import type { ScoreRecord } from 'hyperiqa/add-on';
import { HyperIQAError } from 'hyperiqa';
import type { ChunkSummary } from '../ledger/ledger.js';
import type { ShardFormat } from '../settings/settings.js';

/** Results of a chunk. */
export interface Scored {
  /** In the order of the images. */
  readonly records: readonly ScoreRecord[];
  /** Provenance of the scores; undefined where there is none. */
  readonly provenance: Provenance | undefined;
}

export const shardName = (chunk: string, format: ShardFormat): string => `${chunk}.${format}`;

export async function encodeShard({ records, provenance }: Scored, format: ShardFormat): Promise<Buffer> {
  if (format === 'parquet') return encodeParquet(records, provenance && { provenance: [provenance] });
  return Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
}

export function summaryOf(records: readonly ScoreRecord[]): ChunkSummary {
  return summary(records.map((record) => ('error' in record ? record.error.code : undefined)));
}

/**
 * Counts what a shard of an earlier attempt holds.
 *
 * @throws HyperIQAError ERR_STORAGE for what is no shard
 */
export async function summaryOfShard(name: string, content: Buffer): Promise<ChunkSummary> {
  const folder = await mkdtemp(join(tmpdir(), 'hyperiqa-shard-'));
  try {
    const file = join(folder, name);
    await writeFile(file, content);
    const codes: (string | undefined)[] = [];
    for await (const { row } of readResults(file)) {
      codes.push(typeof row.errorCode === 'string' ? row.errorCode : undefined);
    }
    return summary(codes);
  } catch (error) {
    throw new HyperIQAError('ERR_STORAGE', `${name} is there and is no shard of this queue.`, { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param found - Code of the error for each image, undefined for a score. */
function summary(found: readonly (string | undefined)[]): ChunkSummary {
  const codes: Record<string, number> = {};
  for (const code of found) if (code !== undefined) codes[code] = (codes[code] ?? 0) + 1;
  return { images: found.length, failed: found.filter((code) => code !== undefined).length, codes };
}
