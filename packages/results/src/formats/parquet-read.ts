/** Reads Parquet as this package writes it, and as DuckDB and others write its tables again. */
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, type FileMetaData } from 'hyparquet';
import type { Provenance } from 'hyperiqa';
import { HyperIQAError, resultColumns, type Column } from 'hyperiqa/add-on';
import { checkColumns, unreadable, type Row } from '../table/table.js';
import { provenanceKey } from './metadata.js';
import type { StoredResult } from './result.js';

/**
 * Reads the results, one row group at a time.
 *
 * @throws HyperIQAError ERR_RESULTS_READ
 */
export async function* readParquet(path: string): AsyncGenerator<StoredResult, void, undefined> {
  const { file, metadata } = await openParquet(path);
  checkColumns(
    metadata.schema.slice(1).map(({ name }) => name),
    path,
  );
  let rowStart = 0;
  for (const { num_rows } of metadata.row_groups) {
    const rowEnd = rowStart + Number(num_rows);
    const rows = await reading(path, () => parquetReadObjects({ file, metadata, rowStart, rowEnd }));
    for (const [i, cells] of rows.entries()) yield resultOf(cells, `${path}, row ${rowStart + i + 1}`);
    rowStart = rowEnd;
  }
}

/** The provenances that the file's metadata have. @throws HyperIQAError ERR_RESULTS_READ */
export async function provenancesIn(path: string): Promise<Provenance[]> {
  const { metadata } = await openParquet(path);
  const text = metadata.key_value_metadata?.find(({ key }) => key === provenanceKey)?.value;
  if (text === undefined) return [];
  return reading(path, () => {
    const value = JSON.parse(text) as unknown;
    if (!Array.isArray(value)) throw new TypeError(`${provenanceKey} is no list`);
    return Promise.resolve(value as Provenance[]);
  });
}

function openParquet(path: string) {
  return reading(path, async () => {
    const file = await asyncBufferFromFile(path);
    const metadata: FileMetaData = await parquetMetadataAsync(file);
    return { file, metadata };
  });
}

function resultOf(cells: Readonly<Record<string, unknown>>, place: string): StoredResult {
  const row: Row = {};
  for (const [name, value] of Object.entries(cells)) {
    if (value === null || value === undefined) continue;
    const plain = typeof value === 'bigint' ? Number(value) : value;
    if (!fits(plain, resultColumns[name]?.type)) throw unreadable(place, `${name} has another type than it should`);
    row[name] = plain;
  }
  if (typeof row.file !== 'string' || row.file === '') throw unreadable(place, 'it names no image');
  if ((row.score === undefined) !== (row.errorCode !== undefined)) {
    throw unreadable(place, 'it has neither score nor error, or both');
  }
  return { file: row.file, row, record: undefined };
}

function fits(value: unknown, type: Column['type']): value is string | number | boolean {
  switch (type) {
    case undefined:
      return typeof value === 'string';
    case 'boolean':
      return typeof value === 'boolean';
    case 'double':
      return Number.isFinite(value);
    case 'int32':
    case 'int64':
      return Number.isSafeInteger(value);
  }
}

async function reading<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof HyperIQAError) throw error;
    throw unreadable(path, `it cannot be read: ${(error as Error).message}`, error);
  }
}
