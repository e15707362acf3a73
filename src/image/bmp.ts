/**
 * Uncompressed Windows bitmaps (libvips reads none): 1, 4, 8 bits with palette, 24 and 32 bits, bottom-up and top-down,
 * headers from BITMAPCOREHEADER to V5. Run-length and 16-bit bitmaps are refused by name.
 */
import { HyperIQAError } from '../errors.js';
import type { RawImage } from '../types.js';
import { checkPixelLimit } from './limits.js';
import { forSlices } from './slices.js';

interface Header {
  width: number;
  height: number;
  topDown: boolean;
  bits: 1 | 4 | 8 | 24 | 32;
  /** Bytes of a stored row, padding included. */
  stride: number;
  /** Offset of the pixels. */
  offset: number;
  /** 32 bits only: the fourth byte is alpha. */
  alpha: boolean;
  /** RGB triples, 1, 4 and 8 bits only. */
  palette: Uint8Array;
}

/**
 * The pixels of a BMP file. Its header is believed only as far as the file's length bears it out, so a hostile one costs
 * no memory.
 *
 * @throws HyperIQAError ERR_IMAGE_DECODE, ERR_IMAGE_FORMAT, ERR_IMAGE_TOO_LARGE
 */
export async function decodeBmp(file: Uint8Array, label: string, limitInputPixels: number): Promise<RawImage> {
  const header = readHeader(file, label);
  const { width, height, stride, offset, bits } = header;
  checkPixelLimit(width, height, limitInputPixels, label);
  // Some writers leave out the padding of the last row.
  const needed = offset + stride * (height - 1) + Math.ceil((width * bits) / 8);
  if (needed > file.byteLength) {
    throw new HyperIQAError(
      'ERR_IMAGE_DECODE',
      `${label} is cut off: a BMP of ${width}×${height} pixels needs ${needed} bytes, ` +
        `the file has ${file.byteLength}.`,
    );
  }
  const channels = header.alpha ? 4 : 3;
  const data = new Uint8Array(width * height * channels);
  const readRow = rowReader(file, header, data, channels);
  await forSlices(width, height, (firstRow, endRow) => {
    for (let row = firstRow; row < endRow; row++) {
      readRow(offset + (header.topDown ? row : height - 1 - row) * stride, row * width * channels);
    }
  });
  return { data, width, height, channels };
}

/** Copies one row from a byte of the file to a byte of the result, in RGB(A) order. */
function rowReader(file: Uint8Array, { width, bits, palette }: Header, data: Uint8Array, channels: number) {
  if (bits >= 24) {
    const step = bits / 8;
    return (from: number, to: number) => {
      for (let x = 0; x < width; x++, from += step, to += channels) {
        data[to] = file[from + 2] ?? 0;
        data[to + 1] = file[from + 1] ?? 0;
        data[to + 2] = file[from] ?? 0;
        if (channels === 4) data[to + 3] = file[from + 3] ?? 0;
      }
    };
  }
  const perByte = 8 / bits;
  const mask = (1 << bits) - 1;
  return (from: number, to: number) => {
    for (let x = 0; x < width; x++, to += 3) {
      const shift = 8 - bits * ((x % perByte) + 1);
      const entry = ((file[from + Math.floor(x / perByte)] ?? 0) >> shift) & mask;
      // An index beyond a short palette is black, as in Pillow.
      for (let channel = 0; channel < 3; channel++) data[to + channel] = palette[entry * 3 + channel] ?? 0;
    }
  };
}

const CORE_HEADER = 12;
const BI_RGB = 0;
const BI_BITFIELDS = 3;
const BI_ALPHABITFIELDS = 6;

