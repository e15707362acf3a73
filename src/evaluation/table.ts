/** Tables as people have them: CSV with any usual separator, JSON lines, a JSON array, or columns set apart by spaces. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, CsvError } from 'csv-parse/sync';
import { HyperIQAError } from '../errors.js';
import { plainName } from './names.js';

/** A table as text: `cells` by the position of the column; a cell that is missing is empty. */
export interface Table {
  /** For messages: the name as given. */
  readonly source: string;
  /** SHA-256 of the bytes. */
  readonly sha256: string;
  readonly columns: readonly string[];
  readonly rows: readonly TableRow[];
  /** False where the file has no header and the columns got their names from what they hold. */
  readonly header: boolean;
}

export interface TableRow {
  /** Line of the file on which the row ends, from 1; for a JSON array the number of the item. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** Where a table comes from: a path, a `file:` URL, or its bytes with a name for messages. */
export type TableSource = string | URL | { readonly name: string; readonly data: Uint8Array | string };

/** The names that a table without header gets: TID2013's `mos_with_names.txt` has a score and a file name in each line. */
export const headerless = { score: 'MOS', file: 'image_name' } as const;

/** @internal */
export const tableError = (source: string, message: string, cause?: unknown): HyperIQAError =>
  new HyperIQAError('ERR_TABLE', `${source}${message}`, cause === undefined ? undefined : { cause });

/**
 * Reads a table. The format is told by the content: JSON lines or an array where it begins with `{` or `[`, else CSV with
 * a header, separated by comma, semicolon or tab, whichever the header has most of. UTF-8, with or without byte order
 * mark; LF, CRLF or CR. Without any of these separators, lines of a number and a name (or a name and a number) are read
 * as a table without header.
 *
 * Of JSON objects, members of objects become columns named with a dot (`provenance.seed`); arrays are left out, except that
 * records of `score --faces` get a column `faceScore`.
 *
 * @throws HyperIQAError ERR_TABLE: not there, not readable, empty, not UTF-8, or malformed; the message names the line
 */
export async function readTable(source: TableSource): Promise<Table> {
  const { name, bytes } = await bytesOf(source);
  const text = decode(name, bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const start = text.trimStart()[0];
  if (start === undefined) throw tableError(name, ' is empty.');
  const content =
    start === '{' ? jsonLines(name, text) : start === '[' ? jsonArray(name, text) : (spaced(text) ?? csv(name, text));
  return { source: name, sha256, ...content };
}

async function bytesOf(source: TableSource): Promise<{ name: string; bytes: Uint8Array }> {
  if (typeof source === 'object' && !(source instanceof URL)) {
    const bytes = typeof source.data === 'string' ? new TextEncoder().encode(source.data) : source.data;
    return { name: source.name, bytes };
  }
  const path = source instanceof URL ? fileURLToPath(source) : source;
  try {
    return { name: path, bytes: await readFile(path) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'this is a folder' : message;
    throw tableError(path, ` cannot be read: ${why}.`, error);
  }
}

function decode(name: string, bytes: Uint8Array): string {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw tableError(name, ' is UTF-16: save it as UTF-8.');
  }
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) throw tableError(name, ' is a ZIP file or spreadsheet: save it as CSV.');
  try {
    // Without `ignoreBOM` the decoder takes the byte order mark away.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    const line = 1 + Buffer.from(bytes.subarray(0, firstInvalid(bytes))).filter((byte) => byte === 0x0a).length;
    throw tableError(name, `, line ${line}: this is no UTF-8 text.`, error);
  }
}

/** The end of the longest part from the start that is UTF-8, roughly: where the decoder puts its first replacement. */
function firstInvalid(bytes: Uint8Array): number {
  const valid = new TextDecoder('utf-8').decode(bytes).split('\ufffd')[0] ?? '';
  return Buffer.byteLength(valid);
}

type Content = Pick<Table, 'columns' | 'rows' | 'header'>;

/** Lines of a number and a name, or nothing where the text is something else. */
function spaced(text: string): Content | undefined {
  const lines = text.split(/\r\n|\n|\r/);
  const number = String.raw`[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?`;
  const name = String.raw`[^\s,;]+\.[A-Za-z]\w{2,3}`;
  const scoreFirst = new RegExp(String.raw`^\s*(${number})[ \t]+(${name})\s*$`, 'i');
  const nameFirst = new RegExp(String.raw`^\s*(${name})[ \t]+(${number})\s*$`, 'i');
  const pattern = [scoreFirst, nameFirst].find((one) => lines.every((line) => line.trim() === '' || one.test(line)));
  if (pattern === undefined) return undefined;
  const rows = lines.flatMap((line, i) => {
    const cells = pattern.exec(line)?.slice(1);
    return cells ? [{ line: i + 1, cells }] : [];
  });
  const columns = pattern === scoreFirst ? [headerless.score, headerless.file] : [headerless.file, headerless.score];
  return { columns, rows, header: false };
}

function csv(name: string, text: string): Content {
  const delimiter = delimiterOf(text);
  let records: { record: string[]; info: { lines: number } }[];
  try {
    records = parse(text, {
      delimiter,
      info: true,
      trim: true,
      relax_column_count: true,
      record_delimiter: ['\r\n', '\n', '\r'],
      skip_empty_lines: true,
    }) as unknown as typeof records;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw tableError(name, `${placeOf(error, text)}: ${explainCsv(error)}`, error);
  }
  const [head, ...body] = records;
  if (head === undefined) throw tableError(name, ' is empty.');
  const columns = checkHeader(name, head.record, head.info.lines);
  const rows = body.map(({ record, info }) => {
    if (record.length !== columns.length) {
      const missing = record.length < columns.length ? `: column ${columns[record.length] ?? ''} is missing` : '';
      throw tableError(
        name,
        `, line ${info.lines}: there ${record.length === 1 ? 'is 1 cell' : `are ${record.length} cells`}, but the header ` +
          `has ${columns.length} columns${missing}.`,
      );
    }
    return { line: info.lines, cells: record };
  });
  return { columns, rows, header: true };
}

/** Line and cell of a mistake. A quotation mark that is never closed is one where its row begins, not at the end. */
function placeOf(error: CsvError, text: string): string {
  const { code, lines, bytes, column } = error as CsvError & { lines?: number; bytes?: number; column?: number };
  const line =
    code === 'CSV_QUOTE_NOT_CLOSED' && bytes !== undefined
      ? Buffer.from(text)
          .subarray(0, bytes)
          .toString()
          .split(/\r\n|\n|\r/).length
      : lines;
  return `${line === undefined ? '' : `, line ${line}`}${column === undefined ? '' : `, cell ${column + 1}`}`;
}

/** The separator that the first line has most of, quoted parts apart. */
function delimiterOf(text: string): string {
  const head = (/^[^\r\n]*/.exec(text.trimStart())?.[0] ?? '').replace(/"[^"]*"/g, '');
  const counted = [',', ';', '\t'].map((delimiter) => ({ delimiter, count: head.split(delimiter).length }));
  return counted.reduce((best, one) => (one.count > best.count ? one : best)).delimiter;
}

function explainCsv(error: CsvError): string {
  if (error.code === 'CSV_QUOTE_NOT_CLOSED') return 'a quotation mark is opened and never closed.';
  if (
    ['INVALID_OPENING_QUOTE', 'CSV_INVALID_CLOSING_QUOTE', 'CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE'].includes(
      error.code,
    )
  ) {
    return 'a quotation mark stands inside a cell; write the cell as "…" with each mark inside doubled.';
  }
  return error.message;
}

function checkHeader(name: string, columns: readonly string[], line: number): readonly string[] {
  const empty = columns.findIndex((column, i) => column === '' && i < columns.length - 1);
  // pandas writes its index as a first column without a name; it is kept, and nothing can refer to it.
  if (empty > 0) throw tableError(name, `, line ${line}: column ${empty + 1} has no name.`);
  const seen = new Map<string, number>();
  columns.forEach((column, i) => {
    const earlier = seen.get(column);
    if (earlier !== undefined && column !== '') {
      throw tableError(name, `, line ${line}: columns ${earlier + 1} and ${i + 1} have the same name, ${column}.`);
    }
    seen.set(column, i);
  });
  if (columns.some((column) => parseNumber(column) !== undefined)) {
    throw tableError(
      name,
      `, line ${line}: a header with the names of the columns is needed, not "${columns.join(', ').slice(0, 80)}".`,
    );
  }
  return columns;
}

type Json = string | number | boolean | null | Json[] | JsonObject;
interface JsonObject {
  [name: string]: Json;
}

function jsonLines(name: string, text: string): Content {
  const collected = new Columns();
  const lines = text.split('\n');
  const rows = lines.flatMap((line, i) => {
    if (line.trim() === '') return [];
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      // One object over several lines is a usual file, but not this format.
      const hint = i === 0 && line.trim() === '{' ? ' (JSON lines have one whole object a line)' : '';
      throw tableError(name, `, line ${i + 1}: this is no JSON object: ${(error as Error).message}${hint}`, error);
    }
    return [{ line: i + 1, cells: collected.cells(record(name, value, `, line ${i + 1}`)) }];
  });
  return collected.content(rows);
}

