/** Reads CSV as `hyperiqa score` writes it. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { CsvError, parse } from 'csv-parse';
import { checkColumns, unreadable, valueOf, type Row } from '../table/table.js';
import type { StoredResult } from './result.js';

/** Longest row, characters. */
const MAX_ROW = 16 * 2 ** 20;

/** @throws HyperIQAError ERR_RESULTS_READ */
export async function* readCsv(path: string): AsyncGenerator<StoredResult, void, undefined> {
  await checkEnd(path);
  const parser = parse({
    columns: (names: string[]) => {
      checkColumns(names, path);
      return names;
    },
    max_record_size: MAX_ROW,
    info: true,
  });
  const source = createReadStream(path, { highWaterMark: 1 << 20 });
  source.on('error', (error) => parser.destroy(error)).pipe(parser);
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>) {
      const place = `${path}, line ${info.lines}`;
      const row: Row = {};
      for (const [name, text] of Object.entries(record)) {
        const value = valueOf(name, text, place);
        if (value !== undefined) row[name] = value;
      }
      if (typeof row.file !== 'string') throw unreadable(place, 'it names no image');
      if ((row.score === undefined) !== (row.errorCode !== undefined)) {
        throw unreadable(place, 'it has neither score nor error, or both');
      }
      yield { file: row.file, row, record: undefined };
    }
  } catch (error) {
    if (error instanceof CsvError || (error as Error & { syscall?: unknown }).syscall !== undefined) {
      throw unreadable(path, (error as Error).message.replace(/\.$/, ''), error);
    }
    throw error;
  } finally {
    source.destroy();
  }
}

/** A row as csv-parse gives it with `info`. */
interface Parsed {
  record: Record<string, string>;
  info: { lines: number };
}

/** A table that does not end with a line feed was cut off, perhaps inside its last cell. */
async function checkEnd(path: string): Promise<void> {
  let last: number | undefined;
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    if (size === 0) return;
    last = (await file.read(Buffer.alloc(1), 0, 1, size - 1)).buffer[0];
  } catch (error) {
    throw unreadable(path, `it cannot be read: ${(error as Error).message}`, error);
  }
  if (last !== 0x0a) throw unreadable(path, 'its last row is not whole: end the run with --resume');
}
