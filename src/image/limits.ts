/** What is too large to be decoded. */
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
const MAXIMUM_BYTES = 2 ** 31 - 1;

/**
 * Largest encoded image in bytes: 8 for each pixel that the limit allows (16-bit RGBA without compression) and 64 MiB
 * for metadata, 2 GiB in all. It keeps an endless stream from filling the memory.
 */
export function byteLimit(limitInputPixels: number): number {
  return Math.min(MAXIMUM_BYTES, limitInputPixels * 8 + 2 ** 26);
}

/** @throws HyperIQAError ERR_IMAGE_TOO_LARGE */
export function checkByteLimit(bytes: number, limitInputPixels: number, label: string): void {
  if (bytes <= byteLimit(limitInputPixels)) return;
  throw new HyperIQAError(
    'ERR_IMAGE_TOO_LARGE',
    `${label} has more than ${byteLimit(limitInputPixels)} encoded bytes, the most that limitInputPixels of ` +
      `${limitInputPixels} allows for.`,
  );
}
