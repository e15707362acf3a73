/** Where the output goes: standard output or a file, written so that a reader finds whole records only. */
import { constants } from 'node:fs';
import { open, realpath, stat, unlink, type FileHandle } from 'node:fs/promises';
import { HyperIQAError } from '../index.js';

export interface Sink {
  /** Resolves when the text has left the process. */
  write(text: string): Promise<void>;
  close(): Promise<void>;
}

/** The reader of standard output has gone: nothing is wrong, and nothing more is wanted. */
export class ClosedPipe extends Error {}

/** Not 'a', which ignores positions, nor 'w', which empties a file before the run is known to start. */
const writing = constants.O_WRONLY | constants.O_CREAT;

const cannot = (what: string, error: unknown) =>
  new HyperIQAError('ERR_OUTPUT', `${what}: ${(error as Error).message}`, { cause: error });

export class StdoutSink implements Sink {
  write(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      process.stdout.write(text, (error?: NodeJS.ErrnoException | null) => {
        if (!error) resolve();
        else if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED') reject(new ClosedPipe());
        else reject(cannot('Standard output cannot be written', error));
      });
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A file that only ever grows by whole records: what did not fit entirely is cut off again. */
export class FileSink implements Sink {
  #end = 0;
  #used = false;

  private constructor(
    private readonly handle: FileHandle,
    /** The file itself where the given path is a link to it. */
    readonly path: string,
    /** False for devices and pipes, which have no positions. */
    readonly regular: boolean,
    private readonly created: boolean,
  ) {}

  /**
   * Opens the file, without changing what it holds.
   *
   * @throws HyperIQAError ERR_OUTPUT
   */
  static async open(path: string): Promise<FileSink> {
    try {
      const existing = await stat(path).catch(() => undefined);
      const regular = existing?.isFile() ?? true;
      const handle = await open(path, writing, 0o666);
      return new FileSink(handle, regular ? await realpath(path) : path, regular, existing === undefined);
    } catch (error) {
      throw cannot(`The output file ${path} cannot be written`, error);
    }
  }

  /** Where the next record goes, bytes. */
  get end(): number {
    return this.#end;
  }

  /** Cuts the file off at `end`; what follows is written there. */
  async truncate(end: number): Promise<void> {
    if (this.regular) await this.#try(() => this.handle.truncate(end));
    this.#used = true;
    this.#end = end;
  }

  async write(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    try {
      let done = 0;
      while (done < bytes.length) {
        const position = this.regular ? this.#end + done : null;
        done += (await this.handle.write(bytes, done, bytes.length - done, position)).bytesWritten;
      }
      this.#end += bytes.length;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') throw new ClosedPipe();
      if (this.regular) await this.handle.truncate(this.#end).catch(() => undefined);
      throw cannot(`The output file ${this.path} cannot be written`, error);
    }
  }

  async close(): Promise<void> {
    await this.#try(async () => {
      // Some file systems report a full disk only now.
      if (this.regular) await this.handle.sync();
      await this.handle.close();
    });
  }

  /** Closes the file if it is open still. Of a run that never started, no new file stays behind. */
  async release(): Promise<void> {
    await this.handle.close().catch(() => undefined);
    if (this.created && !this.#used) await unlink(this.path).catch(() => undefined);
  }

  async #try(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      throw cannot(`The output file ${this.path} cannot be written`, error);
    }
  }
}
