/** What is looked at in a JPEG before it is decoded (ITU-T T.81). */
import { MAXIMUM_SCANS, Picture, missingAfter } from './picture.js';
import { frameOf, isFrame, MARKER, Segments, type JpegFrame } from './segments.js';

/**
 * Frames that are no baseline, extended sequential or progressive Huffman-coded JPEG, by the byte of their marker. libjpeg
 * reads the arithmetic ones, but nothing tells where their data end early: missing bytes are zeros by definition.
 */
const OTHER_FRAMES: Partial<Record<number, string>> = {
  0xc3: 'lossless coding',
  0xc5: 'hierarchical coding',
  0xc6: 'hierarchical coding',
  0xc7: 'hierarchical coding',
  0xc9: 'arithmetic coding',
  0xca: 'arithmetic coding',
  0xcb: 'lossless arithmetic coding',
  0xcd: 'hierarchical arithmetic coding',
  0xce: 'hierarchical arithmetic coding',
  0xcf: 'hierarchical arithmetic coding',
  0xf7: 'JPEG-LS coding',
};

/**
 * Reads the segments up to the first scan, and the headers of all scans where there are several by nature. The index of
 * further pictures (MPF) is renamed, in `file` itself: it makes libvips look for a gain map, and read the picture by
 * another decoder that tells of no damage.
 *
 * @param file - A whole file, which is changed.
 * @returns The frame, and whether the end mark follows the first scan, as it does in a sound file of one scan; a kind that
 *   is not read; what is missing.
 */
export async function prepareJpeg(
  file: Uint8Array,
): Promise<{ frame: JpegFrame; ends: boolean } | { unsupported: string } | { damaged: string }> {
  const segments = new Segments(file, 2);
  let frame: JpegFrame | null = null;
  let scanned: number;
  for (;;) {
    const marker = segments.next();
    if (marker === null || marker === MARKER.eoi) return { damaged: 'it ends before its image data' };
    const other = OTHER_FRAMES[marker];
    if (other !== undefined) return { unsupported: other };
    const body = segments.body();
    if (marker === MARKER.sos) {
      scanned = body[0] ?? 0;
      break;
    }
    if (isFrame(marker) && frame === null) {
      const precision = body[0];
      if (precision !== undefined && precision !== 8) return { unsupported: `${precision} bits a sample` };
      frame = frameOf(marker, body);
    }
    // "MPF\0"; the name is all that a reader knows it by.
    const isIndex = body[0] === 0x4d && body[1] === 0x50 && body[2] === 0x46 && body[3] === 0;
    if (marker === MARKER.app2 && isIndex) body[0] = 0;
  }
  if (frame === null) return { damaged: 'its frame header is missing' };
  if (frame.progressive || scanned < frame.components.length) {
    const picture = new Picture(false);
    const missing = await missingAfter(() => picture.read(new Segments(file, 2)), picture);
    if (picture.scans > MAXIMUM_SCANS) return { unsupported: `more than ${MAXIMUM_SCANS} scans` };
    if (missing !== null) return { damaged: missing };
  }
  return { frame, ends: segments.next() === MARKER.eoi };
}
