/** Lines of a score and a file name with spaces between, such as TID2013's `mos_with_names.txt`. */
import { linesOf } from './lines.js';
import { FILE_COLUMN, type Content, type TableRow } from './table.js';

const number = String.raw`[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?`;
const name = String.raw`[^\s,;]+\.[A-Za-z]\w{2,3}`;
const scoreFirst = new RegExp(String.raw`^\s*(${number})[ \t]+(${name})\s*$`, 'i');
const nameFirst = new RegExp(String.raw`^\s*(${name})[ \t]+(${number})\s*$`, 'i');

/** The table, or nothing where the text is something else. */
export function readSpaced(bytes: Buffer, scores: string): Content | undefined {
  let pattern: RegExp | undefined;
  const rows: TableRow[] = [];
  for (const { number: line, text } of linesOf(bytes, { blank: false })) {
    pattern ??= [scoreFirst, nameFirst].find((one) => one.test(text));
    const cells = pattern?.exec(text)?.slice(1);
    if (cells === undefined) return undefined;
    rows.push({ line, cells });
  }
  const columns = pattern === scoreFirst ? [scores, FILE_COLUMN] : [FILE_COLUMN, scores];
  return { columns, rows, header: false };
}
