/** Reads untrusted zip files (wheels, LibTorch archives): every entry is checked before it is written. */
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';

import { failure } from './failures.js';
import { Hashing } from '../../files/sha256.js';

/** Small files are read whole; a wheel's RECORD has a few megabytes at most. */
const LARGEST_TEXT = 64e6;
const FILE_TYPE = 0o170000;
const REGULAR = 0o100000;

/** An open zip file. Close it. */
export class Archive {
  /** Regular files by name. */
  readonly files: ReadonlyMap<string, Entry>;

  private constructor(
    private readonly zip: ZipFile,
    /** Name in messages. */
    readonly name: string,
    entries: Map<string, Entry>,
  ) {
    this.files = entries;
  }

  /**
   * Reads the table of contents.
   *
   * @throws HyperIQAError ERR_RUNTIME_ARCHIVE for what is no zip file, is cut off, or has an entry that could be written
   *   outside of the folder, is a link or a device, is encrypted, or is there twice
   */
  static async open(path: string, name: string): Promise<Archive> {
    let zip: ZipFile;
    try {
      // Names with "../..", with a drive or from the root, and sizes that differ from the table's, are refused by yauzl.
      zip = await yauzl.openPromise(path, { autoClose: false, strictFileNames: true });
    } catch (error) {
      throw damaged(name, error);
    }
    try {
      const entries = new Map<string, Entry>();
      for await (const entry of zip.eachEntry()) {
        if (entry.fileName.endsWith('/')) continue;
        refuseOdd(entry, name);
        if (entries.has(entry.fileName)) throw hostile(name, entry, 'is there twice');
        entries.set(entry.fileName, entry);
      }
      return new Archive(zip, name, entries);
    } catch (error) {
      zip.close();
      throw damaged(name, error);
    }
  }

  /** A small file as text; undefined where there is none. */
  async text(file: string): Promise<string | undefined> {
    const entry = this.files.get(file);
    if (entry === undefined) return undefined;
    if (entry.uncompressedSize > LARGEST_TEXT) throw hostile(this.name, entry, 'is too large');
    const parts: Buffer[] = [];
    try {
      await pipeline(await this.#read(entry), new Checked(entry, this.name), async (source: AsyncIterable<Buffer>) => {
        for await (const part of source) parts.push(part);
      });
    } catch (error) {
      throw damaged(this.name, error);
    }
    return Buffer.concat(parts).toString('utf8');
  }

  /**
   * Writes a file below a folder; its CRC-32 and size are checked on the way.
   *
   * @param target Path in the folder, with `/`.
   * @returns its SHA-256
   */
  async extract(
    file: string,
    folder: string,
    target: string,
    options: { signal?: AbortSignal | undefined; onBytes: (bytes: number) => void },
  ): Promise<{ sha256: string; bytes: number }> {
    const entry = this.files.get(file);
    if (entry === undefined) throw failure('ERR_RUNTIME_ARCHIVE', `${this.name} has no ${file}.`);
    const path = join(folder, ...target.split('/'));
    const inside = relative(folder, path);
    if (inside === '' || inside === '../..' || inside.startsWith(`..${sep}`)) {
      throw hostile(this.name, entry, 'points out of the folder');
    }
    await mkdir(dirname(path), { recursive: true });
    const hashing = new Hashing(options.onBytes);
    const { signal } = options;
    try {
      await pipeline(
        [
          await this.#read(entry),
          new Checked(entry, this.name),
          hashing,
          // Never onto something that is there: no link can be followed.
          createWriteStream(path, { flags: 'wx', mode: 0o644 }),
        ],
        signal ? { signal } : {},
      );
    } catch (error) {
      throw error === hashing.thrown || signal?.aborted ? error : damaged(this.name, error);
    }
    return { sha256: hashing.sha256(), bytes: hashing.bytes };
  }

  close(): void {
    this.zip.close();
  }

  async #read(entry: Entry): Promise<Readable> {
    return this.zip.openReadStreamPromise(entry);
  }
}

/** yauzl checks sizes; this checks content. */
class Checked extends Transform {
  #crc = 0;

  constructor(
    private readonly entry: Entry,
    private readonly archive: string,
  ) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: (error: null, chunk: Buffer) => void): void {
    this.#crc = crc32(chunk, this.#crc);
    done(null, chunk);
  }

  override _flush(done: (error?: Error) => void): void {
    done(
      this.#crc === this.entry.crc32
        ? undefined
        : failure('ERR_RUNTIME_ARCHIVE', `${this.archive} is damaged: the checksum of ${this.entry.fileName} differs.`),
    );
  }
}

function refuseOdd(entry: Entry, name: string): void {
  // Unix permissions and file type, where the archive was made on Unix; 0 where it was not.
  const type = (entry.externalFileAttributes >>> 16) & FILE_TYPE;
  if (type !== 0 && type !== REGULAR) throw hostile(name, entry, 'is a link or a device, not a file');
  if (entry.isEncrypted()) throw hostile(name, entry, 'is encrypted');
  if (entry.fileName.includes('\0')) throw hostile(name, entry, 'has a name that is none');
}

const hostile = (name: string, { fileName }: Entry, what: string) =>
  failure('ERR_RUNTIME_ARCHIVE', `${name} is refused: its entry ${JSON.stringify(fileName)} ${what}.`);

function damaged(name: string, error: unknown): unknown {
  if (isSystemError(error) || (error instanceof Error && error.name === 'HyperIQAError')) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return failure('ERR_RUNTIME_ARCHIVE', `${name} is no zip file, or is damaged or cut off: ${reason}.`, error);
}

/** Tells errors of the file system from those of zlib and yauzl. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
