/** Pictures of a report as PNG. */
import { loadSharp } from 'hyperiqa/add-on';
import type { Picture } from './types.js';

/**
 * A picture as PNG.
 *
 * @param scale - Pixels per unit of the SVG, which is 720 or 1240 wide. Default 2.
 */
export async function picturePng(picture: Picture, scale = 2): Promise<Buffer> {
  return loadSharp()(Buffer.from(picture.svg), { density: 72 * scale })
    .png({ compressionLevel: 9 })
    .toBuffer();
}
