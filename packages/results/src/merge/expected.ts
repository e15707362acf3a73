/** The images that must have a result, as a list names them. */
import { createReadStream } from 'node:fs';
import { inert, readList } from 'hyperiqa/add-on';
import type { Item } from '../sorting/items.js';
import { Sorter } from '../sorting/sorter.js';

/**
 * Compares the names of a list with those of results, both in the order of their bytes. Neither is held in memory.
 */
export class Expected implements AsyncDisposable {
  readonly #names: AsyncGenerator<Item, void, undefined>;
  #next: string | undefined;
  /** Names of the list without a result. */
  missing = 0;
  /** Results that the list does not name. */
  unexpected = 0;

  private constructor(
    private readonly sorter: Sorter,
    private readonly onMissing: (file: string) => Promise<void>,
  ) {
    this.#names = sorter.items();
  }

  /**
   * Reads the list: one name a line, or separated by NUL.
   *
   * @param folder - For a temporary file.
   * @param csv - The results are CSV, where a name that looks like a formula begins with an apostrophe.
   * @throws HyperIQAError ERR_INVALID_ARGUMENT for a file that is no list or cannot be read
   */
  static async read(
    list: string,
    folder: string,
    csv: boolean,
    onMissing: (file: string) => Promise<void>,
  ): Promise<Expected> {
    const sorter = new Sorter(folder);
    try {
      for await (const name of readList(createReadStream(list), list)) {
        await sorter.add({ key: csv ? inert(name) : name, text: '', origin: 0 });
      }
      const expected = new Expected(sorter, onMissing);
      await expected.#advance();
      return expected;
    } catch (error) {
      await sorter[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Takes the name of the next result; each later one is larger. */
  async meet(file: string): Promise<void> {
    while (this.#next !== undefined && isBefore(this.#next, file)) await this.#miss(this.#next);
    if (this.#next === file) await this.#advance();
    else this.unexpected++;
  }

  /** There are no more results. */
  async end(): Promise<void> {
    while (this.#next !== undefined) await this.#miss(this.#next);
  }

  async #miss(name: string): Promise<void> {
    this.missing++;
    await this.onMissing(name);
    await this.#advance();
  }

  /** Goes to the next name that is another one. */
  async #advance(): Promise<void> {
    const before = this.#next;
    do {
      this.#next = (await this.#names.next()).value?.key;
    } while (this.#next !== undefined && this.#next === before);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.sorter[Symbol.asyncDispose]();
  }
}

const isBefore = (a: string, b: string) => a !== b && Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
