/** Reads JSON lines as `hyperiqa score` writes them. */
import { createReadStream } from 'node:fs';
import type { ScoreRecord } from 'hyperiqa/add-on';
import { rowOf, unreadable, type Row } from '../table/table.js';
import type { StoredResult } from './result.js';

/** Longest line, bytes; a record of a hundred crops has some 10,000. */
const MAX_LINE_BYTES = 16 * 2 ** 20;

/** @throws HyperIQAError ERR_RESULTS_READ */
export async function* readJsonLines(path: string): AsyncGenerator<StoredResult, void, undefined> {
  let number = 0;
  for await (const { text, whole } of linesOf(path)) {
    number++;
    const record = parse(text);
    if (record === undefined) {
      const why = whole ? `it is no record of hyperiqa score` : 'the record is not whole: end the run with --resume';
      throw unreadable(`${path}, line ${number}`, why);
    }
    yield new JsonResult(record);
  }
}

/** A record, of which a row is made only where a table is wanted. */
class JsonResult implements StoredResult {
  #row: Row | undefined;

  constructor(readonly record: ScoreRecord) {}

  get file(): string {
    return this.record.file;
  }

  get row(): Row {
    return (this.#row ??= rowOf(this.record));
  }
}

/** The record of a line; undefined for anything else. */
function parse(text: string): ScoreRecord | undefined {
  let value: Partial<Record<string, unknown>> | null;
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || typeof value.file !== 'string' || value.file === '') {
    return undefined;
  }
  const { score, crops, warnings, error } = value;
  const scored = Number.isFinite(score) && Array.isArray(crops) && Array.isArray(warnings);
  const failed = typeof (error as { code?: unknown } | undefined)?.code === 'string' && !('status' in value);
  return scored !== failed ? (value as unknown as ScoreRecord) : undefined;
}

/**
 * The lines of a file. Not those of `node:readline`, which take U+2028 for the end of one and have no limit.
 *
 * @throws HyperIQAError ERR_RESULTS_READ
 */
async function* linesOf(path: string): AsyncGenerator<{ text: string; whole: boolean }, void, undefined> {
  const rest: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunksOf(path)) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      rest.push(chunk.subarray(start, end));
      yield { text: Buffer.concat(rest).toString(), whole: true };
      rest.length = 0;
      length = 0;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    rest.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > MAX_LINE_BYTES) throw unreadable(path, `a line has more than ${MAX_LINE_BYTES} bytes`);
  }
  if (length > 0) yield { text: Buffer.concat(rest).toString(), whole: false };
}

async function* chunksOf(path: string): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
  } catch (error) {
    throw unreadable(path, `it cannot be read: ${(error as Error).message}`, error);
  }
}
