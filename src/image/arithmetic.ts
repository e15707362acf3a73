/** Pixel arithmetic with Pillow's rounding, where libvips has another. */
import { endianness } from 'node:os';

import { forSlices } from './slices.js';

/** a·b/255, rounded to the nearest, for values of 8 bits. */
function multiply(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/**
 * CMYK without a profile, as Pillow's `convert('RGB')`: `R = max(0, (255 − K) − C·(255 − K)/255)`, G from M and B from Y
 * likewise. libvips always goes through a colour profile.
 *
 * @param cmyk - 4 bytes a pixel, 0 = no ink.
 * @returns 3 bytes a pixel.
 */
export async function naiveCmykToRgb(cmyk: Uint8Array, width: number, height: number): Promise<Uint8Array> {
  const rgb = new Uint8Array(width * height * 3);
  await forSlices(width, height, (firstRow, endRow) => {
    for (let from = firstRow * width * 4, to = firstRow * width * 3; from < endRow * width * 4; from += 4, to += 3) {
      const white = 255 - (cmyk[from + 3] ?? 0);
      for (let channel = 0; channel < 3; channel++) {
        rgb[to + channel] = Math.max(0, white - multiply(cmyk[from + channel] ?? 0, white));
      }
    }
  });
  return rgb;
}

/**
 * Colours over white: `alpha·colour + (1 − alpha)·white`, rounded, as Pillow's `alpha_composite`. libvips rounds down, which
 * darkens what is half transparent.
 *
 * @param pixels - Interleaved, alpha not multiplied in; the first three channels are the colours.
 * @param layout - Channels a pixel, and which of them is alpha.
 * @returns 3 bytes a pixel.
 */
export async function flattenOnWhite(
  pixels: Uint8Array,
  width: number,
  height: number,
  { channels, alpha }: { channels: number; alpha: number },
): Promise<Uint8Array> {
  const rgb = new Uint8Array(width * height * 3);
  await forSlices(width, height, (firstRow, endRow) => {
    let from = firstRow * width * channels;
    for (let to = firstRow * width * 3; to < endRow * width * 3; from += channels, to += 3) {
      const opacity = pixels[from + alpha] ?? 0;
      for (let channel = 0; channel < 3; channel++) {
        // White less what the colour takes away from it: one product, and nothing can exceed 255.
        rgb[to + channel] = 255 - multiply(opacity, 255 - (pixels[from + channel] ?? 0));
      }
    }
  });
  return rgb;
}

/** The high byte of each 16-bit sample, in the machine's byte order. */
export async function highBytes(samples: Uint8Array, rowSamples: number, height: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(rowSamples * height);
  const first = endianness() === 'LE' ? 1 : 0;
  await forSlices(rowSamples, height, (firstRow, endRow) => {
    for (let at = firstRow * rowSamples; at < endRow * rowSamples; at++) bytes[at] = samples[2 * at + first] ?? 0;
  });
  return bytes;
}

/**
 * Spreads colours from 16..235 (black and white of video, ITU-R BT.601) to 0..255, in place.
 *
 * @param channels - Channels a pixel, 3 or 4 (alpha, which has its full range).
 */
export async function expandLimitedRange(
  pixels: Uint8Array,
  width: number,
  height: number,
  channels: number,
): Promise<void> {
  const full = Uint8ClampedArray.from({ length: 256 }, (_, level) => ((level - 16) * 255) / 219);
  await forSlices(width, height, (firstRow, endRow) => {
    for (let at = firstRow * width * channels; at < endRow * width * channels; at += channels) {
      for (let channel = 0; channel < 3; channel++) pixels[at + channel] = full[pixels[at + channel] ?? 0] ?? 0;
    }
  });
}
