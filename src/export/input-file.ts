/** A file that is read at positions, and whose every wrong position is an error instead of garbage. */
import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';

import { HyperIQAError } from '../errors.js';
import { shorten } from '../support/shorten.js';

const PIECE = 1 << 20;

/** A file opened for reading. Nothing is allocated before it is known that the file has the bytes. */
export class InputFile implements AsyncDisposable {
  private constructor(
    readonly path: string,
    /** Bytes. */
    readonly size: number,
    private readonly handle: FileHandle,
    private readonly mtimeMs: number,
  ) {}

  /** @throws HyperIQAError ERR_CHECKPOINT_READ */
  static async open(path: string): Promise<InputFile> {
    let handle;
    try {
      handle = await open(path, 'r');
      const { size, mtimeMs } = await requireFile(path, handle);
      return new InputFile(path, size, handle, mtimeMs);
    } catch (error) {
      await handle?.close();
      throw unreadable(path, error);
    }
  }

  /** The descriptor, for libraries; it stays open as long as this object. */
  get fd(): number {
    return this.handle.fd;
  }

  /**
   * `length` bytes from `position`.
   *
   * @throws HyperIQAError ERR_CHECKPOINT_DAMAGED where the file ends before; ERR_CHECKPOINT_READ
   */
  async read(position: number, length: number): Promise<Buffer> {
    if (position < 0 || length < 0 || position + length > this.size) {
      throw damaged(this.path, `it ends at ${this.size} bytes, and ${position + length} are needed`);
    }
    // Memory of its own, so that a view of numbers on it is aligned.
    const bytes = Buffer.from(new ArrayBuffer(length));
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.handle
        .read(bytes, done, length - done, position + done)
        .catch((error: unknown) => {
          throw unreadable(this.path, error);
        });
      if (bytesRead === 0) throw changed(this.path);
      done += bytesRead;
    }
    return bytes;
  }

  /**
   * SHA-256 of the whole file, in hexadecimal digits.
   *
   * @param report - Is told the bytes done so far; what it throws ends the work.
   */
  async sha256(report: (done: number) => void): Promise<string> {
    const hash = createHash('sha256');
    for (let position = 0; position < this.size; position += PIECE) {
      hash.update(await this.read(position, Math.min(PIECE, this.size - position)));
      report(Math.min(position + PIECE, this.size));
    }
    return hash.digest('hex');
  }

  /** @throws HyperIQAError ERR_CHECKPOINT_READ where the file is no longer the one that was opened */
  async requireUnchanged(): Promise<void> {
    const { size, mtimeMs } = await this.handle.stat();
    if (size !== this.size || mtimeMs !== this.mtimeMs) throw changed(this.path);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.handle.close();
  }
}

async function requireFile(path: string, handle: FileHandle) {
  const status = await handle.stat();
  if (status.isFile()) return status;
  throw new HyperIQAError('ERR_CHECKPOINT_READ', `${shorten(path)} is not a file, so it is no checkpoint.`);
}

/** The file is of a kind that can be read, but what is in it does not hold together. */
export function damaged(path: string, reason: string, cause?: unknown): HyperIQAError {
  return new HyperIQAError(
    'ERR_CHECKPOINT_DAMAGED',
    `${shorten(path)} is damaged or incomplete: ${reason}. Get the file again.`,
    cause === undefined ? {} : { cause },
  );
}

/** The file is something else than was expected. */
export function wrongFormat(path: string, reason: string): HyperIQAError {
  return new HyperIQAError('ERR_CHECKPOINT_FORMAT', `${shorten(path)} cannot be exported: ${reason}.`);
}

const changed = (path: string) =>
  new HyperIQAError(
    'ERR_CHECKPOINT_READ',
    `${shorten(path)} was changed while it was read. Try again when it is complete.`,
  );

function unreadable(path: string, error: unknown): HyperIQAError {
  if (error instanceof HyperIQAError) return error;
  return new HyperIQAError(
    'ERR_CHECKPOINT_READ',
    `The checkpoint ${shorten(path)} cannot be read: ${shorten((error as Error).message)}`,
    {
      cause: error,
    },
  );
}
