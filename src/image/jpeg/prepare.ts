/** Examines a JPEG before it is decoded (ITU-T T.81). */
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

/** Beginnings of the application segments that decide the picture, by marker: JFIF, EXIF, colour profile, Adobe. */
const KEPT = new Map(
  Object.entries({ 0xe0: 'JFIF\0', 0xe1: 'Exif', 0xe2: 'ICC_PROFILE\0', 0xee: 'Adobe' }).map(([marker, start]) => [
    Number(marker),
    Buffer.from(start, 'latin1'),
  ]),
);
/** Limit above what any file needs: a profile has 255 segments at most. */
const KEPT_SEGMENTS = 300;

/** Makes comments of the application segments that decide nothing: libvips keeps every other one, at a hundred times its size. */
class Applications {
  #kept = 0;

  /** @param at - Where the byte of the marker lies. */
  look(file: Uint8Array, at: number, body: Uint8Array): void {
    const start = KEPT.get(file[at] ?? 0);
    const keep = this.#kept < KEPT_SEGMENTS && start?.every((byte, index) => body[index] === byte);
    if (keep) this.#kept++;
    else file[at] = MARKER.com;
  }
}

function isApplication(marker: number): boolean {
  return marker >= MARKER.app0 && marker <= MARKER.app15;
}

/**
 * Reads the segments up to the first scan, and the headers of all scans where there are several by nature. Application
 * segments that do not decide the picture become comments, in `file` itself: libvips would keep them, and one of them (MPF,
 * the index of further pictures) makes it look for a gain map, and read the picture by another decoder that tells of no
 * damage.
 *
 * @param file - A whole file, which is changed.
 * @returns The frame, and whether the end mark follows the first scan, as it does in a sound file of one scan; a kind that
 *   is not read; what is missing.
 */
export async function prepareJpeg(
  file: Uint8Array,
): Promise<{ frame: JpegFrame; ends: boolean } | { unsupported: string } | { damaged: string }> {
  const segments = new Segments(file, 2);
  const applications = new Applications();
  let frame: JpegFrame | null = null;
  let scanned: number;
  for (;;) {
    const marker = await segments.next();
    if (marker === null || marker === MARKER.eoi) return { damaged: 'it ends before its image data' };
    const other = OTHER_FRAMES[marker];
    if (other !== undefined) return { unsupported: other };
    const markerAt = segments.at - 1;
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
    if (isApplication(marker)) applications.look(file, markerAt, body);
  }
  if (frame === null) return { damaged: 'its frame header is missing' };
  if (frame.progressive || scanned < frame.components.length) {
    const picture = new Picture(false);
    const missing = await missingAfter(() => picture.read(new Segments(file, 2)), picture);
    if (picture.scans > MAXIMUM_SCANS) return { unsupported: `more than ${MAXIMUM_SCANS} scans` };
    if (missing !== null) return { damaged: missing };
  }
  const next = await segments.next();
  // Application segments may stand between and after the scans, too.
  for (
    let marker = next;
    marker !== null && marker !== MARKER.eoi && marker !== MARKER.soi;
    marker = await segments.next()
  ) {
    const markerAt = segments.at - 1;
    const body = segments.body();
    if (isApplication(marker)) applications.look(file, markerAt, body);
  }
  return { frame, ends: next === MARKER.eoi };
}
