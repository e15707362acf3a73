/** The form of a table, and the limits of its size. */
import { HyperIQAError } from 'hyperiqa/add-on';

/** A table as text: `cells` by the position of the column; a cell that is missing is empty or not there. */
export interface Table {
  /** Name as given, for messages. */
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

/** Parts of a table that a format's reader supplies. */
export type Content = Pick<Table, 'columns' | 'rows' | 'header'>;

/** The name of the column with image names in a table without header. */
export const FILE_COLUMN = 'image_name';

/** Columns that a table may have. */
const MAX_COLUMNS = 10_000;
/** Rows × columns that a table may have: about a gigabyte of memory. */
const MAX_CELLS = 100_000_000;

export const tableError = (source: string, message: string, cause?: unknown): HyperIQAError =>
  new HyperIQAError('ERR_TABLE', `${source}${message}`, cause === undefined ? undefined : { cause });

/** @throws HyperIQAError ERR_TABLE for more rows and columns than fit into memory */
export function checkSize(source: string, rows: number, columns: number): void {
  if (columns > MAX_COLUMNS) {
    throw tableError(source, ` has ${columns} columns; a table may have ${MAX_COLUMNS.toLocaleString('en')}.`);
  }
  if (rows * columns > MAX_CELLS) {
    throw tableError(
      source,
      ` has more than ${MAX_CELLS.toLocaleString('en')} cells (${columns} columns): leave out columns that are not needed.`,
    );
  }
}
