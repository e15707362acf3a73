/** Tables as CSV: with any usual separator, with a header, or with two columns of names and numbers without one. */
import { CsvError, parse } from 'csv-parse/sync';
import { isFileColumn, isMissing, parseNumber } from './cells.js';
import { linesOf } from './lines.js';
import { isImageName } from './names.js';
import { checkSize, FILE_COLUMN, tableError, type Content, type TableRow } from './table.js';

interface CsvRow extends TableRow {
  cells: string[];
}

/**
 * Reads a table. A first line `sep=;`, as spreadsheets write and read it, names the separator. Rows and columns at the end
 * that hold nothing are left out.
 *
 * @param scores - What the column of numbers is called where there is no header.
 * @throws HyperIQAError ERR_TABLE
 */
export function readCsv(name: string, bytes: Buffer, scores: string): Content {
  const declared = declaredDelimiter(bytes);
  const delimiter = declared?.delimiter ?? delimiterOf(bytes);
  const rows = parseRows(name, declared?.rest ?? bytes, delimiter, declared === undefined ? 0 : 1);
  const [head, ...body] = rows;
  if (head === undefined) throw tableError(name, ' is empty.');
  const bare = headerless(head.cells, scores);
  const columns = bare ?? checkHeader(name, head);
  const data = bare ? rows : body;
  for (const row of data) checkWidth(name, row, head.cells.length, columns, bare !== undefined);
  if (delimiter !== ',') readDecimalCommas(data, columns.length);
  return { columns, rows: data, header: bare === undefined };
}

