/** CMYK to RGB as Pillow does it when it has no profile to go by. */
import { forSlices } from './slices.js';

/**
 * `R = max(0, (255 − K) − C·(255 − K)/255)` in 8-bit arithmetic, rounded as Pillow's `convert('RGB')` rounds; G from M
 * and B from Y likewise. libvips itself always converts CMYK through a colour profile.
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
        const product = (cmyk[from + channel] ?? 0) * white + 128;
        rgb[to + channel] = Math.max(0, white - (((product >> 8) + product) >> 8));
      }
    }
  });
  return rgb;
}
