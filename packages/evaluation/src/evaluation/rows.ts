/** Rows whose columns are looked up when they are asked for: a table may have a million rows of forty columns. */
import { fieldsOf } from './cells.js';
import type { MatchedBy } from './names.js';
import type { Table, TableRow } from './table.js';
import type { HumanRow, PredictionRow, RatedImage } from './types.js';

type Fields = Readonly<Record<string, string>>;

/** A row of a table. */
abstract class RowOfTable {
  readonly #table: Table;
  readonly #row: TableRow;
  readonly line: number;

  constructor(
    table: Table,
    row: TableRow,
    readonly file: string,
  ) {
    this.#table = table;
    this.#row = row;
    this.line = row.line;
  }

  get fields(): Fields {
    return fieldsOf(this.#table, this.#row);
  }

  toJSON(): object {
    return Object.assign({}, this, { fields: this.fields });
  }
}

/** A prediction in a table. */
export class PredictionOfTable extends RowOfTable implements PredictionRow {
  readonly source: string;

  constructor(
    table: Table,
    row: TableRow,
    file: string,
    readonly scores: readonly (number | null)[],
  ) {
    super(table, row, file);
    this.source = table.source;
  }
}

/** A human score in a table. */
export class HumanScoreOfTable extends RowOfTable implements HumanRow {
  constructor(
    table: Table,
    row: TableRow,
    file: string,
    readonly score: number | null,
    readonly deviation: number | null,
    readonly opinions: number | null,
  ) {
    super(table, row, file);
  }
}

/** An image with a human score and the predictions of one or several tables. */
export class JoinedImage implements RatedImage {
  readonly #human: HumanRow;
  readonly #rows: PredictionRow[];
  readonly file: string;
  readonly humanFile: string;
  readonly deviation: number | null;
  readonly opinions: number | null;

  /** @param scores - Of all predictors; those of the rows are filled in by the caller. */
  constructor(
    human: HumanRow,
    readonly mos: number,
    readonly matchedBy: MatchedBy,
    first: PredictionRow,
    readonly scores: (number | null)[],
  ) {
    this.#human = human;
    this.#rows = [first];
    this.file = first.file;
    this.humanFile = human.file;
    this.deviation = human.deviation;
    this.opinions = human.opinions;
  }

  /** Adds the row of another table. */
  add(row: PredictionRow): void {
    this.#rows.push(row);
  }

  get fields(): Fields {
    const tables = [this.#human, ...this.#rows].reverse();
    return Object.fromEntries(tables.flatMap(({ fields }) => Object.entries(fields)));
  }

  toJSON(): object {
    return Object.assign({}, this, { fields: this.fields });
  }
}
