/** SHA-256 and size of files and of what flows by. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Passes bytes on while it counts and hashes them. */
export class Hashing extends Transform {
  readonly #hash: Hash = createHash('sha256');
  bytes = 0;
  /** The error of `onBytes`, with which the pipeline rejects. */
  thrown: Error | undefined;

  constructor(private readonly onBytes: (bytes: number) => void = () => undefined) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.bytes += chunk.length;
    this.#hash.update(chunk);
    try {
      this.onBytes(chunk.length);
    } catch (error) {
      // Handed to the pipeline, because an error thrown from here would end the process.
      this.thrown = error instanceof Error ? error : new Error(String(error));
      done(this.thrown);
      return;
    }
    done(null, chunk);
  }

  /** Once all has passed: the hash in hexadecimal. */
  sha256(): string {
    return this.#hash.digest('hex');
  }
}

/**
 * SHA-256 (hexadecimal) and size of a file.
 *
 * @param options.signal - Ends the reading; the promise then rejects with an AbortError of Node.js.
 * @param options.onBytes - Is told how many bytes more were read; what it throws ends the reading.
 * @throws Error of the file system
 */
export async function hashFile(
  path: string,
  options: { signal?: AbortSignal | undefined; onBytes?: (bytes: number) => void } = {},
): Promise<{ sha256: string; bytes: number }> {
  const hashing = new Hashing(options.onBytes);
  const { signal } = options;
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hashing.resume(), ...(signal ? [{ signal }] : []));
  return { sha256: hashing.sha256(), bytes: hashing.bytes };
}

/** SHA-256 of a file in hexadecimal. @throws Error as `hashFile` does */
export async function sha256OfFile(path: string, signal?: AbortSignal): Promise<string> {
  return (await hashFile(path, { signal })).sha256;
}
