/** Tables as people have them: CSV with any usual separator, JSON lines, a JSON array, or columns set apart by spaces. */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { readCsv } from './csv.js';
import { readJsonArray, readJsonLines } from './json.js';
import { linesOf } from './lines.js';
import { readSpaced } from './spaced.js';
import { tableError, type Content, type Table } from './table.js';

/** Source of a table: a path, a `file:` URL, or its bytes with a name for messages. */
export type TableSource = string | URL | { readonly name: string; readonly data: Uint8Array | string };

/** The name of a table as messages have it: the path, or the name that was given. */
export const sourceName = (source: TableSource): string =>
  typeof source === 'string' ? source : source instanceof URL ? fileURLToPath(source) : source.name;

const byteOrderMark = Buffer.from('\ufeff');

/**
 * Reads a table. The format is told by the content: JSON lines or an array where it begins with `{` or `[`, else CSV,
 * separated by comma, semicolon or tab, or by what a first line `sep=;` says, with a header or with two columns of names
 * and numbers without one. UTF-8, with or without byte order mark; LF, CRLF or CR. Lines of a number and a name (or a name
 * and a number) with spaces between are a table without header, too. Rows without any content are left out.
 *
 * Of JSON objects, members of objects become columns named with a dot (`provenance.seed`); arrays are left out, except that
 * records of `score --faces` get a column `faceScore`.
 *
 * @param scores - What the column of numbers is called in a table without header.
 * @throws HyperIQAError ERR_TABLE: not there, not readable, empty, not UTF-8, too large, or malformed; the message names the line
 */
export async function readTable(source: TableSource, scores: string): Promise<Table> {
  const name = sourceName(source);
  const whole = await bytesOf(source, name);
  const sha256 = createHash('sha256').update(whole).digest('hex');
  checkText(name, whole);
  const bytes = whole.subarray(0, 3).equals(byteOrderMark) ? whole.subarray(3) : whole;
  try {
    return { source: name, sha256, ...contentOf(name, bytes, scores) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STRING_TOO_LONG') throw error;
    throw tableError(name, ' has a line or a cell of more than 512 MB: it is no table.', error);
  }
}

function contentOf(name: string, bytes: Buffer, scores: string): Content {
  const [first] = linesOf(bytes, { blank: false });
  switch (first?.text.trimStart()[0]) {
    case undefined:
      throw tableError(name, ' is empty.');
    case '{':
      return readJsonLines(name, bytes);
    case '[':
      return readJsonArray(name, bytes);
    default:
      return readSpaced(bytes, scores) ?? readCsv(name, bytes, scores);
  }
}

async function bytesOf(source: TableSource, name: string): Promise<Buffer> {
  if (typeof source === 'object' && !(source instanceof URL)) {
    const { data } = source;
    return typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  }
  try {
    return await readFile(source);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'this is a folder' : message;
    throw tableError(name, ` cannot be read: ${why}.`, error);
  }
}

/** @throws HyperIQAError ERR_TABLE for what is no UTF-8 text */
function checkText(name: string, bytes: Buffer): void {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw tableError(name, ' is UTF-16: save it as UTF-8.');
  }
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) throw tableError(name, ' is a ZIP file or spreadsheet: save it as CSV.');
  if (isUtf8(bytes)) return;
  let line = 1;
  for (let start = 0, end = 0; end >= 0; start = end + 1, line++) {
    end = bytes.indexOf(0x0a, start);
    // A line feed is never part of another character.
    if (!isUtf8(bytes.subarray(start, end < 0 ? undefined : end))) break;
  }
  throw tableError(name, `, line ${line}: this is no UTF-8 text.`);
}
