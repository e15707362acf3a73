/** From what a user hands over to bytes in memory: encoded ones, or raw pixels. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';

import { HyperIQAError } from '../errors.js';
import type { ImageInput, RawImage } from '../types.js';
import { invalid, show } from '../validate.js';
import { ACCEPTED, SNIFF_BYTES, sniffFormat } from './formats.js';
import { byteLimit, checkByteLimit } from './limits.js';
import { captureRaw } from './raw.js';

/** An input that has been taken hold of. */
export interface Source {
  /** How messages name it: the path, or a description. */
  label: string;
  /** Resolves when what comes from elsewhere (streams, Blobs) is here: it is under way since it was taken hold of. */
  arrived(): Promise<void>;
  /** The bytes. Files are opened only now, so that waiting calls hold no file. */
  read(): Promise<Uint8Array | RawImage>;
  /** Gives up a stream that is still being read. */
  cancel(): void;
}

/**
 * Takes hold of an input, synchronously: memory is copied, so that the caller may reuse its buffers as soon as the call
 * has returned (decoding reads them later and from other threads), and streams are listened to, so that none of their
 * errors goes astray.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT, ERR_IMAGE_RAW_SIZE, ERR_IMAGE_TOO_LARGE
 */
export function openSource(input: ImageInput, limitInputPixels: number): Source {
  const value: unknown = input;
  if (typeof value === 'string') return fileSource(checkPath(value), limitInputPixels);
  if (value instanceof URL) return fileSource(pathOfUrl(value), limitInputPixels);
  if (types.isUint8Array(value) || types.isAnyArrayBuffer(value)) return memorySource(value, limitInputPixels);
  if (ArrayBuffer.isView(value)) {
    throw new HyperIQAError(
      'ERR_INVALID_ARGUMENT',
      `The image is ${show(value)}. Give encoded bytes as a Uint8Array or Buffer, ` +
        'and pixels as { data, width, height, channels }.',
    );
  }
  if (value instanceof Blob) return blobSource(value, limitInputPixels);
  if (isByteStream(value)) return streamSource(value, limitInputPixels);
  if (typeof value === 'object' && value !== null && 'data' in value) {
    const raw = captureRaw(value, limitInputPixels);
    return readySource(raw, `The raw image of ${raw.width}×${raw.height} pixels`);
  }
  throw invalid(
    'The image',
    'a path, a file URL, encoded bytes, a stream, a Blob or raw pixels { data, width, height, channels }',
    value,
  );
}

const nothing = () => Promise.resolve();

function readySource(content: Uint8Array | RawImage, label: string): Source {
  return { label, arrived: nothing, read: () => Promise.resolve(content), cancel: () => undefined };
}

function memorySource(bytes: Uint8Array | ArrayBuffer | SharedArrayBuffer, limitInputPixels: number): Source {
  const label = `The image in memory (${bytes.byteLength} bytes)`;
  checkByteLimit(bytes.byteLength, limitInputPixels, label);
  // new Uint8Array(typed array) copies the elements, also out of shared memory; of a buffer it would make a view.
  return readySource(new Uint8Array(types.isAnyArrayBuffer(bytes) ? new Uint8Array(bytes) : bytes), label);
}

function blobSource(blob: Blob, limitInputPixels: number): Source {
  const label = `The Blob of ${blob.size} bytes`;
  checkByteLimit(blob.size, limitInputPixels, label);
  return pendingSource(
    label,
    blob.arrayBuffer().then(
      (buffer) => new Uint8Array(buffer),
      (error: unknown) => {
        throw unreadable(label, error);
      },
    ),
  );
}

function pendingSource(label: string, bytes: Promise<Uint8Array>, cancel: () => void = () => undefined): Source {
  // Whoever waits for the bytes hears of a failure; until then nobody must call it unhandled.
  bytes.catch(() => undefined);
  return { label, arrived: () => bytes.then(nothing), read: () => bytes, cancel };
}

// ---------------------------------------------------------------------------------------------------------- files

function checkPath(path: string): string {
  if (path === '' || path.includes('\0')) throw invalid('The path of an image', 'a non-empty text without NUL', path);
  return path;
}

function pathOfUrl(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new HyperIQAError(
      'ERR_INVALID_ARGUMENT',
      `Only file: URLs are read, not ${show(url.href)}. Fetch it and hand over the response's body or bytes.`,
      { cause },
    );
  }
}

function fileSource(path: string, limitInputPixels: number): Source {
  return {
    label: path,
    arrived: nothing,
    read: () => readWholeFile(path, limitInputPixels),
    cancel: () => undefined,
  };
}

