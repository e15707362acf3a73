/** Pixel arithmetic with Pillow's rounding, where libvips has another. */
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
 * @param rgba - 4 bytes a pixel, alpha not multiplied in.
 * @returns 3 bytes a pixel.
 */
export async function flattenOnWhite(rgba: Uint8Array, width: number, height: number): Promise<Uint8Array> {
  const rgb = new Uint8Array(width * height * 3);
  await forSlices(width, height, (firstRow, endRow) => {
    for (let from = firstRow * width * 4, to = firstRow * width * 3; from < endRow * width * 4; from += 4, to += 3) {
      const alpha = rgba[from + 3] ?? 0;
      for (let channel = 0; channel < 3; channel++) {
        // White less what the colour takes away from it: one product, and nothing can exceed 255.
        rgb[to + channel] = 255 - multiply(alpha, 255 - (rgba[from + channel] ?? 0));
      }
    }
  });
  return rgb;
}
