/** Writes Parquet: the table of `--format csv` with types, in row groups of a bounded number of rows. */
import { ByteWriter, ParquetWriter, type ColumnSource, type SchemaElement } from 'hyparquet-writer';
import { packageVersion, splitRun, type Column, type ScoreRecord } from 'hyperiqa/add-on';
import { columnsWith, groupsOf, rowOf, type ColumnGroup, type Row } from '../table/table.js';
import type { ByteSink } from './format.js';
import { Provenances, provenanceKey, runKey, type ResultMetadata } from './metadata.js';

/** Rows of a row group. DuckDB reads as many at once on each of its threads, and this is what it writes by itself. */
const ROWS_PER_GROUP = 122_880;

/** A Parquet file on its way. Memory holds one row group, and some kilobytes of the footer for each that is written. */
export class ParquetFile {
  readonly #columns: CellColumn[];
  readonly #bytes = new ByteWriter();
  readonly #writer: ParquetWriter;
  #rows = 0;

  /**
   * @param groups - Columns beside those that are always there.
   */
  constructor(
    private readonly sink: ByteSink,
    groups: ReadonlySet<ColumnGroup>,
    { run, provenance }: ResultMetadata,
    private readonly rowsPerGroup = ROWS_PER_GROUP,
  ) {
    this.#columns = columnsWith(groups).map(([name, column]) => new CellColumn(name, column));
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema: [{ name: 'root', num_children: this.#columns.length }, ...this.#columns.map(({ element }) => element)],
      kvMetadata: [
        ...(run === undefined ? [] : [{ key: runKey, value: run }]),
        ...(provenance.length === 0 ? [] : [{ key: provenanceKey, value: JSON.stringify(provenance) }]),
      ],
      createdBy: `hyperiqa version ${packageVersion}`,
    });
  }

  async add(row: Row): Promise<void> {
    for (const column of this.#columns) column.add(row);
    this.#rows++;
    if (this.#rows === this.rowsPerGroup) await this.#writeGroup();
  }

  async finish(): Promise<void> {
    if (this.#rows > 0) await this.#writeGroup();
    await this.#writer.finish();
    await this.#flush();
  }

  async #writeGroup(): Promise<void> {
    const columnData = this.#columns.map((column) => column.take());
    this.#rows = 0;
    await this.#writer.write({ columnData, rowGroupSize: this.rowsPerGroup });
    await this.#flush();
  }

  async #flush(): Promise<void> {
    await this.sink(this.#bytes.getBytes());
    this.#bytes.index = 0;
  }
}

/**
 * A whole Parquet file in memory, for records of which there are not too many, such as those of a chunk of work.
 *
 * @param records - As `hyperiqa score --format jsonl` has them.
 * @param metadata - What the records do not say themselves; by default, what they do.
 */
export async function encodeParquet(
  records: readonly ScoreRecord[],
  metadata: Partial<ResultMetadata> = {},
): Promise<Buffer> {
  const rows = records.map(rowOf);
  const provenances = new Provenances();
  for (const record of records) if ('provenance' in record) provenances.add(record.provenance);
  const run = records.find((record) => record.run !== undefined)?.run;
  const parts: Buffer[] = [];
  const file = new ParquetFile(
    (bytes) => {
      parts.push(Buffer.from(bytes));
      return Promise.resolve();
    },
    new Set(rows.flatMap(groupsOf)),
    { run: run === undefined ? undefined : splitRun(run).run, provenance: provenances.all, ...metadata },
  );
  for (const row of rows) await file.add(row);
  await file.finish();
  return Buffer.concat(parts);
}

const physical = { double: 'DOUBLE', int32: 'INT32', int64: 'INT64', boolean: 'BOOLEAN' } as const;

/** The cells of a column for the row group being made. */
class CellColumn {
  readonly element: SchemaElement;
  #cells: (Row[string] | bigint | null)[] = [];
  #last: Row[string];

  constructor(
    private readonly name: string,
    private readonly column: Column,
  ) {
    const { type } = column;
    const repetition_type = name === 'file' ? 'REQUIRED' : 'OPTIONAL';
    this.element =
      type === undefined
        ? { name, type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' }, repetition_type }
        : { name, type: physical[type], repetition_type };
  }

  add(row: Row): void {
    const value = row[this.name];
    // One text for all rows in which it is the same: those of a run are.
    if (value !== this.#last) this.#last = value;
    const kept = this.#last ?? null;
    this.#cells.push(this.column.type === 'int64' && kept !== null ? BigInt(kept) : kept);
  }

  /** The cells, and none from now on. */
  take(): ColumnSource {
    const data = this.#cells;
    this.#cells = [];
    return { name: this.name, data };
  }
}
