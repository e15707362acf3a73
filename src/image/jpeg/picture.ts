/**
 * The completeness of a JPEG's data. libjpeg fills up what is missing with grey or leaves a progressive picture blurred, and
 * says so in warnings that also tell of harmless extra bytes; here the Huffman codes are counted, without computing a
 * pixel, which settles whether every block of the picture is there.
 */
import { BlockDecoder, type Plane, type Scan } from './blocks.js';
import { BitReader, HuffmanTable } from './huffman.js';
import { Missing } from './missing.js';
import { frameOf, isFrame, MARKER, Segments, type JpegFrame } from './segments.js';
import { Turns } from '../turns.js';

/**
 * Checks that the entropy-coded data of a JPEG cover the whole picture: every block of every component, to full precision
 * if there are several scans, with codes that exist and restart markers in order. Extra bytes between segments, before
 * markers and after the picture are accepted.
 *
 * @param tables - Segments that precede the file's own: the shared tables of a TIFF.
 * @returns What is missing; null for nothing.
 */
export async function missingData(file: Uint8Array, tables?: Uint8Array): Promise<string | null> {
  const picture = new Picture(true);
  return missingAfter(async () => {
    if (tables !== undefined) await picture.read(new Segments(tables, 2));
    await picture.read(new Segments(file, 2));
  }, picture);
}

/** Reads a picture and describes the part of it that is missing. */
export async function missingAfter(read: () => Promise<void>, picture: Picture): Promise<string | null> {
  try {
    await read();
    return picture.missing();
  } catch (error) {
    if (error instanceof Missing) return error.message;
    throw error;
  }
}

/** Definition of a Huffman table. */
interface TableSource {
  counts: Uint8Array;
  symbols: Uint8Array;
}

function built(source: TableSource | undefined): HuffmanTable | undefined {
  return source && new HuffmanTable(source.counts, source.symbols);
}

/** More scans than encoders write: each costs as much as the whole picture, and a few bytes make one. */
export const MAXIMUM_SCANS = 500;

/** A picture and what its scans have brought so far. */
export class Picture {
  /** Scans begun. */
  scans = 0;
  /** Counts blocks instead of trusting the headers of scans. */
  readonly #counting: boolean;
  #frame: JpegFrame | null = null;
  #planes: Plane[] = [];
  /** Tables as they stand in the file: most cost more to build than to read, and a file can hold any number of them. */
  readonly #dc: TableSource[] = [];
  readonly #ac: TableSource[] = [];
  #interval = 0;

  constructor(counting: boolean) {
    this.#counting = counting;
  }

  /**
   * Reads segments up to the end mark, or to the end of what the picture needs.
   *
   * @throws Missing
   */
  async read(segments: Segments): Promise<void> {
    for (;;) {
      const marker = await segments.next();
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
        if (this.missing() !== null) continue;
        if (this.#counting && !(await endsHere(segments))) throw new Missing('the end mark does not follow its data');
        return;
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
      (kind === 0 ? this.#dc : this.#ac)[index] = { counts, symbols: body.subarray(at - symbols, at) };
    }
  }

  /** Describes the part of the picture that the scans so far leave open; null if it is complete. */
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
      return { plane, dc: built(this.#dc[selector >> 4]), ac: built(this.#ac[selector & 15]) };
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

/**
 * Checks that the end mark follows, apart from comments and the like, or only padding. Otherwise other bytes may have
 * been taken for the picture's.
 */
async function endsHere(segments: Segments): Promise<boolean> {
  const { file, at } = segments;
  for (;;) {
    const marker = await segments.next();
    if (marker === MARKER.eoi) return true;
    if (marker === null) return isPadding(file.subarray(at));
    if (marker < MARKER.app0) return false;
    segments.body();
  }
}

async function isPadding(bytes: Uint8Array): Promise<boolean> {
  const turns = new Turns();
  for (let at = 0; at < bytes.length; at += PIECE) {
    await turns.take();
    if (!bytes.subarray(at, at + PIECE).every((byte) => byte === 0 || byte === 0xff)) return false;
  }
  return true;
}

/** Bytes compared between two turns of the event loop. */
const PIECE = 1 << 18;

function ended(row: number, rows: number, why: string): Missing {
  return new Missing(`${why} after ${Math.floor((100 * row) / rows)} % of the rows`);
}
