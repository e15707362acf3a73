/**
 * The frame of a JPEG (ITU-T T.81) and the completeness of its data. libjpeg fills up what is missing with grey or leaves a
 * progressive picture blurred, and says so in warnings that also tell of harmless extra bytes; here the Huffman codes are
 * counted, without computing a pixel, which settles whether every block of the picture is there.
 */
import { setImmediate } from 'node:timers/promises';

/** Bytes that begin, after 0xFF, the parts of a JPEG. */
const MARKER = {
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
  app2: 0xe2,
  tem: 0x01,
} as const;

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

interface Component {
  id: number;
  /** Sampling factors. */
  h: number;
  v: number;
  /** Blocks that hold pixels, across and down: those of a scan of this component alone. */
  columns: number;
  rows: number;
}

/** What a JPEG says of its picture. */
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

/** More scans than encoders write: each costs as much as the whole picture, and a few bytes make one. */
const MAXIMUM_SCANS = 500;

/**
 * Reads the segments up to the first scan, and the headers of all scans where there are several by nature. The index of
 * further pictures (MPF) is renamed, in `file` itself: it makes libvips look for a gain map, and read the picture by
 * another decoder that tells of no damage.
 *
 * @param file - A whole file, which is changed.
 * @returns The frame; a kind that is not read; what is missing.
 */
export async function prepareJpeg(
  file: Uint8Array,
): Promise<{ frame: JpegFrame } | { unsupported: string } | { damaged: string }> {
  const segments = new Segments(file, 2);
  let frame: JpegFrame | null = null;
  for (;;) {
    const marker = segments.next();
    if (marker === null || marker === MARKER.eoi) return { damaged: 'it ends before its image data' };
    const other = OTHER_FRAMES[marker];
    if (other !== undefined) return { unsupported: other };
    const body = segments.body();
    if (marker === MARKER.sos) break;
    if (isFrame(marker) && frame === null) {
      const precision = body[0];
      if (precision !== undefined && precision !== 8) return { unsupported: `${precision} bits a sample` };
      frame = frameOf(marker, body);
    }
    // "MPF\0"; the name is all that a reader knows it by.
    if (marker === MARKER.app2 && body[0] === 0x4d && body[1] === 0x50 && body[2] === 0x46 && body[3] === 0) body[0] = 0;
  }
  if (frame === null) return { damaged: 'its frame header is missing' };
  if (frame.progressive) {
    const picture = new Picture(false);
    const missing = await told(() => picture.read(new Segments(file, 2)), picture);
    if (picture.scans > MAXIMUM_SCANS) return { unsupported: `more than ${MAXIMUM_SCANS} scans` };
    if (missing !== null) return { damaged: missing };
  }
  return { frame };
}

function isFrame(marker: number): boolean {
  return marker >= MARKER.sof0 && marker <= MARKER.sof2;
}

