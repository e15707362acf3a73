/** The mark that libjpeg leaves in a picture whose data have ended early. */
import type { JpegStream } from './prepare.js';

/** Largest difference between pixels of a flat area, levels. */
const FLAT = 3;
/** Largest difference between the channels of a grey that a profile of a camera or screen has converted, levels. */
const NEUTRAL = 16;
/** Pixels of pictures that are always suspected: their few units need not be flat, and are counted in no time. */
const SMALL = 1 << 13;

/**
 * Result of decoding the grey 128: unchanged, another grey through a profile, or any colour but the lightest and darkest
 * ones (four inks of 50 %).
 */
export type Grey = 'as it was' | 'neutral' | 'any';

/**
 * Tests whether the last unit of a JPEG stream has the one colour that libjpeg fills in after the end of the data, grey
 * 128. libvips does not report warnings of the decoder in the last rows.
 *
 * @param pixels - Interleaved RGB of the whole image.
 * @param orientation - EXIF orientation by which they have been turned, 1..8.
 */
export function endsFlat(
  { data, width, height }: { data: Uint8Array; width: number; height: number },
  stream: JpegStream,
  orientation: number,
  grey: Grey,
): boolean {
  const across = stream.right - stream.left;
  const down = stream.bottom - stream.top;
  if (stream.suspected || across * down <= SMALL) return true;
  // Colour of the units beside it reaches into it where it is enlarged.
  const [columns, rows] = [((across - 1) % stream.unitWidth) - 1, ((down - 1) % stream.unitHeight) - 1];
  const coloured = columns < 1 || rows < 1;

  /** Maps a stored pixel to its place after the turn. */
  const place = turned(width, height, orientation);
  const at = place(stream.right - 1, stream.bottom - 1);
  const colour = [0, 1, 2].map((channel) => data[at + channel] ?? 0);
  const [least, most] = [Math.min(...colour), Math.max(...colour)];
  if (most < 16 || least > 240) return false;
  if (grey === 'neutral' && !coloured && most - least > NEUTRAL) return false;
  if (grey === 'as it was') {
    const [red = 0, green = 0, blue = 0] = colour;
    if (Math.abs(0.299 * red + 0.587 * green + 0.114 * blue - 128) > FLAT) return false;
    if (!coloured && most - least > 2 * FLAT) return false;
  }
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