function jsonArray(name: string, text: string): Content {
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (error) {
    throw tableError(name, ` is no JSON: ${(error as Error).message}`, error);
  }
  if (!Array.isArray(values)) throw tableError(name, ' must be a JSON array of objects.');
  const collected = new Columns();
  const rows = values.map((value, i) => ({
    line: i + 1,
    cells: collected.cells(record(name, value, `, item ${i + 1}`)),
  }));
  return collected.content(rows);
}

function record(name: string, value: unknown, where: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw tableError(name, `${where}: an object is needed, such as {"file": "a.jpg", "score": 61.2}.`);
  }
  return withFaceScore(value as JsonObject);
}

/** Records of `score --faces` have a list of faces; a table has the score of the largest that is kept, as our CSV has. */
function withFaceScore(row: JsonObject): JsonObject {
  const list = isObject(row.faces) ? row.faces.faces : undefined;
  if (!Array.isArray(list)) return row;
  const kept = list.find((face) => isObject(face) && face.kept === true);
  return { ...row, faceScore: isObject(kept) ? (kept.score ?? null) : null };
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The columns of objects whose members may differ. */
class Columns {
  readonly #index = new Map<string, number>();

  /** The cells of an object; columns that come up later are not among them yet. */
  cells(value: JsonObject): string[] {
    const cells: string[] = [];
    this.#fill(cells, value, '');
    return cells;
  }

  /** All rows with all columns. */
  content(rows: readonly TableRow[]): Content {
    const columns = [...this.#index.keys()];
    const whole = rows.map(({ line, cells }) => ({ line, cells: columns.map((_, i) => cells[i] ?? '') }));
    return { columns, rows: whole, header: true };
  }

  #fill(cells: string[], value: JsonObject, prefix: string): void {
    for (const [key, member] of Object.entries(value)) {
      if (Array.isArray(member)) continue;
      const name = prefix + key;
      if (typeof member === 'object' && member !== null) {
        this.#fill(cells, member, `${name}.`);
        continue;
      }
      const index = this.#index.get(name) ?? this.#index.size;
      this.#index.set(name, index);
      cells[index] = member === null ? '' : String(member);
    }
  }
}

const numeral = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

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

/** Whether a cell says that there is no (finite) number. */
export const isMissing = (cell: string): boolean => missing.has(cell.toLowerCase());

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
  const comma = /^[+-]?\d+,\d+$/.test(cell) ? '; write the decimal point as a point' : '';
  throw tableError(
    table.source,
    `, line ${row.line}, column ${table.columns[column] ?? ''}: ${JSON.stringify(cell.slice(0, 60))} is not a number${comma}.`,
  );
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

/**
 * The position of a column that was named by an option: exactly, or up to case, spaces and underscores.
 *
 * @throws HyperIQAError ERR_TABLE where there is none; the message lists those there are
 */
export function columnNamed(table: Table, name: string, what: string): number {
  const exact = table.columns.indexOf(name);
  if (exact >= 0) return exact;
  const near = table.columns.findIndex((column) => normal(column) === normal(name));
  if (near >= 0) return near;
  throw tableError(table.source, ` has no column ${name} (${what}); its columns are ${listed(table.columns)}.`);
}

/** Names in a message: not more than fit. */
export function listed(names: readonly string[]): string {
  const shown = names.filter((name) => name !== '').slice(0, 24);
  return shown.join(', ') + (names.length > shown.length ? ', …' : '');
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

/**
 * The position of the column with the names of the images.
 *
 * @param named - By an option; else the usual names are looked for.
 * @throws HyperIQAError ERR_TABLE where there is none
 */
export function fileColumn(table: Table, named: string | undefined, option: string): number {
  if (named !== undefined) return columnNamed(table, named, 'names of the images');
  for (const wanted of fileColumns) {
    const index = table.columns.findIndex((column) => normal(column) === wanted);
    if (index >= 0) return index;
  }
  throw tableError(
    table.source,
    `, line 1: there is no column with the names of the images (such as image_name, filename or file); the columns are ` +
      `${listed(table.columns)}. Name it with ${option}.`,
  );
}
