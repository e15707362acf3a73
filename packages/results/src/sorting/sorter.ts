/** Sorts more items than memory holds. */
import TinyQueue from 'tinyqueue';
import { compareItems, itemLength, readItem, writeItem, type Item } from './items.js';
import { Cursor, Spill, type Run } from './spill.js';

/** Bounds of a sort. */
export interface SorterLimits {
  /** Items that are sorted in memory at once, bytes. */
  readonly chunkBytes: number;
  /** Sorted runs that are read at once. */
  readonly runs: number;
  /** Bytes of each of them in memory. */
  readonly bufferBytes: number;
}

/** With these, a merge of 16 GB reads every item once. Memory: the chunk, or 256 buffers of 64 KB, whatever is sorted. */
const defaultLimits: SorterLimits = { chunkBytes: 64 * 2 ** 20, runs: 256, bufferBytes: 64 * 2 ** 10 };

/**
 * A sort by keys. Items are collected up to a bound, sorted and written as a run to a temporary file; at the end the runs
 * are merged, in several passes where there are very many.
 */
export class Sorter implements AsyncDisposable {
  #chunk = Buffer.alloc(0);
  #used = 0;
  #starts: number[] = [];
  #runs: Run[] = [];
  #spill: Spill | undefined;

  /** @param folder - Where the temporary file is made, if one is needed. */
  constructor(
    private readonly folder: string,
    private readonly limits: SorterLimits = defaultLimits,
  ) {}

  /** @throws HyperIQAError ERR_OUTPUT for a temporary file that cannot be written */
  async add(item: Item): Promise<void> {
    for (;;) {
      const end = writeItem(this.#chunk, this.#used, item);
      if (end !== undefined) {
        this.#starts.push(this.#used);
        this.#used = end;
        return;
      }
      await this.#makeRoom();
    }
  }

  /** The chunk grows to its bound, is then written and emptied, and grows further only for an item larger than that. */
  async #makeRoom(): Promise<void> {
    const { chunkBytes } = this.limits;
    if (this.#used > 0 && this.#chunk.length >= chunkBytes) {
      await this.#writeRun();
      return;
    }
    const bounded = Math.min(Math.max(this.#chunk.length * 2, 2 ** 16), chunkBytes);
    const larger = Buffer.allocUnsafe(bounded > this.#chunk.length ? bounded : this.#chunk.length * 2);
    this.#chunk.copy(larger, 0, 0, this.#used);
    this.#chunk = larger;
  }

  async #writeRun(): Promise<void> {
    this.#spill ??= await Spill.create(this.folder);
    const { end: start } = this.#spill;
    for (const at of this.#sorted()) {
      await this.#spill.append(this.#chunk.subarray(at, at + itemLength(this.#chunk, at)));
    }
    this.#runs.push(await this.#spill.endRun(start));
    this.#starts = [];
    this.#used = 0;
  }

  #sorted(): number[] {
    return this.#starts.sort((a, b) => compareItems(this.#chunk, a, this.#chunk, b) || a - b);
  }

  /** All items in the order of their keys' UTF-8 bytes, then of their origins. Nothing can be added afterwards. */
  async *items(): AsyncGenerator<Item, void, undefined> {
    if (this.#spill === undefined) {
      for (const at of this.#sorted()) yield readItem(this.#chunk, at);
      return;
    }
    const spill = this.#spill;
    if (this.#used > 0) await this.#writeRun();
    this.#chunk = Buffer.alloc(0);
    const { runs: most } = this.limits;
    while (this.#runs.length > most) {
      const start = spill.end;
      for await (const cursor of this.#merged(spill, this.#runs.splice(0, most))) await spill.append(cursor.bytes);
      this.#runs.push(await spill.endRun(start));
    }
    for await (const cursor of this.#merged(spill, this.#runs)) yield readItem(cursor.buffer, cursor.at);
  }

  /** The runs as one: each time the cursor whose item is next. */
  async *#merged(spill: Spill, runs: readonly Run[]): AsyncGenerator<Cursor, void, undefined> {
    const queue = new TinyQueue<Cursor>([], (a, b) => compareItems(a.buffer, a.at, b.buffer, b.at));
    for (const run of runs) {
      const cursor = new Cursor(spill, run, this.limits.bufferBytes);
      if (await cursor.start()) queue.push(cursor);
    }
    for (let cursor = queue.pop(); cursor !== undefined; cursor = queue.pop()) {
      yield cursor;
      const more = cursor.advance();
      if (typeof more === 'boolean' ? more : await more) queue.push(cursor);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spill?.[Symbol.asyncDispose]();
  }
}