function frameOf(marker: number, body: Uint8Array): JpegFrame | null {
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

/** The segments of a JPEG, one after the other. Bytes between them are skipped, as libjpeg does. */
class Segments {
  readonly file: Uint8Array;
  at: number;

  constructor(file: Uint8Array, at: number) {
    this.file = file;
    this.at = at;
  }

  /** The next marker byte, null at the end of the file. */
  next(): number | null {
    const { file } = this;
    for (;;) {
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

// ------------------------------------------------------------------------------------------------------- counting

/** Ends the counting: the text says what is missing. */
class Missing extends Error {}

/** Lets other events run, now and then. */
class Turns {
  #ends = performance.now() + TURN;

  async take(): Promise<void> {
    if (performance.now() < this.#ends) return;
    await setImmediate();
    this.#ends = performance.now() + TURN;
  }
}

/** Time between two turns of the event loop, milliseconds. */
const TURN = 4;

/**
 * Whether the entropy-coded data of a JPEG cover the whole picture: every block of every component, to full precision
 * where they come in several scans, with codes that exist and restart markers in order. Extra bytes between segments,
 * before markers and after the picture are no matter.
 *
 * @param tables - Segments that precede the file's own: the shared tables of a TIFF.
 * @returns What is missing; null for nothing.
 */
export async function missingData(file: Uint8Array, tables?: Uint8Array): Promise<string | null> {
  const picture = new Picture(true);
  return told(async () => {
    if (tables !== undefined) await picture.read(new Segments(tables, 2));
    await picture.read(new Segments(file, 2));
  }, picture);
}

/** What is missing of a picture after it was read. */
async function told(read: () => Promise<void>, picture: Picture): Promise<string | null> {
  try {
    await read();
    return picture.missing();
  } catch (error) {
    if (error instanceof Missing) return error.message;
    throw error;
  }
}

/** A scan: its components, the band of coefficients (zigzag order), and the bits of successive approximation. */
interface Scan {
  parts: { plane: Plane; dc: HuffmanTable | undefined; ac: HuffmanTable | undefined }[];
  first: number;
  last: number;
  /** Bit of the coefficients before and after the scan; `high` 0: it is their first. */
  high: number;
  low: number;
}

/** A component and what of it has come. */
interface Plane extends Component {
  /** The lowest bit that has come of each coefficient, in zigzag order; -1 where nothing has. */
  bits: Int8Array;
  /** Progressive only: one bit for each coefficient that is not zero, two words a block. */
  known: Uint32Array;
  /** Blocks in a row of `known`, padding of the last unit included. */
  stride: number;
}

class Picture {
  /** Scans begun. */
  scans = 0;
  /** Whether to count blocks, and not to believe the headers of scans alone. */
  readonly #counting: boolean;
  #frame: JpegFrame | null = null;
  #planes: Plane[] = [];
  readonly #dc: HuffmanTable[] = [];
  readonly #ac: HuffmanTable[] = [];
  #interval = 0;

  constructor(counting: boolean) {
    this.#counting = counting;
  }

  async read(segments: Segments): Promise<void> {
    const turns = new Turns();
    for (;;) {
      await turns.take();
      const marker = segments.next();
      if (marker === null || marker === MARKER.eoi) return;
      if (marker === MARKER.soi) {
        // Another picture begins before this one has its data.
        if (this.#frame !== null) return;
        continue;
      }
      const body = segments.body();
      if (isFrame(marker) && this.#frame === null) this.#begin(frameOf(marker, body));
      else if (marker === MARKER.dht) this.#readTables(body);
      else if (marker === MARKER.dri) this.#interval = ((body[0] ?? 0) << 8) | (body[1] ?? 0);
      else if (marker === MARKER.sos) {
        if (this.#frame === null) throw new Missing('its frame header is missing');
        if (++this.scans > MAXIMUM_SCANS) return;
        await this.#readScan(body, segments);
        if (this.missing() === null) return;
      }
    }
  }

  #begin(frame: JpegFrame | null): void {
    if (frame === null) throw new Missing('its frame header is damaged');
    this.#frame = frame;
    const unitsAcross = Math.ceil(frame.width / frame.unitWidth);
    const unitsDown = Math.ceil(frame.height / frame.unitHeight);
    this.#planes = frame.components.map((component) => {
      const stride = unitsAcross * component.h;
      const blocks = frame.progressive && this.#counting ? stride * unitsDown * component.v : 0;
      return { ...component, stride, bits: new Int8Array(64).fill(-1), known: new Uint32Array(blocks * 2) };
    });
  }

  #readTables(body: Uint8Array): void {
    for (let at = 0; at + 17 <= body.length;) {
      const [kind, index] = [(body[at] ?? 0) >> 4, (body[at] ?? 0) & 3];
      const counts = body.subarray(at + 1, at + 17);
      const symbols = counts.reduce((sum, count) => sum + count, 0);
      at += 17 + symbols;
      if (symbols > 256 || at > body.length) throw new Missing('a Huffman table is damaged');
      (kind === 0 ? this.#dc : this.#ac)[index] = new HuffmanTable(counts, body.subarray(at - symbols, at));
    }
  }

  /** What the scans so far leave open, null for nothing. */
  missing(): string | null {
    const frame = this.#frame;
    if (frame === null) return 'its frame header is missing';
    if (this.#planes.some(({ bits }) => bits[0] === -1)) return 'the data of a colour channel are missing';
    if (this.#planes.some(({ bits }) => bits.some((bit) => bit !== 0))) return 'its last scans are missing';
    return null;
  }

  async #readScan(body: Uint8Array, segments: Segments): Promise<void> {
    const frame = this.#frame;
    const damaged = new Missing('the header of a scan is damaged');
    const count = body[0] ?? 0;
    if (frame === null || count < 1 || count > 4 || body.length < 4 + 2 * count) throw damaged;
    const parts = Array.from({ length: count }, (_, index) => {
      const plane = this.#planes.find(({ id }) => id === body[1 + 2 * index]);
      if (plane === undefined) throw damaged;
      const selector = body[2 + 2 * index] ?? 0;
      return { plane, dc: this.#dc[selector >> 4], ac: this.#ac[selector & 15] };
    });
    const tail = body.subarray(1 + 2 * count);
    const approximation = tail[2] ?? 0;
    // Phones write odd values into the header of a sequential scan, where they have no meaning.
    const scan: Scan = frame.progressive
      ? { parts, first: tail[0] ?? 0, last: tail[1] ?? 0, high: approximation >> 4, low: approximation & 15 }
      : { parts, first: 0, last: 63, high: 0, low: 0 };
    if (scan.last > 63 || scan.first > scan.last) throw damaged;
    if (frame.progressive && (scan.first > 0 ? count > 1 : scan.last > 0)) throw damaged;

    if (this.#counting) {
      const reader = new BitReader(segments.file, segments.at);
      await this.#countBlocks(frame, scan, reader);
      segments.at = reader.position();
    }
    for (const { plane } of parts) plane.bits.fill(scan.low, scan.first, scan.last + 1);
  }

  async #countBlocks(frame: JpegFrame, scan: Scan, reader: BitReader): Promise<void> {
    const decoder = new BlockDecoder(reader, frame.progressive, scan);
    const [only] = scan.parts;
    const alone = scan.parts.length === 1 && only !== undefined;
    const across = alone ? only.plane.columns : Math.ceil(frame.width / frame.unitWidth);
    const down = alone ? only.plane.rows : Math.ceil(frame.height / frame.unitHeight);
    const turns = new Turns();
    let toRestart = this.#interval;
    for (let row = 0, restarts = 0; row < down; row++) {
      await turns.take();
      for (let column = 0; column < across; column++) {
        if (this.#interval > 0 && toRestart-- === 0) {
          if (!reader.restart(restarts++ & 7)) throw ended(row, down, 'a restart marker is missing');
          decoder.restart();
          toRestart = this.#interval - 1;
        }
        const fault = alone ? decoder.block(only, row * only.plane.stride + column) : decoder.unit(column, row);
        if (fault !== null) throw ended(row, down, fault);
      }
    }
  }
}

function ended(row: number, rows: number, why: string): Missing {
  return new Missing(`${why} after ${Math.floor((100 * row) / rows)} % of the rows`);
}

/** Bits that are looked up at once. */
const LOOKAHEAD = 9;

/** A Huffman code of T.81 annex C. */
class HuffmanTable {
  /** By the next bits: length << 8 | symbol; 0 where the code is longer. */
  readonly short = new Uint16Array(1 << LOOKAHEAD);
  readonly symbols: Uint8Array;
  /** By length: codes below it, left-aligned to 16 bits, are of this length at most. */
  readonly limits = new Uint32Array(17);
  /** By length: what to add to a code to find its symbol. */
  readonly offsets = new Int32Array(17);

  constructor(counts: Uint8Array, symbols: Uint8Array) {
    this.symbols = symbols.slice();
    let code = 0;
    let index = 0;
    for (let length = 1; length <= 16; length++) {
      const count = counts[length - 1] ?? 0;
      this.offsets[length] = index - code;
      if (code + count > 1 << length) throw new Missing('a Huffman table is damaged');
      for (let of = 0; of < count; of++, code++, index++) {
        if (length > LOOKAHEAD) continue;
        const first = code << (LOOKAHEAD - length);
        this.short.fill((length << 8) | (symbols[index] ?? 0), first, first + (1 << (LOOKAHEAD - length)));
      }
      this.limits[length] = code << (16 - length);
      code <<= 1;
    }
  }
}

/** Entropy-coded bits, most significant first, without the stuffed zero bytes. After a marker come zeros. */
class BitReader {
  readonly #file: Uint8Array;
  #at: number;
  /** The next `#count` bits, in its low end. */
  #bits = 0;
  #count = 0;
  /** How many of these are made up. */
  #made = 0;

  constructor(file: Uint8Array, at: number) {
    this.#file = file;
    this.#at = at;
  }

  #fill(): void {
    const file = this.#file;
    while (this.#count <= 24) {
      let byte = file[this.#at];
      if (byte === undefined) {
        byte = 0;
        this.#made += 8;
      } else if (byte !== 0xff) {
        this.#at++;
      } else {
        let next = this.#at + 1;
        while (file[next] === 0xff) next++;
        if (file[next] === 0) {
          this.#at = next + 1;
        } else {
          byte = 0;
          this.#made += 8;
        }
      }
      this.#bits = (this.#bits << 8) | byte;
      this.#count += 8;
    }
  }

  /** Whether bits were taken that the data do not hold. */
  get ended(): boolean {
    return this.#count < this.#made;
  }

  /** The next symbol, -1 where the bits are no code. */
  symbol(table: HuffmanTable): number {
    if (this.#count < 16) this.#fill();
    const next = (this.#bits >>> (this.#count - 16)) & 0xffff;
    const entry = table.short[next >> (16 - LOOKAHEAD)] ?? 0;
    if (entry !== 0) {
      this.#count -= entry >> 8;
      return entry & 255;
    }
    for (let length = LOOKAHEAD + 1; length <= 16; length++) {
      if (next < (table.limits[length] ?? 0)) {
        this.#count -= length;
        return table.symbols[(next >> (16 - length)) + (table.offsets[length] ?? 0)] ?? -1;
      }
    }
    return -1;
  }

  /** Passes over up to 16 bits. */
  skip(count: number): void {
    if (this.#count < count) this.#fill();
    this.#count -= count;
  }

  /** Up to 15 bits as a number. */
  take(count: number): number {
    if (this.#count < count) this.#fill();
    this.#count -= count;
    return (this.#bits >>> this.#count) & ((1 << count) - 1);
  }

  /** Goes on after the restart marker of a number, 0..7; false where the next marker is another. */
  restart(number: number): boolean {
    const at = this.position();
    const found = nextMarker(this.#file, at);
    if (found === -1 || this.#file[found] !== MARKER.rst0 + number) return false;
    this.#at = found + 1;
    this.#bits = this.#count = this.#made = 0;
    return true;
  }

  /** Where the next byte lies that was not taken. */
  position(): number {
    let unread = Math.floor(Math.max(0, this.#count - this.#made) / 8);
    let at = this.#at;
    // Back over the bytes that were read ahead; a stuffed zero goes with its 0xFF.
    for (; unread > 0; unread--) at -= this.#file[at - 1] === 0 && this.#file[at - 2] === 0xff ? 2 : 1;
    return at;
  }
}

/** Position of the next marker byte (after its 0xFF), -1 at the end. */
function nextMarker(file: Uint8Array, from: number): number {
  for (let at = from; ;) {
    at = file.indexOf(0xff, at);
    if (at === -1) return -1;
    while (file[at] === 0xff) at++;
    if (at >= file.length) return -1;
    if (file[at] !== 0) return at;
  }
}

const NO_CODE = 'there are bits that are no code';
const NO_DATA = 'the image data end';

/** Passes over the codes of one scan, block by block. */
class BlockDecoder {
  readonly #reader: BitReader;
  readonly #scan: Scan;
  readonly #pass: (part: Scan['parts'][number], block: number) => boolean;
  /** Blocks of the current run that have no further new coefficient. */
  #endOfBand = 0;

  constructor(reader: BitReader, progressive: boolean, scan: Scan) {
    this.#reader = reader;
    this.#scan = scan;
    const { first, high } = scan;
    if (!progressive) this.#pass = (part) => this.#sequential(part);
    else if (first === 0) this.#pass = high === 0 ? (part) => this.#dcFirst(part) : () => this.#dcRefine();
    else if (high === 0) this.#pass = (part, block) => this.#acFirst(part, block);
    else this.#pass = (part, block) => this.#acRefine(part, block);
  }

  restart(): void {
    this.#endOfBand = 0;
  }

  /** One block; what is wrong with it, or null. `block` is its place among the plane's. */
  block(part: Scan['parts'][number], block: number): string | null {
    if (!this.#pass(part, block)) return this.#reader.ended ? NO_DATA : NO_CODE;
    return this.#reader.ended ? NO_DATA : null;
  }

  /** One unit of all components. */
  unit(column: number, row: number): string | null {
    for (const part of this.#scan.parts) {
      const { h, v, stride } = part.plane;
      for (let y = 0; y < v; y++) {
        for (let x = 0; x < h; x++) {
          const fault = this.block(part, (row * v + y) * stride + column * h + x);
          if (fault !== null) return fault;
        }
      }
    }
    return null;
  }

  #sequential({ dc, ac }: Scan['parts'][number]): boolean {
    const reader = this.#reader;
    if (dc === undefined || ac === undefined) return false;
    const size = reader.symbol(dc);
    if (size < 0 || size > 16) return false;
    reader.skip(size);
    for (let k = 1; k < 64; k++) {
      const symbol = reader.symbol(ac);
      if (symbol < 0) return false;
      const bits = symbol & 15;
      if (bits !== 0) {
        k += symbol >> 4;
        reader.skip(bits);
      } else if (symbol === 0xf0) {
        k += 15;
      } else {
        break;
      }
    }
    return true;
  }

  #dcFirst({ dc }: Scan['parts'][number]): boolean {
    if (dc === undefined) return false;
    const size = this.#reader.symbol(dc);
    if (size < 0 || size > 16) return false;
    this.#reader.skip(size);
    return true;
  }

  #dcRefine(): boolean {
    this.#reader.skip(1);
    return true;
  }

  #acFirst({ plane, ac }: Scan['parts'][number], block: number): boolean {
    if (ac === undefined) return false;
    if (this.#endOfBand > 0) {
      this.#endOfBand--;
      return true;
    }
    const reader = this.#reader;
    const { first, last } = this.#scan;
    for (let k = first; k <= last; k++) {
      const symbol = reader.symbol(ac);
      if (symbol < 0) return false;
      const [run, bits] = [symbol >> 4, symbol & 15];
      if (bits !== 0) {
        k += run;
        reader.skip(bits);
        if (k < 64) plane.known[block * 2 + (k >> 5)]! |= 1 << (k & 31);
      } else if (run === 15) {
        k += 15;
      } else {
        this.#endOfBand = (1 << run) - 1 + (run > 0 ? reader.take(run) : 0);
        break;
      }
    }
    return true;
  }

  /** T.81 figure G.7: a bit for each coefficient that is known, and new ones after runs of those that are not. */
  #acRefine({ plane, ac }: Scan['parts'][number], block: number): boolean {
    if (ac === undefined) return false;
    const reader = this.#reader;
    const { first, last } = this.#scan;
    const { known } = plane;
    let k = first;
    if (this.#endOfBand === 0) {
      for (; k <= last; k++) {
        const symbol = reader.symbol(ac);
        if (symbol < 0) return false;
        let run = symbol >> 4;
        const fresh = (symbol & 15) !== 0;
        if (fresh) reader.skip(1);
        else if (run < 15) {
          this.#endOfBand = (1 << run) + (run > 0 ? reader.take(run) : 0);
          break;
        }
        for (; k <= last; k++) {
          if ((known[block * 2 + (k >> 5)]! >>> (k & 31)) & 1) reader.skip(1);
          else if (run-- === 0) break;
        }
        if (fresh && k <= last) known[block * 2 + (k >> 5)]! |= 1 << (k & 31);
      }
    }
    if (this.#endOfBand > 0) {
      for (; k <= last; k++) if ((known[block * 2 + (k >> 5)]! >>> (k & 31)) & 1) reader.skip(1);
      this.#endOfBand--;
    }
    return true;
  }
}
