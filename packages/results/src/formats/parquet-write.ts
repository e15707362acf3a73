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
  readonly #columns: [name: string, column: Column][];
  readonly #bytes = new ByteWriter();
  readonly #writer: ParquetWriter;
  #rows: Row[] = [];

  /**
   * @param groups - Columns beside those that are always there.
   */
  constructor(
    private readonly sink: ByteSink,
    groups: ReadonlySet<ColumnGroup>,
    { run, provenance }: ResultMetadata,
    private readonly rowsPerGroup = ROWS_PER_GROUP,
  ) {
    this.#columns = columnsWith(groups);
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema: [
        { name: 'root', num_children: this.#columns.length },
        ...this.#columns.map(([name, column]) => elementOf(name, column)),
      ],
      kvMetadata: [
        ...(run === undefined ? [] : [{ key: runKey, value: run }]),
        ...(provenance.length === 0 ? [] : [{ key: provenanceKey, value: JSON.stringify(provenance) }]),
      ],
      createdBy: `hyperiqa version ${packageVersion}`,
    });
  }

  async add(row: Row): Promise<void> {
    this.#rows.push(row);
    if (this.#rows.length === this.rowsPerGroup) await this.#writeGroup();
  }

  async finish(): Promise<void> {
    if (this.#rows.length > 0) await this.#writeGroup();
    await this.#writer.finish();
    await this.#flush();
  }

  async #writeGroup(): Promise<void> {
    const columnData = this.#columns.map(([name, column]) => cellsOf(this.#rows, name, column));
    this.#rows = [];
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

function elementOf(name: string, { type }: Column): SchemaElement {
  const repetition_type = name === 'file' ? 'REQUIRED' : 'OPTIONAL';
  return type === undefined
    ? { name, type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' }, repetition_type }
    : { name, type: physical[type], repetition_type };
}

function cellsOf(rows: readonly Row[], name: string, { type }: Column): ColumnSource {
  const data = rows.map((row) => {
    const value = row[name] ?? null;
    return type === 'int64' && value !== null ? BigInt(value) : value;
  });
  return { name, data };
}
