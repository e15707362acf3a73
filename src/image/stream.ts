/**
 * Streams of encoded bytes: taken hold of at the call, pulled only when there is room for their bytes. Until then they
 * are only listened to, so that a stream that breaks ends its call at once and none of its errors goes astray.
 */
import { Readable } from 'node:stream';
import { types } from 'node:util';

import { HyperIQAError } from '../errors.js';
import { show } from '../support/validate.js';
import { SNIFF_BYTES } from './formats.js';
import { checkByteLimit } from './limits.js';
import { unreadable } from './unreadable.js';

/** A stream of any kind, not read yet. */
interface Reader {
  /** Tells of a stream that breaks, also while nobody reads it. */
  watch(broken: (error: unknown) => void): void;
  /** Reads to the end. `chunk` may throw, which rejects. */
  read(chunk: (value: unknown) => void): Promise<void>;
  /** Reads no further, and closes the stream where that is right. */
  stop(): void;
}

/** Node streams, web streams (the body of a `fetch`), and anything else that gives chunks asynchronously. */
export function isByteStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** The bytes of a stream, collected when they are asked for. */
export class ByteStream {
  readonly #label: string;
  readonly #limit: number;
  readonly #checkStart: (start: Uint8Array) => void;
  readonly #reader: Reader;
  #broken: HyperIQAError | undefined;
  #tell: (error: HyperIQAError) => void = noop;
  #collected = false;
  #bytes: Promise<Uint8Array> | undefined;

  /**
   * @param limit - Largest number of bytes.
   * @param checkStart - Refuses the first bytes by throwing.
   * @throws HyperIQAError ERR_IMAGE_READ for a stream that was read or closed before, or is locked
   */
  constructor(stream: AsyncIterable<unknown>, label: string, limit: number, checkStart: (start: Uint8Array) => void) {
    this.#label = label;
    this.#limit = limit;
    this.#checkStart = checkStart;
    this.#reader = openReader(stream, label);
    this.#reader.watch((error) => {
      this.#break(unreadable(label, error));
    });
  }

  /** Calls back, at once where it has happened already, when the stream breaks off or is given up. */
  onBroken(tell: (error: HyperIQAError) => void): void {
    this.#tell = tell;
    if (this.#broken !== undefined) tell(this.#broken);
  }

  /** Collects the bytes. @throws HyperIQAError as `read` */
  async arrived(): Promise<void> {
    await (this.#bytes ??= this.#collect());
  }

  /**
   * Collects all bytes in one piece; they are not kept, so it can be called once.
   *
   * @throws HyperIQAError ERR_IMAGE_READ, ERR_IMAGE_FORMAT, ERR_IMAGE_TOO_LARGE, ERR_INVALID_ARGUMENT (other chunks than
   *   bytes)
   */
  read(): Promise<Uint8Array> {
    const bytes = this.#bytes ?? this.#collect();
    this.#bytes = undefined;
    return bytes;
  }

  /** Gives the stream up; a collection that is under way rejects. */
  cancel(): void {
    this.#break(new HyperIQAError('ERR_IMAGE_READ', `${this.#label} cannot be read: it was given up.`));
  }

  async #collect(): Promise<Uint8Array> {
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#collected) throw new HyperIQAError('ERR_INTERNAL', `${this.#label} was read twice.`);
    this.#collected = true;
    const pieces = new Pieces();
    let started = false;
    const broken = new Promise<never>((_, reject) => {
      const tellCall = this.#tell;
      this.#tell = (error) => {
        reject(error);
        tellCall(error);
      };
    });
    const reading = this.#reader.read((chunk) => {
      if (!types.isUint8Array(chunk)) {
        throw new HyperIQAError(
          'ERR_INVALID_ARGUMENT',
          `${this.#label} must give bytes, not ${show(chunk)}: set no encoding on the stream.`,
        );
      }
      checkByteLimit(pieces.size + chunk.byteLength, this.#limit, this.#label);
      pieces.add(chunk);
      if (started || pieces.size < SNIFF_BYTES) return;
      // A stream that is no image is refused now, not after the last of its gigabytes.
      this.#checkStart(pieces.joined());
      started = true;
    });
    try {
      await Promise.race([reading, broken]);
    } catch (error) {
      // The collection tells how it ended; that the stream is closed afterwards means nothing.
      this.#tell = noop;
      this.#reader.stop();
      throw error instanceof HyperIQAError ? error : unreadable(this.#label, error);
    }
    this.#tell = noop;
    const whole = pieces.joined();
    // The stream's listeners live as long as the call, and hold the pieces.
    pieces.clear();
    return whole;
  }

  #break(error: HyperIQAError): void {
    if (this.#broken !== undefined) return;
    this.#broken = error;
    this.#reader.stop();
    this.#tell(error);
  }
}

