/** Files: by path or file URL, or open already as a FileHandle. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

import { HyperIQAError } from '../errors.js';
import { shorten } from '../support/shorten.js';
import { sniffFormat, SNIFF_BYTES } from './formats.js';
import { checkByteLimit } from './limits.js';
import { PRESENT, type Source } from './present-source.js';
import { unreadable } from './unreadable.js';

export function fileSource(path: string, limitInputBytes: number): Source {
  const cancelled = new AbortController();
  return {
    ...PRESENT,
    label: shorten(path),
    read: () => readPath(path, limitInputBytes, cancelled.signal),
    cancel: () => {
      cancelled.abort();
    },
  };
}

/** Recognises a FileHandle by its shape, because Node.js does not export the class. */
export function isFileHandle(value: unknown): value is FileHandle {
  const { fd, read, stat } = (typeof value === 'object' && value !== null ? value : {}) as Partial<FileHandle>;
  return typeof fd === 'number' && typeof read === 'function' && typeof stat === 'function';
}

/** A file that its owner has opened and closes: read from its start, whatever its position, which stays. */
export function handleSource(handle: FileHandle, limitInputBytes: number): Source {
  const label = `The image from a FileHandle (descriptor ${handle.fd})`;
  let wanted = true;
  return {
    ...PRESENT,
    label,
    read: async () => {
      try {
        return await readHandle(handle, label, limitInputBytes, () => wanted);
      } catch (error) {
        throw error instanceof HyperIQAError ? error : unreadable(label, error);
      }
    },
    cancel: () => {
      wanted = false;
    },
  };
}

async function readPath(path: string, limitInputBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  const label = shorten(path);
  let file: FileHandle | undefined;
  try {
    // O_NONBLOCK: opening a pipe that nobody writes to would hold a thread of libuv's pool for good.
    file = await open(path, constants.O_RDONLY | ((constants.O_NONBLOCK as number | undefined) ?? 0));
    await checkFile(file, label, limitInputBytes, 'Hand it over as a stream.');
    return await file.readFile({ signal });
  } catch (error) {
    throw error instanceof HyperIQAError ? error : fileError(path, error);
  } finally {
    // The bytes are here or the error is on its way: a failing close has nothing to add.
    await file?.close().catch(() => undefined);
  }
}

/** @returns the size that the file has now, bytes */
async function checkFile(file: FileHandle, label: string, limitInputBytes: number, remedy: string): Promise<number> {
  const stat = await file.stat();
  if (stat.isDirectory()) throw new HyperIQAError('ERR_IMAGE_READ', `${label} is a folder, not an image file.`);
  if (!stat.isFile()) throw new HyperIQAError('ERR_IMAGE_READ', `${label} is not a regular file. ${remedy}`);
  checkByteLimit(stat.size, limitInputBytes, label);
  return stat.size;
}

/** Bytes of one read, between which a call can be given up. */
const PIECE_BYTES = 2 ** 24;

async function readHandle(
  handle: FileHandle,
  label: string,
  limitInputBytes: number,
  wanted: () => boolean,
): Promise<Uint8Array> {
  const size = await checkFile(handle, label, limitInputBytes, 'Hand over its createReadStream().');
  const bytes = Buffer.allocUnsafeSlow(size);
  let position = 0;
  while (position < size) {
    if (!wanted()) throw new HyperIQAError('ERR_IMAGE_READ', `${label} cannot be read: it was given up.`);
    // Read with a position: FileHandle.readFile() would begin at the handle's own and move it.
    const { bytesRead } = await handle.read(bytes, position, Math.min(size - position, PIECE_BYTES), position);
    if (bytesRead === 0) break;
    position += bytesRead;
  }
  return bytes.subarray(0, position);
}

function fileError(path: string, error: unknown): HyperIQAError {
  const label = shorten(path);
  const encoded = formatOfBase64(path);
  if (encoded !== null) {
    return new HyperIQAError(
      'ERR_INVALID_ARGUMENT',
      `The text of ${path.length} characters is no path of a file; it seems to be a ${encoded.toUpperCase()} image in ` +
        "base64. Hand over its bytes: Buffer.from(text, 'base64').",
    );
  }
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENAMETOOLONG') {
    // The system's own error, as a cause, would repeat the whole text.
    return new HyperIQAError('ERR_IMAGE_READ', `${label} cannot be read: the name is too long.`);
  }
  if (code !== 'ENOENT' && code !== 'ENOTDIR') return unreadable(label, error);
  const hint = /^(https?|ftp|file|blob):/i.test(path)
    ? ' Strings are paths: hand over a URL object for a file, and the bytes or the body of anything else.'
    : '';
  return new HyperIQAError('ERR_IMAGE_NOT_FOUND', `There is no file ${label}.${hint}`, { cause: error });
}

/** Shorter ones may be names: `/9j/` alone begins every JPEG, and is a path. */
const SHORTEST_BASE64 = 100;

/** The format of the image that a text is the base64 of, or null. */
function formatOfBase64(text: string): string | null {
  if (text.length < SHORTEST_BASE64 || !/^[A-Za-z0-9+/_\s-]+=*\s*$/.test(text)) return null;
  return sniffFormat(Buffer.from(text.slice(0, 2 * SNIFF_BYTES), 'base64').subarray(0, SNIFF_BYTES)).format;
}
