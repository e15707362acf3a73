/** The formats of results, which the name of a file tells. */
import { extname } from 'node:path';
import { HyperIQAError } from 'hyperiqa/add-on';

/** Takes the bytes of a file, one piece after the other. It may keep none of them after it has resolved. */
export type ByteSink = (bytes: Uint8Array) => Promise<void>;

/** Format of a file with results. */
export type ResultFormat = 'jsonl' | 'csv' | 'parquet';

const byExtension: Readonly<Record<string, ResultFormat>> = {
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.csv': 'csv',
  '.parquet': 'parquet',
};

/** The format of a file by its extension; undefined for any other. */
export const knownFormat = (path: string): ResultFormat | undefined => byExtension[extname(path).toLowerCase()];

/**
 * The format of a file by its extension.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT for any other
 */
export function formatOf(path: string): ResultFormat {
  const format = knownFormat(path);
  if (format !== undefined) return format;
  throw new HyperIQAError(
    'ERR_INVALID_ARGUMENT',
    `${path} must end with ${Object.keys(byExtension).join(', ')}: the extension is the format.`,
  );
}
