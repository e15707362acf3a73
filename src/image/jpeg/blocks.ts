/** The blocks of one scan of a JPEG, counted and not computed (ITU-T T.81, annexes F and G). */
import type { BitReader, HuffmanTable } from './huffman.js';
import type { Component } from './segments.js';

/** A scan: its components, the band of coefficients (zigzag order), and the bits of successive approximation. */
export interface Scan {
  parts: { plane: Plane; dc: HuffmanTable | undefined; ac: HuffmanTable | undefined }[];
  first: number;
  last: number;
  /** Bit of the coefficients before and after the scan; `high` 0: it is their first. */
  high: number;
  low: number;
}

/** A component and what of it has come. */
export interface Plane extends Component {
  /** The lowest bit that has come of each coefficient, in zigzag order; -1 where nothing has. */
  bits: Int8Array;
  /** Progressive only: one bit for each coefficient that is not zero, two words a block. */
  known: Uint32Array;
  /** Blocks in a row of `known`, padding of the last unit included. */
  stride: number;
}

const NO_CODE = 'there are bits that are no code';
const NO_DATA = 'the image data end';

/** Passes over the codes of one scan, block by block. */
export class BlockDecoder {
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
        if (k < 64) setKnown(plane, block, k);
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
          if (isKnown(plane, block, k)) reader.skip(1);
          else if (run-- === 0) break;
        }
        if (fresh && k <= last) setKnown(plane, block, k);
      }
    }
    if (this.#endOfBand > 0) {
      for (; k <= last; k++) if (isKnown(plane, block, k)) reader.skip(1);
      this.#endOfBand--;
    }
    return true;
  }
}

function isKnown({ known }: Plane, block: number, coefficient: number): boolean {
  return (((known[block * 2 + (coefficient >> 5)] ?? 0) >>> (coefficient & 31)) & 1) === 1;
}

function setKnown({ known }: Plane, block: number, coefficient: number): void {
  const at = block * 2 + (coefficient >> 5);
  known[at] = (known[at] ?? 0) | (1 << (coefficient & 31));
}
