/** Writes text in large pieces. */
import { csvLine } from 'hyperiqa/add-on';
import { columnsWith, type ColumnGroup, type Row } from '../table/table.js';
import type { ByteSink } from './format.js';

/** Characters that are collected before they are written. */
const PIECE = 1 << 20;

/** Lines on their way to a file. */
export class LineFile {
  #lines: string[];
  #length = 0;

  /** @param head - Lines that come first. */
  constructor(
    private readonly sink: ByteSink,
    head = '',
  ) {
    this.#lines = [head];
  }

  /** @param line - With its line feed. */
  async add(line: string): Promise<void> {
    this.#lines.push(line);
    this.#length += line.length;
    if (this.#length >= PIECE) await this.finish();
  }

  async finish(): Promise<void> {
    await this.sink(Buffer.from(this.#lines.join('')));
    this.#lines = [];
    this.#length = 0;
  }
}

/** Rows as the CSV of `hyperiqa score`. */
export class CsvFile {
  readonly #names: string[];
  readonly #lines: LineFile;

  constructor(sink: ByteSink, groups: ReadonlySet<ColumnGroup>) {
    this.#names = columnsWith(groups).map(([name]) => name);
    this.#lines = new LineFile(sink, csvLine(this.#names));
  }

  add(row: Row): Promise<void> {
    const cells = this.#names.map((name) => row[name]);
    return this.#lines.add(csvLine(cells.map((cell) => (typeof cell === 'boolean' ? String(cell) : cell))));
  }

  finish(): Promise<void> {
    return this.#lines.finish();
  }
}
