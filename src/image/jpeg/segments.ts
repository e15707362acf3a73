/** The segments of a JPEG and its frame header (ITU-T T.81, annex B). */
import { Turns } from '../turns.js';

/** Bytes that begin, after 0xFF, the parts of a JPEG. */
export const MARKER = {
  sof0: 0xc0,
  sof1: 0xc1,
  sof2: 0xc2,
  dht: 0xc4,
  rst0: 0xd0,
  rst7: 0xd7,
  soi: 0xd8,
  eoi: 0xd9,
  sos: 0xda,
  dri: 0xdd,
  app0: 0xe0,
  app15: 0xef,
  com: 0xfe,
  tem: 0x01,
} as const;

/** A colour channel. */
export interface Component {
  id: number;
  /** Sampling factors. */
  h: number;
  v: number;
  /** Blocks that hold pixels, across and down: those of a scan of this component alone. */
  columns: number;
  rows: number;
}

/** Header fields that describe the picture of a JPEG. */
export interface JpegFrame {
  /** Pixels. */
  width: number;
  height: number;
  progressive: boolean;
  /** Pixels of a minimum coded unit: of a single component it is a block. */
  unitWidth: number;
  unitHeight: number;
  components: Component[];
}

/** Tests whether a marker begins the header of a Huffman-coded frame that is not lossless. */
export function isFrame(marker: number): boolean {
  return marker >= MARKER.sof0 && marker <= MARKER.sof2;
}

/** The frame of a header, null where it is damaged. */
export function frameOf(marker: number, body: Uint8Array): JpegFrame | null {
  if (body.length < 6) return null;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const [height, width, count] = [view.getUint16(1), view.getUint16(3), view.getUint8(5)];
  if (height === 0 || width === 0 || count === 0 || body.length < 6 + count * 3) return null;
  const factors = Array.from({ length: count }, (_, index) => {
    const sampling = view.getUint8(7 + index * 3);
    return { id: view.getUint8(6 + index * 3), h: sampling >> 4, v: sampling & 15 };
  });
  if (factors.some(({ h, v }) => h < 1 || h > 4 || v < 1 || v > 4)) return null;
  const largestH = Math.max(...factors.map(({ h }) => h));
  const largestV = Math.max(...factors.map(({ v }) => v));
  return {
    width,
    height,
    progressive: marker === MARKER.sof2,
    unitWidth: count === 1 ? 8 : largestH * 8,
    unitHeight: count === 1 ? 8 : largestV * 8,
    components: factors.map((factor) => ({
      ...factor,
      columns: Math.ceil(Math.ceil((width * factor.h) / largestH) / 8),
      rows: Math.ceil(Math.ceil((height * factor.v) / largestV) / 8),
    })),
  };
}

/** Marker-like bytes passed over between two looks at the clock. */
const STEPS = 4096;

/** The segments of a JPEG, one after the other. Bytes between them are skipped, as libjpeg does. */
export class Segments {
  readonly file: Uint8Array;
  readonly #turns = new Turns();
  #steps = 0;
  at: number;

  constructor(file: Uint8Array, at: number) {
    this.file = file;
    this.at = at;
  }

  /** The next marker byte, null at the end of the file. Other events run now and then, however many bytes are passed over. */
  async next(): Promise<number | null> {
    const { file } = this;
    for (;;) {
      if (++this.#steps % STEPS === 0) await this.#turns.take();
      const found = file.indexOf(0xff, this.at);
      if (found === -1) return null;
      let at = found + 1;
      while (file[at] === 0xff) at++;
      const marker = file[at];
      this.at = at + 1;
      if (marker === undefined) return null;
      if (marker !== 0 && marker !== MARKER.tem && (marker < MARKER.rst0 || marker > MARKER.rst7)) return marker;
    }
  }

  /** The bytes of the segment that the last marker began, without its length; fewer where the file ends. */
  body(): Uint8Array {
    const { file, at } = this;
    const length = ((file[at] ?? 0) << 8) | (file[at + 1] ?? 0);
    this.at = Math.min(file.length, at + Math.max(length, 2));
    return file.subarray(Math.min(at + 2, this.at), this.at);
  }
}

/** Bytes too many that may lie before a marker among the data of a scan. */
const STRAY = 1 << 20;

/** Position of the next marker byte (after its 0xFF), -1 where none is near. */
export function nextMarker(whole: Uint8Array, from: number): number {
  const file = whole.subarray(0, from + STRAY);
  for (let at = from; ;) {
    at = file.indexOf(0xff, at);
    if (at === -1) return -1;
    while (file[at] === 0xff) at++;
    if (at >= file.length) return -1;
    if (file[at] !== 0) return at;
  }
}