async function readWholeFile(path: string, limitInputPixels: number): Promise<Uint8Array> {
  let file: FileHandle | undefined;
  try {
    // O_NONBLOCK: opening a pipe that nobody writes to would hold a thread of libuv's pool for good.
    file = await open(path, constants.O_RDONLY | ((constants.O_NONBLOCK as number | undefined) ?? 0));
    const stat = await file.stat();
    if (stat.isDirectory()) throw new HyperIQAError('ERR_IMAGE_READ', `${path} is a folder, not an image file.`);
    if (!stat.isFile()) {
      throw new HyperIQAError('ERR_IMAGE_READ', `${path} is not a regular file. Hand it over as a stream.`);
    }
    checkByteLimit(stat.size, limitInputPixels, path);
    return await file.readFile();
  } catch (error) {
    throw error instanceof HyperIQAError ? error : fileError(path, error);
  } finally {
    // The bytes are here or the error is on its way: a failing close has nothing to add.
    await file?.close().catch(() => undefined);
  }
}

function fileError(path: string, error: unknown): HyperIQAError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== 'ENOENT' && code !== 'ENOTDIR') return unreadable(path, error);
  const hint = /^(https?|ftp|data|file|blob):/i.test(path)
    ? ' Strings are paths: hand over a URL object for a file, and the bytes or the body of anything else.'
    : '';
  return new HyperIQAError('ERR_IMAGE_NOT_FOUND', `There is no file ${path}.${hint}`, { cause: error });
}

const EXPLANATIONS: Partial<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a folder',
  ELOOP: 'too many symbolic links',
  EMFILE: 'this process has too many files open',
  ENFILE: 'the system has too many files open',
  ENAMETOOLONG: 'the name is too long',
  ESTALE: 'the file vanished from the network',
  EIO: 'the disk or network failed',
};

function unreadable(label: string, error: unknown): HyperIQAError {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const words = error instanceof Error ? error.message : String(error);
  const why = (code === undefined ? undefined : EXPLANATIONS[code]) ?? words;
  return new HyperIQAError('ERR_IMAGE_READ', `${label} cannot be read: ${why}.`, { cause: error });
}

// -------------------------------------------------------------------------------------------------------- streams

/** Node streams, web streams (the body of a `fetch`), and anything else that gives chunks asynchronously. */
function isByteStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

function streamSource(stream: AsyncIterable<unknown>, limitInputPixels: number): Source {
  const label = 'The image from a stream';
  if (stream instanceof Readable && (stream.readableEnded || stream.destroyed)) {
    throw new HyperIQAError('ERR_IMAGE_READ', `${label} cannot be read: the stream has been read or closed before.`);
  }
  const readable = toReadable(stream, label);
  return pendingSource(label, collect(readable, label, limitInputPixels), () => {
    readable.destroy();
  });
}

/** As a Node stream, which can be given up while it is waiting for its next chunk. */
function toReadable(stream: AsyncIterable<unknown>, label: string): Readable {
  if (stream instanceof Readable) return stream;
  try {
    return stream instanceof ReadableStream ? Readable.fromWeb(stream) : Readable.from(stream);
  } catch (error) {
    throw unreadable(label, error);
  }
}

/** All chunks in one piece. Leaving the loop early closes the stream. */
async function collect(stream: Readable, label: string, limitInputPixels: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  let sniffed = false;
  try {
    for await (const chunk of stream as AsyncIterable<unknown>) {
      if (!types.isUint8Array(chunk)) {
        throw new HyperIQAError(
          'ERR_INVALID_ARGUMENT',
          `${label} must give bytes, not ${show(chunk)}: set no encoding on the stream.`,
        );
      }
      size += chunk.byteLength;
      if (size > byteLimit(limitInputPixels)) checkByteLimit(size, limitInputPixels, label);
      chunks.push(chunk);
      if (!sniffed && size >= SNIFF_BYTES) {
        // Not an image: said now, not after the last of its gigabytes.
        checkFormat(Buffer.concat(chunks), label);
        sniffed = true;
      }
    }
  } catch (error) {
    throw error instanceof HyperIQAError ? error : unreadable(label, error);
  }
  return Buffer.concat(chunks);
}

/** @throws HyperIQAError ERR_IMAGE_EMPTY, ERR_IMAGE_FORMAT */
export function checkFormat(bytes: Uint8Array, label: string) {
  if (bytes.byteLength === 0) {
    throw new HyperIQAError('ERR_IMAGE_EMPTY', `${label} is empty: it has no bytes at all.`);
  }
  const found = sniffFormat(bytes);
  if (found.format !== null) return found.format;
  const what = found.looksLike ?? 'no image of a known format';
  throw new HyperIQAError('ERR_IMAGE_FORMAT', `${label} is ${what}. Accepted are ${ACCEPTED}, told by their content.`);
}
