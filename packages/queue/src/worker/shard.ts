/** Shards: the results of a chunk in one file of JSON lines, named by the chunk. */
import type { ScoreRecord } from 'hyperiqa/add-on';
import { HyperIQAError } from 'hyperiqa';
import type { ChunkSummary } from '../ledger/ledger.js';

export const shardName = (chunk: string): string => `${chunk}.jsonl`;

export const encodeShard = (records: readonly ScoreRecord[]): Buffer =>
  Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''));

/**
 * @param name - For messages.
 * @throws HyperIQAError ERR_STORAGE for what is no shard
 */
export function decodeShard(name: string, content: Buffer): ScoreRecord[] {
  try {
    return content
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as ScoreRecord);
  } catch (error) {
    throw new HyperIQAError('ERR_STORAGE', `${name} is there and is no shard of this queue.`, { cause: error });
  }
}

export function summaryOf(records: readonly ScoreRecord[]): ChunkSummary {
  const codes: Record<string, number> = {};
  let failed = 0;
  for (const record of records) {
    if (!('error' in record)) continue;
    failed++;
    codes[record.error.code] = (codes[record.error.code] ?? 0) + 1;
  }
  return { images: records.length, failed, codes };
}
