/** From what a user hands over to bytes in memory: encoded ones, or raw pixels. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';

import { HyperIQAError } from '../errors.js';
import type { ImageInput, RawImage } from '../types.js';
import { invalid, show } from '../support/validate.js';
import { ACCEPTED, sniffFormat } from './formats.js';
import { checkByteLimit } from './limits.js';
import { captureRaw } from './raw.js';
import { ByteStream, isByteStream } from './stream.js';
import { unreadable } from './unreadable.js';

/** Largest inputs accepted. */
export interface SourceLimits {
  limitInputPixels: number;
  /** Of what is encoded. */
  limitInputBytes: number;
}

/** An input that has been taken hold of. */
export interface Source {
  /** How messages name it: the path, or a description. */
  label: string;
  /** The bytes come from elsewhere (streams, Blobs): they are to be collected before there is anything to read. */
  arrives: boolean;
  /** Collects what arrives. */
  arrived(): Promise<void>;
  /** The bytes, once: they are not kept here. Files are opened only now, so that waiting calls hold no file. */
  read(): Promise<Uint8Array | RawImage>;
  /** Calls back when what is to arrive breaks off, also while it waits to be collected. */
  onBroken(tell: (error: HyperIQAError) => void): void;
  /** Gives up what is being collected or read. */
  cancel(): void;
}

/**
 * Takes hold of an input, synchronously: memory is copied, so that the caller may reuse its buffers as soon as the call
 * has returned (decoding reads them later and from other threads), and streams are listened to, so that none of their
 * errors goes astray.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT, ERR_IMAGE_RAW_SIZE, ERR_IMAGE_TOO_LARGE, ERR_IMAGE_READ
 */
export function openSource(input: ImageInput, limits: SourceLimits): Source {
  const value: unknown = input;
  const { limitInputPixels, limitInputBytes } = limits;
  if (typeof value === 'string') return fileSource(checkPath(value), limitInputBytes);
  if (value instanceof URL) return fileSource(pathOfUrl(value), limitInputBytes);
  if (types.isUint8Array(value) || types.isAnyArrayBuffer(value)) return memorySource(value, limitInputBytes);
  if (ArrayBuffer.isView(value)) {
    throw new HyperIQAError(
      'ERR_INVALID_ARGUMENT',
      `The image is ${show(value)}. Give encoded bytes as a Uint8Array or Buffer, ` +
        'and pixels as { data, width, height, channels }.',
    );
  }
  if (value instanceof Blob) {
    const label = `The Blob of ${value.size} bytes`;
    checkByteLimit(value.size, limitInputBytes, label);
    return streamSource(value.stream(), label, limitInputBytes);
  }
  if (isByteStream(value)) return streamSource(value, 'The image from a stream', limitInputBytes);
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

/** What is here, or can be read at any time. */
const PRESENT = { arrives: false, arrived: nothing, onBroken: () => undefined } as const;

function readySource(content: Uint8Array | RawImage, label: string): Source {
  let kept: Uint8Array | RawImage | undefined = content;
  return {
    ...PRESENT,
    label,
    read: () => {
      const handedOver = kept;
      kept = undefined;
      if (handedOver !== undefined) return Promise.resolve(handedOver);
      return Promise.reject(new HyperIQAError('ERR_INTERNAL', `${label} was read twice, or given up.`));
    },
    cancel: () => {
      kept = undefined;
    },
  };
}

function memorySource(bytes: Uint8Array | ArrayBuffer | SharedArrayBuffer, limitInputBytes: number): Source {
  const label = `The image in memory (${bytes.byteLength} bytes)`;
  checkByteLimit(bytes.byteLength, limitInputBytes, label);
  // new Uint8Array(typed array) copies the elements, also out of shared memory; of a buffer it would make a view.
  return readySource(new Uint8Array(types.isAnyArrayBuffer(bytes) ? new Uint8Array(bytes) : bytes), label);
}

function streamSource(stream: AsyncIterable<unknown>, label: string, limitInputBytes: number): Source {
  const bytes = new ByteStream(stream, label, limitInputBytes, (start) => checkFormat(start, label));
  return {
    label,
    arrives: true,
    arrived: () => bytes.arrived(),
    read: () => bytes.read(),
    onBroken: (tell) => {
      bytes.onBroken(tell);
    },
    cancel: () => {
      bytes.cancel();
    },
  };
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

function fileSource(path: string, limitInputBytes: number): Source {
  const cancelled = new AbortController();
  return {
    ...PRESENT,
    label: path,
    read: () => readWholeFile(path, limitInputBytes, cancelled.signal),
    cancel: () => {
      cancelled.abort();
    },
  };
}

async function readWholeFile(path: string, limitInputBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  let file: FileHandle | undefined;
  try {
    // O_NONBLOCK: opening a pipe that nobody writes to would hold a thread of libuv's pool for good.
    file = await open(path, constants.O_RDONLY | ((constants.O_NONBLOCK as number | undefined) ?? 0));
    const stat = await file.stat();
    if (stat.isDirectory()) throw new HyperIQAError('ERR_IMAGE_READ', `${path} is a folder, not an image file.`);
    if (!stat.isFile()) {
      throw new HyperIQAError('ERR_IMAGE_READ', `${path} is not a regular file. Hand it over as a stream.`);
    }
    checkByteLimit(stat.size, limitInputBytes, path);
    return await file.readFile({ signal });
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