function parseRows(name: string, bytes: Buffer, delimiter: string, linesBefore: number): CsvRow[] {
  const rows: CsvRow[] = [];
  let widest = 0;
  try {
    parse(bytes, {
      delimiter,
      trim: true,
      relax_column_count: true,
      record_delimiter: ['\r\n', '\n', '\r'],
      skip_empty_lines: true,
      on_record: (cells: string[], { lines }) => {
        if (cells.every((cell) => cell === '')) return null;
        rows.push({ line: lines + linesBefore, cells });
        widest = Math.max(widest, cells.length);
        checkSize(name, rows.length, widest);
        return null;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw tableError(name, `${placeOf(error, bytes, linesBefore)}: ${explainCsv(error)}`, error);
  }
  return rows;
}

/** Line and cell of a mistake. A quotation mark that is never closed is one where its row begins, not at the end. */
function placeOf(error: CsvError, bytes: Buffer, linesBefore: number): string {
  const { code, lines, bytes: at, column } = error as CsvError & { lines?: number; bytes?: number; column?: number };
  let line = lines;
  if (code === 'CSV_QUOTE_NOT_CLOSED' && at !== undefined) {
    line = 1 + [...linesOf(bytes.subarray(0, at), { blank: true })].length;
  }
  return (
    (line === undefined ? '' : `, line ${line + linesBefore}`) + (column === undefined ? '' : `, cell ${column + 1}`)
  );
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

/** The separator that a line `sep=;` before the header names, and what follows that line. */
function declaredDelimiter(bytes: Buffer): { delimiter: string; rest: Buffer } | undefined {
  const end = bytes.indexOf(bytes.includes(0x0a) ? 0x0a : 0x0d);
  if (end < 0 || end > 16) return undefined;
  const [, delimiter] = /^"?sep=([^\w\s"'.+-]|\t)"?\r?$/i.exec(bytes.toString('utf8', 0, end)) ?? [];
  return delimiter === undefined ? undefined : { delimiter, rest: bytes.subarray(end + 1) };
}

/** Lines by which the separator is chosen. */
const LINES_LOOKED_AT = 10;

/** The separator that the first lines have the same number of, else the one that the first line has most of. */
function delimiterOf(bytes: Buffer): string {
  const lines: string[] = [];
  for (const { text } of linesOf(bytes, { blank: false })) {
    lines.push(text.replace(/"[^"]*"/g, ''));
    if (lines.length === LINES_LOOKED_AT) break;
  }
  // Among equals the first wins: a comma beside a semicolon in every line is a decimal comma.
  const counted = ['\t', ';', ','].map((delimiter) => {
    const [count = 0, ...others] = lines.map((line) => line.split(delimiter).length - 1);
    return { delimiter, count, regular: count > 0 && others.every((other) => other === count) };
  });
  const regular = counted.filter((one) => one.regular);
  return (regular.length > 0 ? regular : counted).reduce((best, one) => (one.count > best.count ? one : best))
    .delimiter;
}

/** The columns of a table without header by its first row: a name and a number; undefined where that is a header. */
function headerless(cells: readonly string[], scores: string): string[] | undefined {
  if (cells.length !== 2) return undefined;
  const numeric = cells.map(
    (cell) => parseNumber(cell) !== undefined || isMissing(cell) || /^[+-]?\d+,\d+$/.test(cell),
  );
  const position = numeric.indexOf(true);
  const name = cells[1 - position];
  if (position < 0 || numeric[1 - position] === true || name === undefined) return undefined;
  // `image_name,0` is the header of a column without a name, as pandas writes it.
  if (isFileColumn(name) || (parseNumber(cells[position] ?? '') === undefined && !isImageName(name))) return undefined;
  return position === 1 ? [FILE_COLUMN, scores] : [scores, FILE_COLUMN];
}

function checkHeader(name: string, { line, cells }: CsvRow): readonly string[] {
  // Spreadsheets write columns that once held something.
  const columns = cells.slice(0, cells.findLastIndex((cell) => cell !== '') + 1);
  const empty = columns.indexOf('', 1);
  // pandas writes its index as a first column without a name; it is kept, and nothing can refer to it.
  if (empty > 0) throw tableError(name, `, line ${line}: column ${empty + 1} has no name.`);
  if (columns.some((column) => parseNumber(column) !== undefined)) {
    throw tableError(
      name,
      `, line ${line}: a header with the names of the columns is needed, not "${columns.join(', ').slice(0, 80)}" ` +
        '(only a table of image names and one number each may do without).',
    );
  }
  const seen = new Map<string, number>();
  columns.forEach((column, i) => {
    const earlier = seen.get(column);
    if (earlier !== undefined) {
      throw tableError(name, `, line ${line}: columns ${earlier + 1} and ${i + 1} have the same name, ${column}.`);
    }
    seen.set(column, i);
  });
  return columns;
}

/** @param named - How many cells the header has, with those at its end that are empty. */
function checkWidth(name: string, row: CsvRow, named: number, columns: readonly string[], bare: boolean): void {
  const { cells, line } = row;
  const tooMany = cells.length > named && cells.slice(named).some((cell) => cell !== '');
  if (tooMany || cells.length < columns.length) {
    const missing = tooMany ? '' : `: column ${columns[cells.length] ?? ''} is missing`;
    throw tableError(
      name,
      `, line ${line}: there ${cells.length === 1 ? 'is 1 cell' : `are ${cells.length} cells`}, but the ` +
        `${bare ? 'first row' : 'header'} has ${columns.length} columns${missing}.`,
    );
  }
  cells.length = columns.length;
}

/**
 * Writes decimal commas as points, in columns where nothing else can be meant: every cell is a number of this kind, and at
 * least one has a comma that cannot set thousands apart.
 */
function readDecimalCommas(rows: readonly CsvRow[], columns: number): void {
  const number = /^[+-]?\d+(?:,\d+)?(?:e[+-]?\d+)?$/i;
  for (let column = 0; column < columns; column++) {
    const cellOf = ({ cells }: CsvRow) => cells[column] ?? '';
    const certain = rows.some((row) => /^[+-]?(?:0,\d+|\d+,(?!\d{3}(?!\d))\d+)/.test(cellOf(row)));
    if (!certain || !rows.every((row) => isMissing(cellOf(row)) || number.test(cellOf(row)))) continue;
    for (const { cells } of rows) cells[column] = (cells[column] ?? '').replace(',', '.');
  }
}