const noop = () => undefined;

/** Smaller chunks are put together: an upload of single bytes would take a hundred times its size. */
const PIECE_BYTES = 2 ** 16;

/** The chunks of a stream, in order. */
class Pieces {
  size = 0;
  #large: Uint8Array[] = [];
  #small: Uint8Array[] = [];
  #smallSize = 0;

  add(chunk: Uint8Array): void {
    // An empty one has nothing but the memory that it takes.
    if (chunk.byteLength === 0) return;
    this.size += chunk.byteLength;
    this.#small.push(chunk);
    this.#smallSize += chunk.byteLength;
    if (this.#smallSize < PIECE_BYTES) return;
    this.#large.push(this.#small.length === 1 ? chunk : Buffer.concat(this.#small));
    this.#small = [];
    this.#smallSize = 0;
  }

  /** All bytes in one piece, copied. */
  joined(): Uint8Array {
    return Buffer.concat([...this.#large, ...this.#small]);
  }

  clear(): void {
    this.#large = [];
    this.#small = [];
  }
}

/** @throws HyperIQAError ERR_IMAGE_READ */
function openReader(stream: AsyncIterable<unknown>, label: string): Reader {
  try {
    if (stream instanceof Readable) return nodeReader(stream);
    return stream instanceof ReadableStream ? webReader(stream) : nodeReader(Readable.from(stream));
  } catch (error) {
    throw unreadable(label, error);
  }
}

/**
 * A request that Node's http or http2 server has received. Destroying it would cut the line that its answer takes, so it
 * is left unread.
 */
function isRequest(stream: Readable): boolean {
  const { method, headers } = stream as { method?: unknown; headers?: unknown };
  return typeof method === 'string' && typeof headers === 'object';
}

function nodeReader(stream: Readable): Reader {
  if (stream.readableEnded || stream.destroyed) {
    throw stream.errored ?? new Error('the stream has been read or closed before');
  }
  // A listener of the caller has started the stream; data that flow on before the collection would be lost.
  if (stream.readableFlowing) stream.pause();
  let pump: () => void = noop;
  const stopReading = () => {
    stream.off('readable', pump);
  };
  return {
    watch(broken) {
      stream.on('error', broken);
      stream.once('close', () => {
        if (!stream.readableEnded) broken(new Error('it was closed before its end'));
      });
    },
    read: (chunk) =>
      new Promise((resolve, reject) => {
        pump = () => {
          try {
            for (let value: unknown = stream.read(); value !== null; value = stream.read()) chunk(value);
          } catch (error) {
            // Stop at once: a source that is always ready would call again before the rejection is handled.
            stopReading();
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        };
        stream.once('end', resolve);
        stream.on('readable', pump);
      }),
    stop() {
      stopReading();
      if (!isRequest(stream)) stream.destroy();
    },
  };
}

function webReader(stream: ReadableStream<unknown>): Reader {
  const reader = stream.getReader();
  return {
    watch(broken) {
      reader.closed.catch(broken);
    },
    async read(chunk) {
      for (let result = await reader.read(); !result.done; result = await reader.read()) chunk(result.value);
    },
    stop() {
      // A source that cannot be closed is of no more interest.
      reader.cancel().catch(() => undefined);
    },
  };
}
