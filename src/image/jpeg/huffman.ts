/** Huffman codes and the bits of entropy-coded data (ITU-T T.81, annexes C and F). */
import { Missing } from './missing.js';
import { MARKER, nextMarker } from './segments.js';

/** Bits that are looked up at once. */
const LOOKAHEAD = 9;

/** A Huffman code of T.81 annex C. */
export class HuffmanTable {
  /** Code table indexed by the next bits: length << 8 | symbol; 0 if the code is longer. */
  readonly short = new Uint16Array(1 << LOOKAHEAD);
  readonly symbols: Uint8Array;
  /** Upper limits indexed by length: codes below it, left-aligned to 16 bits, have at most this length. */
  readonly limits = new Uint32Array(17);
  /** Offsets indexed by length: added to a code they give its symbol. */
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
export class BitReader {
  readonly #file: Uint8Array;
  #at: number;
  /** The next `#count` bits, in its low end. */
  #bits = 0;
  #count = 0;
  /** Number of these bits that are padding beyond the data. */
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

  /** True once bits were taken beyond the end of the data. */
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

  /** Position of the first byte that was not taken. */
  position(): number {
    let unread = Math.floor(Math.max(0, this.#count - this.#made) / 8);
    let at = this.#at;
    // Back over the bytes that were read ahead; a stuffed zero goes with its 0xFF.
    for (; unread > 0; unread--) at -= this.#file[at - 1] === 0 && this.#file[at - 2] === 0xff ? 2 : 1;
    return at;
  }
}
