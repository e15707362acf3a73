/** The mark that libjpeg leaves in a picture whose data have ended early. */
import type { JpegStream } from './prepare.js';

/** Largest difference between pixels of a flat area, levels. */
const FLAT = 3;
/** Pixels of pictures that are always suspected: their few units need not be flat, and are counted in no time. */
const SMALL = 1 << 13;

/**
 * Whether the last unit of a JPEG stream is of one middle colour, as libjpeg makes it where the data have ended: grey 128,
 * before a profile changes it. libvips does not ask whether the decoder had warnings in the last rows.
 *
 * @param pixels - Interleaved RGB of the whole image.
 * @param orientation - EXIF orientation by which they have been turned, 1..8.
 */
export function endsFlat(
  { data, width, height }: { data: Uint8Array; width: number; height: number },
  stream: JpegStream,
  orientation: number,
): boolean {
  const across = stream.right - stream.left;
  const down = stream.bottom - stream.top;
  if (stream.suspected || across * down <= SMALL) return true;
  // Colour of the units beside it reaches into it where it is enlarged.
  const columns = Math.max(1, ((across - 1) % stream.unitWidth) - 1);
  const rows = Math.max(1, ((down - 1) % stream.unitHeight) - 1);

  /** Where a stored pixel is now. */
  const place = turned(width, height, orientation);
  const at = place(stream.right - 1, stream.bottom - 1);
  const colour = [0, 1, 2].map((channel) => data[at + channel] ?? 0);
  if (Math.max(...colour) < 16 || Math.min(...colour) > 240) return false;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const other = place(stream.right - 1 - column, stream.bottom - 1 - row);
      for (let channel = 0; channel < 3; channel++) {
        if (Math.abs((data[other + channel] ?? 0) - (colour[channel] ?? 0)) > FLAT) return false;
      }
    }
  }
  return true;
}

/**
 * Byte offset of a stored pixel in an RGB image that has been turned upright.
 *
 * @param width - Of the turned image.
 * @param height - Likewise.
 */
function turned(width: number, height: number, orientation: number): (x: number, y: number) => number {
  const [right, bottom] = [width - 1, height - 1];
  const offset = (x: number, y: number) => (y * width + x) * 3;
  switch (orientation) {
    case 2:
      return (x, y) => offset(right - x, y);
    case 3:
      return (x, y) => offset(right - x, bottom - y);
    case 4:
      return (x, y) => offset(x, bottom - y);
    case 5:
      return (x, y) => offset(y, x);
    case 6:
      return (x, y) => offset(right - y, x);
    case 7:
      return (x, y) => offset(right - y, bottom - x);
    case 8:
      return (x, y) => offset(y, bottom - x);
    default:
      return offset;
  }
}
