/** Pixels that are in memory already. */
import { types } from 'node:util';

import { HyperIQAError } from '../errors.js';
import type { RawImage } from '../types.js';
import { checkInteger, invalid, show } from '../support/validate.js';
import { checkPixelLimit } from './limits.js';

/**
 * A validated copy of raw pixels. The copy is made before anything is awaited: the caller may be writing the next frame
 * of a camera into the same memory while this one waits for its turn.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT, ERR_IMAGE_RAW_SIZE, ERR_IMAGE_TOO_LARGE
 */
export function captureRaw(value: object, limitInputPixels: number): RawImage {
  const { data, width, height, channels } = value as Record<string, unknown>;
  if (!types.isUint8Array(data) && !types.isUint8ClampedArray(data)) {
    throw invalid("A raw image's data", 'a Uint8Array or Uint8ClampedArray (8 bits a channel)', data);
  }
  const count = checkInteger("A raw image's channels", channels, 1, 4) as RawImage['channels'];
  if (!isSide(width) || !isSide(height)) {
    throw new HyperIQAError(
      'ERR_IMAGE_RAW_SIZE',
      `A raw image's width and height must be positive integers (pixels), not ${show(width)} and ${show(height)}.`,
    );
  }
  const label = 'The raw image';
  checkPixelLimit(width, height, limitInputPixels, label);
  if (data.length !== width * height * count) {
    throw new HyperIQAError(
      'ERR_IMAGE_RAW_SIZE',
      `The raw image has ${data.length} bytes; ${width}×${height} pixels of ${count} channels ` +
        `need exactly ${width * height * count}.`,
    );
  }
  return { data: new Uint8Array(data), width, height, channels: count };
}

function isSide(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}
