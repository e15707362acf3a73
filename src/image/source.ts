/** Turns any input into bytes in memory: encoded ones, or raw pixels. */
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';

import { HyperIQAError } from '../errors.js';
import type { ImageInput } from '../types.js';
import { invalid, show } from '../support/validate.js';
import { bytesOfDataUrl, isDataUrl } from './data-url.js';
import { fileSource, handleSource, isFileHandle } from './file-source.js';
import { ACCEPTED, sniffFormat } from './formats.js';
import { checkByteLimit } from './limits.js';
import { memorySource, readySource, type Source } from './present-source.js';
import { captureRaw } from './raw.js';
import { bodyOf, isResponse } from './response.js';
import { isFed, isSharp, sharpSource } from './sharp-source.js';
import { ByteStream, isByteStream } from './stream.js';

export type { Source } from './present-source.js';

/** Largest inputs accepted. */
export interface SourceLimits {
  limitInputPixels: number;
  /** Largest encoded input, bytes. */
  limitInputBytes: number;
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
  if (typeof value === 'string') {
    return isDataUrl(value) ? dataUrlSource(value, limitInputBytes) : fileSource(checkPath(value), limitInputBytes);
  }
  if (value instanceof URL) return urlSource(value, limitInputBytes);
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
  // Before streams: an instance of sharp is one as well, of the image encoded anew.
  if (isSharp(value)) return sharpSource(value, limitInputPixels);
  if (isResponse(value)) {
    const { stream, label } = bodyOf(value, limitInputBytes);
    return streamSource(stream, label, limitInputBytes);
  }
  if (isFileHandle(value)) return handleSource(value, limitInputBytes);
  if (isByteStream(value)) return streamSource(value, 'The image from a stream', limitInputBytes);
  if (typeof value === 'object' && value !== null && 'data' in value) {
    return isSharpOutput(value) ? sharpOutputSource(value, limits) : rawSource(value, limitInputPixels);
  }
  throw invalid(
    'The image',
    'a path, a file or data URL, encoded bytes, a stream, a Blob, a Response, a FileHandle, a sharp instance or raw pixels ' +
      '{ data, width, height, channels }',
    value,
  );
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

function checkPath(path: string): string {
  if (path === '' || path.includes('\0')) throw invalid('The path of an image', 'a non-empty text without NUL', path);
  return path;
}

function urlSource(url: URL, limitInputBytes: number): Source {
  if (url.protocol === 'data:') return dataUrlSource(url.href, limitInputBytes);
  let path;
  try {
    path = fileURLToPath(url);
  } catch (cause) {
    throw new HyperIQAError(
      'ERR_INVALID_ARGUMENT',
      `Only file: and data: URLs are read, not ${show(url.href)}. Fetch it and hand over the response or its bytes.`,
      { cause },
    );
  }
  return fileSource(path, limitInputBytes);
}

function dataUrlSource(url: string, limitInputBytes: number): Source {
  const { bytes, label } = bytesOfDataUrl(url, limitInputBytes);
  return readySource(bytes, label);
}

/** `{ data, info }`, as sharp's `toBuffer({ resolveWithObject: true })` gives it. */
function isSharpOutput(value: object): value is { data: unknown; info: { format: unknown } } {
  const { info } = value as { info?: unknown };
  return typeof info === 'object' && info !== null && 'format' in info;
}

function sharpOutputSource({ data, info }: { data: unknown; info: { format: unknown } }, limits: SourceLimits): Source {
  if (info.format === 'raw') return rawSource({ ...info, data }, limits.limitInputPixels);
  if (!types.isUint8Array(data)) throw invalid("The data of sharp's output", 'a Uint8Array', data);
  return memorySource(data, limits.limitInputBytes);
}

function rawSource(value: object, limitInputPixels: number): Source {
  const raw = captureRaw(value, limitInputPixels);
  return readySource(raw, `The raw image of ${raw.width}×${raw.height} pixels`);
}

/** Inputs that can be read again: they are not used up by being scored. */
export function isRereadable(input: unknown): boolean {
  if (typeof input === 'string' || input instanceof URL || input instanceof Blob) return true;
  if (types.isUint8Array(input) || types.isAnyArrayBuffer(input) || isFileHandle(input)) return true;
  if (isSharp(input)) return !isFed(input);
  return (
    typeof input === 'object' && input !== null && 'data' in input && ('channels' in input || isSharpOutput(input))
  );
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