function readHeader(file: Uint8Array, label: string): Header {
  const damaged = (why: string) => new HyperIQAError('ERR_IMAGE_DECODE', `${label} is a damaged BMP: ${why}.`);
  const unsupported = (what: string) =>
    new HyperIQAError('ERR_IMAGE_FORMAT', `${label} is a BMP with ${what}, which is not read. Convert it to PNG.`);

  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.byteLength < 26) throw damaged('its header is cut off');
  // One of 12, 40, 52, 56, 64, 108, 124: `sniffFormat` knows a BMP by it.
  const headerSize = view.getUint32(14, true);
  if (file.byteLength < 14 + headerSize) throw damaged('its header is cut off');

  const core = headerSize === CORE_HEADER;
  const width = core ? view.getUint16(18, true) : view.getInt32(18, true);
  const signedHeight = core ? view.getUint16(20, true) : view.getInt32(22, true);
  const height = Math.abs(signedHeight);
  if (width <= 0 || height === 0) throw damaged(`it says ${width}×${signedHeight} pixels`);

  const bits = view.getUint16(core ? 24 : 28, true);
  const compression = core ? BI_RGB : view.getUint32(30, true);
  if (compression !== BI_RGB && compression !== BI_BITFIELDS && compression !== BI_ALPHABITFIELDS) {
    throw unsupported(compression === 1 || compression === 2 ? 'run-length compression' : `compression ${compression}`);
  }
  if (bits !== 1 && bits !== 4 && bits !== 8 && bits !== 24 && bits !== 32) throw unsupported(`${bits} bits a pixel`);
  if (bits !== 32 && compression !== BI_RGB) throw damaged(`colour masks with ${bits} bits a pixel`);

  // A 40-byte header is followed by its masks, longer ones contain them; both times they begin at byte 54.
  let alpha = false;
  let masks = 0;
  if (compression !== BI_RGB) {
    const count = headerSize >= 56 || compression === BI_ALPHABITFIELDS ? 4 : 3;
    masks = headerSize === 40 ? 4 * count : 0;
    if (file.byteLength < 54 + 4 * count) throw damaged('its colour masks are cut off');
    const [red, green, blue] = [54, 58, 62].map((at) => view.getUint32(at, true));
    if (red !== 0x00ff0000 || green !== 0x0000ff00 || blue !== 0x000000ff) throw unsupported('unusual colour masks');
    alpha = count === 4 && view.getUint32(66, true) === 0xff000000;
  }

  const tableAt = 14 + headerSize + masks;
  const stated = view.getUint32(10, true);
  // Some writers forget the palette: pixels that are said to begin where it lies begin after it, as in Pillow.
  const offset = bits <= 8 && stated === tableAt ? tableAt + paletteBytes(view, core, bits) : stated;
  if (offset < tableAt) throw damaged(`its pixels begin at byte ${offset}, inside its header`);
  return {
    width,
    height,
    topDown: signedHeight < 0,
    bits,
    stride: Math.ceil((width * bits) / 32) * 4,
    offset,
    alpha,
    palette: bits <= 8 ? readPalette(file, view, { core, bits, tableAt, offset }) : new Uint8Array(0),
  };
}

/** The colour table between header and pixels: B, G, R (and an unused byte, except after a core header). */
function readPalette(
  file: Uint8Array,
  view: DataView,
  { core, bits, tableAt, offset }: { core: boolean; bits: number; tableAt: number; offset: number },
): Uint8Array {
  const step = core ? 3 : 4;
  const end = Math.min(offset, file.byteLength, tableAt + paletteBytes(view, core, bits));
  const count = Math.floor((end - tableAt) / step);
  const palette = new Uint8Array(Math.max(0, count) * 3);
  for (let entry = 0; entry < count; entry++) {
    for (let channel = 0; channel < 3; channel++) {
      palette[entry * 3 + channel] = file[tableAt + entry * step + 2 - channel] ?? 0;
    }
  }
  return palette;
}

/** Bytes of the colour table that a header declares, 2^bits colours where it declares none. */
function paletteBytes(view: DataView, core: boolean, bits: number): number {
  const declared = core ? 0 : view.getUint32(46, true);
  return (core ? 3 : 4) * Math.min(declared === 0 ? 1 << bits : declared, 1 << bits);
}
