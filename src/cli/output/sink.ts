/**
 * Destination of output: standard output, a file, a pipe or a device, written so that a reader finds whole records
 * only.
 */
import { unlink, type FileHandle } from 'node:fs/promises';
import { AtomicFile, writeWhole } from '../../files/atomic-file.js';
import { outputError, writing } from '../../files/output-error.js';
import { ClosedPipe } from './closed-pipe.js';

export interface Sink {
  /** Resolves when the text has left the process. */
  write(text: string): Promise<void>;
  close(): Promise<void>;
  /** Gives it up if it is open still. Of a run that never started, no new file stays behind. */
  release(): Promise<void>;
}

/** A sink that `--output` names. */
export interface Output extends Sink {
  /** The file itself where the given path is a link to it. */
  readonly path: string;
  /** False for devices and pipes, which have no positions. */
  readonly regular: boolean;
  /** Offset of the next record, bytes. */
  readonly end: number;
  /** Cuts a regular file off at `end`; what follows is written there. */
  truncate(end: number): Promise<void>;
  /** Puts what is written on the disk. Some file systems report a full disk only then. */
  flush(): Promise<void>;
}

/** Begins the message of a failure. */
export const cannotWrite = (path: string) => `The output file ${path} cannot be written`;

export class StdoutSink implements Sink {
  write(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      process.stdout.write(text, (error?: NodeJS.ErrnoException | null) => {
        if (!error) resolve();
        else if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED') reject(new ClosedPipe());
        else reject(outputError('Standard output cannot be written', error));
      });
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  release(): Promise<void> {
    return Promise.resolve();
  }
}

/** A regular file that only ever grows by whole records: what did not fit entirely is cut off again. */
export class FileSink implements Output {
  readonly regular = true;
  #end = 0;
  #used = false;
  #open = true;

  constructor(
    private readonly handle: FileHandle,
    readonly path: string,
    /** The file was made for this run. */
    private readonly created: boolean,
  ) {}

  get end(): number {
    return this.#end;
  }

  async truncate(end: number): Promise<void> {
    await writing(cannotWrite(this.path), () => this.handle.truncate(end));
    this.#used = true;
    this.#end = end;
  }

  async write(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    try {
      let done = 0;
      while (done < bytes.length) {
        done += (await this.handle.write(bytes, done, bytes.length - done, this.#end + done)).bytesWritten;
      }
      this.#end += bytes.length;
    } catch (error) {
      await this.handle.truncate(this.#end).catch(() => undefined);
      throw outputError(cannotWrite(this.path), error);
    }
  }

  flush(): Promise<void> {
    return writing(cannotWrite(this.path), () => this.handle.sync());
  }

  async close(): Promise<void> {
    await this.flush();
    this.#open = false;
    await writing(cannotWrite(this.path), () => this.handle.close());
  }

  async release(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    try {
      // Before the lock ends with the handle: afterwards the file may be another run's. One that ended just before this
      // one began may have left records.
      const unused = this.created && !this.#used && (await this.handle.stat()).size === 0;
      if (unused) await unlink(this.path);
    } catch {
      // Ignored: the user is to see the error that came first.
    }
    await this.handle.close().catch(() => undefined);
  }
}

/** A file that is written in one piece when the sink is closed, and is left as it was until then. */
export class WholeFileSink implements Sink {
  readonly #texts: string[] = [];

  constructor(private readonly path: string) {}

  /** @throws HyperIQAError ERR_OUTPUT where its folder cannot be written */
  async probe(): Promise<void> {
    await writing(cannotWrite(this.path), async () => {
      const probe = await AtomicFile.create(this.path);
      await probe[Symbol.asyncDispose]();
    });
  }

  write(text: string): Promise<void> {
    this.#texts.push(text);
    return Promise.resolve();
  }

  release(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return writing(cannotWrite(this.path), () => writeWhole(this.path, this.#texts.join('')));
  }
}
