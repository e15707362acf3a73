/** Cells of a table: numbers, names of images, columns by their names. */
import { basename } from 'node:path';
import { plainName } from './names.js';
import { tableError, type Table, type TableRow } from './table.js';

const numeral = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;

/** The number that a cell holds, `undefined` for anything else. */
export function parseNumber(cell: string): number | undefined {
  const value = numeral.test(cell) ? Number(cell) : NaN;
  return Number.isFinite(value) ? value : undefined;
}

const missing = new Set([
  '',
  'nan',
  'na',
  'n/a',
  '#n/a',
  'null',
  'none',
  '-',
  'inf',
  '+inf',
  '-inf',
  'infinity',
  '-infinity',
]);

/** Tests whether a cell stands for the absence of a (finite) number. */
export const isMissing = (cell: string): boolean => cell.length <= 9 && missing.has(cell.toLowerCase());

/**
 * The number in a cell, `null` where there is none to be had.
 *
 * @throws HyperIQAError ERR_TABLE for anything that is neither; the message names line and column
 */
export function numberIn(table: Table, row: TableRow, column: number): number | null {
  const cell = row.cells[column] ?? '';
  const value = parseNumber(cell);
  if (value !== undefined) return value;
  if (isMissing(cell)) return null;
  throw tableError(
    table.source,
    `, line ${row.line}, column ${table.columns[column] ?? ''}: ${JSON.stringify(cell.slice(0, 60))} is ${whyNoNumber(cell)}.`,
  );
}

function whyNoNumber(cell: string): string {
  if (numeral.test(cell)) return 'beyond the range of numbers';
  return /^[+-]?\d+,\d+$/.test(cell) ? 'not a number; write the decimal point as a point' : 'not a number';
}

/** The name of the image in a row. @throws HyperIQAError ERR_TABLE where it is empty */
export function nameIn(table: Table, row: TableRow, column: number): string {
  const name = plainName(row.cells[column] ?? '');
  if (name !== '') return name;
  throw tableError(
    table.source,
    `, line ${row.line}, column ${table.columns[column] ?? ''}: the name of the image is empty.`,
  );
}

/** A row by the names of its columns. */
export const fieldsOf = (table: Table, row: TableRow): Record<string, string> =>
  Object.fromEntries(table.columns.map((column, i) => [column, row.cells[i] ?? '']));

/** Names compared as people write them: `Image name`, `image_name` and `imageName` are one. */
export const normal = (name: string): string => name.toLowerCase().replace(/[\s_-]+/g, '');

/** The position of the first column with this name, up to case, spaces and underscores; −1 where there is none. */
export const columnCalled = (table: Table, name: string): number =>
  table.columns.findIndex((column) => normal(column) === name);

/**
 * The position of a column that was named by an option: exactly, or up to case, spaces and underscores.
 *
 * @throws HyperIQAError ERR_TABLE where there is none; the message lists those there are
 */
export function columnNamed(table: Table, name: string, what: string): number {
  const exact = table.columns.indexOf(name);
  if (exact >= 0) return exact;
  const near = columnCalled(table, normal(name));
  if (near >= 0) return near;
  throw tableError(table.source, ` has no column ${name} (${what}); its columns are ${listed(table.columns)}.`);
}

/** Names in a message: not more than fit. */
export function listed(names: readonly string[]): string {
  const named = names.filter((name) => name !== '');
  const shown = named.slice(0, 24).map((name) => (name.length > 80 ? `${name.slice(0, 80)}…` : name));
  return shown.join(', ') + (named.length > shown.length ? ', …' : '');
}

/** The short name of a file, for people. */
export const shortName = (source: string): string => basename(source);

const fileColumns = [
  'imagename',
  'imgname',
  'distimg',
  'filename',
  'file',
  'image',
  'imagepath',
  'imgpath',
  'path',
  'img',
  'name',
];

/** Tests whether a column has one of the usual headings for names of images. */
export const isFileColumn = (column: string): boolean => fileColumns.includes(normal(column));

/**
 * The position of the column with the names of the images.
 *
 * @param named - By an option; else the usual names are looked for.
 * @throws HyperIQAError ERR_TABLE where there is none
 */
export function fileColumn(table: Table, named: string | undefined, option: string): number {
  if (named !== undefined) return columnNamed(table, named, 'names of the images');
  for (const wanted of fileColumns) {
    const index = columnCalled(table, wanted);
    if (index >= 0) return index;
  }
  throw tableError(
    table.source,
    `, line 1: there is no column with the names of the images (such as image_name, filename or file); the columns are ` +
      `${listed(table.columns)}. Name it with ${option}.`,
  );
}
