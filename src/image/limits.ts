/** Refuses images that are too large to be read or decoded. */
import { HyperIQAError } from '../errors.js';

/** sharp's own default: 0x3FFF². */
export const DEFAULT_LIMIT_INPUT_PIXELS = 0x3fff ** 2;

/** Before anything is decoded: the header's size against the limit. @throws HyperIQAError ERR_IMAGE_TOO_LARGE */
export function checkPixelLimit(width: number, height: number, limitInputPixels: number, label: string): void {
  if (width * height <= limitInputPixels) return;
  throw new HyperIQAError(
    'ERR_IMAGE_TOO_LARGE',
    `${label} has ${width}×${height} = ${width * height} pixels, more than the limit of ${limitInputPixels}. ` +
      'Scale it down, or raise limitInputPixels if you trust it.',
  );
}

/** Largest Buffer that every supported Node reads in one piece. */
export const MAXIMUM_BYTES = 2 ** 31 - 1;

/**
 * Largest encoded image in bytes where nothing is said: 1 GiB, which an uncompressed photograph of 178 million pixels
 * with 16 bits a channel fits into, and not more than images within the limit on pixels can need: 8 bytes for each
 * (16-bit RGBA without compression) and 64 MiB for metadata.
 */
export function defaultByteLimit(limitInputPixels: number): number {
  return Math.min(2 ** 30, limitInputPixels * 8 + 2 ** 26);
}

/** @throws HyperIQAError ERR_IMAGE_TOO_LARGE */
export function checkByteLimit(bytes: number, limitInputBytes: number, label: string): void {
  if (bytes <= limitInputBytes) return;
  throw new HyperIQAError(
    'ERR_IMAGE_TOO_LARGE',
    `${label} has more encoded bytes than the limit of ${limitInputBytes}. ` +
      'Compress it or scale it down, or raise limitInputBytes if you trust it.',
  );
}
