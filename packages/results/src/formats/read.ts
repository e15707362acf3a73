/** Reads results of any format. */
import { readCsv } from './csv.js';
import { formatOf } from './format.js';
import { readJsonLines } from './jsonl.js';
import { readParquet } from './parquet-read.js';
import type { StoredResult } from './result.js';

/**
 * The results of a file, one after the other and without holding them all.
 *
 * @param path - Its extension is its format: `.jsonl`, `.ndjson`, `.csv` or `.parquet`.
 * @throws HyperIQAError ERR_INVALID_ARGUMENT for another extension; ERR_RESULTS_READ for a file that is missing, damaged or
 *   no result of hyperiqa score
 */
export function readResults(path: string): AsyncGenerator<StoredResult, void, undefined> {
  switch (formatOf(path)) {
    case 'jsonl':
      return readJsonLines(path);
    case 'csv':
      return readCsv(path);
    case 'parquet':
      return readParquet(path);
  }
}
