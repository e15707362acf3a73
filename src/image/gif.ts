/** Checks that the first frame of a GIF (GIF89a) has all its pixels: the decoder ends quietly at an end code. */
import { Turns } from './turns.js';

const [IMAGE, EXTENSION] = [0x2c, 0x21];
/** Codes of a full table. */
const CODES = 4096;

/** Counts the pixels of the first frame without keeping them. @returns What is missing, null for nothing. */
export async function missingOfGif(file: Uint8Array): Promise<string | null> {
  const colourTable = (flags: number) => ((flags & 0x80) === 0 ? 0 : 3 << ((flags & 7) + 1));
  const turns = new Turns();
  let at = 13 + colourTable(file[10] ?? 0);
  while (file[at] === EXTENSION) {
    at += 2;
    for (let size = file[at] ?? 0; size > 0; size = file[at] ?? 0) {
      at += size + 1;
      await turns.take();
    }
    at++;
  }
  if (file[at] !== IMAGE || at + 10 > file.length) return 'it has no frame';
  const side = (from: number) => (file[from] ?? 0) | ((file[from + 1] ?? 0) << 8);
  const pixels = side(at + 5) * side(at + 7);
  at += 10 + colourTable(file[at + 9] ?? 0);
  const counter = new PixelCounter(file[at++] ?? 0);
  for (let size = file[at] ?? 0; size > 0 && counter.pixels < pixels; size = file[at] ?? 0) {
    await turns.take();
    if (!counter.read(file.subarray(at + 1, at + 1 + size))) break;
    at += size + 1;
  }
  if (counter.pixels >= pixels) return null;
  return `its first frame ends after ${Math.floor((100 * counter.pixels) / pixels)} % of the pixels`;
}

/** The lengths of the strings that LZW codes stand for. */
class PixelCounter {
  pixels = 0;
  readonly #clear: number;
  readonly #lengths = new Uint32Array(CODES).fill(1);
  #next: number;
  #width: number;
  /** Length of the last string, 0 after a clear code. */
  #last = 0;
  #bits = 0;
  #count = 0;

  constructor(minimumCodeSize: number) {
    this.#clear = 1 << Math.min(minimumCodeSize, 11);
    this.#next = this.#clear + 2;
    this.#width = Math.min(minimumCodeSize, 11) + 1;
  }

  /** Reads a block; false at the end code, or at one that stands for nothing. */
  read(block: Uint8Array): boolean {
    for (const byte of block) {
      this.#bits |= byte << this.#count;
      this.#count += 8;
      while (this.#count >= this.#width) {
        const code = this.#bits & ((1 << this.#width) - 1);
        this.#bits >>>= this.#width;
        this.#count -= this.#width;
        if (!this.#take(code)) return false;
      }
    }
    return true;
  }

  #take(code: number): boolean {
    if (code === this.#clear) {
      this.#next = this.#clear + 2;
      this.#width = 32 - Math.clz32(this.#clear);
      this.#last = 0;
      return true;
    }
    if (code === this.#clear + 1 || code > this.#next || (this.#last === 0 && code > this.#clear)) return false;
    const length = code === this.#next ? this.#last + 1 : (this.#lengths[code] ?? 0);
    if (this.#last > 0 && this.#next < CODES) {
      this.#lengths[this.#next++] = this.#last + 1;
      if (this.#next === 1 << this.#width && this.#width < 12) this.#width++;
    }
    this.pixels += length;
    this.#last = length;
    return true;
  }
}
