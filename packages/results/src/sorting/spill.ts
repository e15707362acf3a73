/** The temporary file of a sort. It has no name from the start, so that nothing is left of a process that is killed. */
import { randomUUID } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { writing } from 'hyperiqa/add-on';
import { HEAD_BYTES, itemLength } from './items.js';

/** Bytes that are written at once. */
const PIECE_BYTES = 1 << 20;

/** A sorted run of items in the file, as offsets. */
export interface Run {
  readonly start: number;
  readonly end: number;
}

/** The file, which only grows. */
export class Spill implements AsyncDisposable {
  #end = 0;
  #piece = Buffer.allocUnsafe(PIECE_BYTES);
  #used = 0;

  private constructor(
    private readonly handle: FileHandle,
    /** Path that it was made under, which failures of the system name. */
    private readonly path: string,
  ) {}

  /** @throws HyperIQAError ERR_OUTPUT */
  static async create(folder: string): Promise<Spill> {
    const path = join(folder, `.hyperiqa-${randomUUID()}.tmp`);
    return writing(`A temporary file in ${folder} cannot be written`, async () => {
      const handle = await open(path, 'wx+', 0o600);
      const spill = new Spill(handle, path);
      // Windows does not take away the name of an open file; then it goes at the end.
      await rm(path).catch(() => undefined);
      return spill;
    });
  }

  /** Appends bytes to the run that is being written. */
  async append(bytes: Buffer): Promise<void> {
    if (this.#used + bytes.length > this.#piece.length) await this.#flush();
    if (bytes.length > this.#piece.length) this.#piece = Buffer.allocUnsafe(bytes.length);
    this.#used += bytes.copy(this.#piece, this.#used);
  }

  /** Ends the run that is being written. */
  async endRun(start: number): Promise<Run> {
    await this.#flush();
    return { start, end: this.#end };
  }

  /** Offset at which the next run begins. */
  get end(): number {
    return this.#end + this.#used;
  }

  async #flush(): Promise<void> {
    await writing('The temporary file of the merge cannot be written', async () => {
      for (let done = 0; done < this.#used;) {
        const { bytesWritten } = await this.handle.write(this.#piece, done, this.#used - done, this.#end + done);
        done += bytesWritten;
      }
    });
    this.#end += this.#used;
    this.#used = 0;
  }

  /** @returns the number of bytes that were read, which is that of `target` unless the file ends before */
  async read(target: Buffer, position: number): Promise<number> {
    return writing('The temporary file of the merge cannot be read', async () => {
      let done = 0;
      while (done < target.length) {
        const { bytesRead } = await this.handle.read(target, done, target.length - done, position + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return done;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handle.close().catch(() => undefined);
    await rm(this.path, { force: true }).catch(() => undefined);
  }
}

/** Position in a run that is read from its start to its end. */
export class Cursor {
  #buffer: Buffer;
  #at = 0;
  #filled = 0;
  /** Offset in the file of what follows the buffer's content. */
  #next: number;

  constructor(
    private readonly spill: Spill,
    private readonly run: Run,
    bufferBytes: number,
  ) {
    this.#buffer = Buffer.allocUnsafe(bufferBytes);
    this.#next = run.start;
  }

  get buffer(): Buffer {
    return this.#buffer;
  }

  /** Offset of the present item in the buffer. */
  get at(): number {
    return this.#at;
  }

  /** The bytes of the present item. */
  get bytes(): Buffer {
    return this.#buffer.subarray(this.#at, this.#at + itemLength(this.#buffer, this.#at));
  }

  /** Reads the first item. */
  start(): Promise<boolean> {
    return this.#fill();
  }

  /** Goes to the next item. @returns false at the end of the run; a promise only where the file must be read */
  advance(): boolean | Promise<boolean> {
    this.#at += itemLength(this.#buffer, this.#at);
    return this.#isWhole() || this.#fill();
  }

  #isWhole(): boolean {
    const left = this.#filled - this.#at;
    return left >= HEAD_BYTES && left >= itemLength(this.#buffer, this.#at);
  }

  async #fill(): Promise<boolean> {
    this.#buffer.copy(this.#buffer, 0, this.#at, this.#filled);
    this.#filled -= this.#at;
    this.#at = 0;
    for (;;) {
      if (this.#filled >= HEAD_BYTES) this.#grow(itemLength(this.#buffer, 0));
      const wanted = Math.min(this.#buffer.length - this.#filled, this.run.end - this.#next);
      if (wanted <= 0) return this.#filled > 0;
      const read = await this.spill.read(this.#buffer.subarray(this.#filled, this.#filled + wanted), this.#next);
      this.#filled += read;
      this.#next += read;
      if (this.#isWhole()) return true;
    }
  }

  #grow(length: number): void {
    if (length <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(length);
    this.#buffer.copy(larger, 0, 0, this.#filled);
    this.#buffer = larger;
  }
}
