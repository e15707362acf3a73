/** Results as rows of a table with types; its columns are those of `hyperiqa score --format csv`. */
import { HyperIQAError, resultColumns, type Column, type ScoreRecord } from 'hyperiqa/add-on';

/** Cells that are not empty, by the names of their columns. */
export type Row = Partial<Record<string, string | number | boolean>>;

/** Columns that an option of `hyperiqa score` brings, all together. */
export type ColumnGroup = NonNullable<Column['with']>;

const allColumns = Object.entries(resultColumns);

/** The row of a record. */
export function rowOf(record: ScoreRecord): Row {
  const row: Row = {};
  for (const [name, { cell, type, with: group }] of allColumns) {
    // Most columns, and most records have neither.
    if ((group === 'faces' || group === 'provenance') && !(group in record)) continue;
    const value = cell(record);
    if (value === null || value === undefined || value === '') continue;
    row[name] = type === 'boolean' ? value === 'true' : value;
  }
  return row;
}

/**
 * The value of a cell from its text, undefined for an empty one.
 *
 * @param place - For the message: the file, and where in it.
 * @throws HyperIQAError ERR_RESULTS_READ where the text does not fit the column's type
 */
export function valueOf(name: string, text: string, place: string): Row[string] {
  if (text === '') return undefined;
  switch (resultColumns[name]?.type) {
    case undefined:
      return text;
    case 'boolean':
      if (text === 'true' || text === 'false') return text === 'true';
      break;
    case 'double':
    case 'int32':
    case 'int64': {
      const value = text.trim() === '' ? NaN : Number(text);
      if (Number.isFinite(value)) return value;
    }
  }
  throw unreadable(place, `${name} cannot be "${text}"`);
}

/** The groups of columns that a row has cells of. */
export function groupsOf(row: Row): ColumnGroup[] {
  return [
    ...(row.faceStatus === undefined ? [] : (['faces'] as const)),
    ...(row.modelSha256 === undefined ? [] : (['provenance'] as const)),
    ...(row.run === undefined ? [] : (['output'] as const)),
  ];
}

/** Names and descriptions of a table's columns, in their order. */
export const columnsWith = (groups: ReadonlySet<ColumnGroup>): [name: string, column: Column][] =>
  allColumns.filter(([, column]) => column.with === undefined || groups.has(column.with));

/** @throws HyperIQAError ERR_RESULTS_READ where names are no columns of results, or those of every result are missing */
export function checkColumns(names: readonly string[], path: string): void {
  const unknown = names.find((name) => !(name in resultColumns));
  if (unknown !== undefined) throw unreadable(path, `its column ${unknown} is none of hyperiqa score`);
  const missing = ['file', 'score', 'errorCode'].find((name) => !names.includes(name));
  if (missing !== undefined) throw unreadable(path, `it has no column ${missing}`);
}

/** Error about a file that holds no results, or damaged ones. */
export const unreadable = (place: string, why: string, cause?: unknown): HyperIQAError =>
  new HyperIQAError('ERR_RESULTS_READ', `${place}: ${why}.`, { cause });
