/**
 * Examines a TIFF before libvips sees it (TIFF 6.0 and its supplements; BigTIFF). The directories are read here, and by
 * libtiff once more, for three reasons: kinds that the decoder would read wrongly are refused by name, data that the
 * file does not hold are noticed before they become black, and everything that does not decide the pixels (further pages,
 * text, previews) is taken out, so that it costs nothing and the decoder can be told to fail on warnings.
 */
import { setImmediate } from 'node:timers/promises';

/** Fault of a file: it is of an unsupported kind, or damaged. */
export type TiffProblem = { unsupported: string } | { damaged: string };

/** The first image of a TIFF, of a kind that is decoded rightly. */
export interface TiffImage {
  /** Pixels. */
  width: number;
  height: number;
  /** Bits of each sample: 1, 2, 4, 8 or 16. */
  bits: number;
  /** Samples of colour a pixel: 1 grey or palette, 3 RGB, 4 CMYK. */
  colours: number;
  /** Position of the sample that is alpha, from 0; undefined where none is. */
  alpha: number | undefined;
  tiled: boolean;
  /** Coded as a fax. */
  ccitt: boolean;
  /** The strips or tiles that are JPEG streams. */
  jpegSegments: JpegSegment[];
  /** Tables that the JPEG streams share: an abbreviated stream of its own. */
  jpegTables: Uint8Array | undefined;
}

/** A strip or tile. */
interface JpegSegment {
  stream: Uint8Array;
  /** The pixels of the image that it holds: from left and top up to right and bottom. */
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const TAG = {
  newSubfileType: 254,
  width: 256,
  height: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  stripOffsets: 273,
  orientation: 274,
  samplesPerPixel: 277,
  rowsPerStrip: 278,
  stripByteCounts: 279,
  planarConfiguration: 284,
  predictor: 317,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileByteCounts: 325,
  inkSet: 332,
  extraSamples: 338,
  sampleFormat: 339,
  jpegTables: 347,
} as const;

/** Tags that decide the pixels, their colours and the way up; libtiff is shown no others. */
const KEPT = new Set<number>([
  ...Object.values(TAG),
  ...[266 /* FillOrder */, 292 /* T4Options */, 293 /* T6Options */, 320 /* ColorMap */],
  ...[
    529 /* YCbCrCoefficients */, 530 /* YCbCrSubSampling */, 531 /* YCbCrPositioning */, 532 /* ReferenceBlackWhite */,
  ],
  34675 /* ICC profile */,
]);

/** Compression schemes that sharp's libtiff decodes. */
const COMPRESSIONS = new Set([1, 2, 3, 4, 5, 7, 8, 32773, 32946]);
const NO_COMPRESSION = 1;
const CCITT = [2, 3, 4];
const JPEG = 7;
/** LZW and deflate: a predictor may precede them. */
const PREDICTED = [5, 8, 32946];

const OTHER_COMPRESSIONS: Partial<Record<number, string>> = {
  6: 'old-style JPEG',
  9: 'JBIG',
  10: 'JBIG',
  32766: 'NeXT',
  32771: 'CCITT RLE/W',
  32809: 'ThunderScan',
  32908: 'PixarFilm',
  32909: 'PixarLog',
  33003: 'JPEG 2000',
  33005: 'JPEG 2000',
  34661: 'JBIG',
  34676: 'SGI Log',
  34677: 'SGI Log24',
  34712: 'JPEG 2000',
  34887: 'LERC',
  34892: 'lossy JPEG of DNG',
  34925: 'LZMA',
  34926: 'ZSTD',
  34927: 'WebP',
  34933: 'PNG',
  34934: 'JPEG XR',
  50000: 'ZSTD',
  50001: 'WebP',
  50002: 'JPEG XL',
  52546: 'JPEG XL',
};

/** Samples of colour and possible bits, by PhotometricInterpretation. */
const PHOTOMETRICS: Partial<Record<number, { colours: number; bits: readonly number[] }>> = {
  0: { colours: 1, bits: [1, 2, 4, 8, 16] },
  1: { colours: 1, bits: [1, 2, 4, 8, 16] },
  2: { colours: 3, bits: [8, 16] },
  3: { colours: 1, bits: [1, 2, 4, 8] },
  5: { colours: 4, bits: [8, 16] },
  6: { colours: 3, bits: [8] },
};
const PALETTE = 3;
const SEPARATED = 5;
const YCBCR = 6;

const OTHER_PHOTOMETRICS: Partial<Record<number, string>> = {
  4: 'a transparency mask',
  8: 'Lab colours',
  9: 'Lab colours',
  10: 'Lab colours',
  32803: 'the colour filter array of a camera',
  32844: 'LogL samples',
  32845: 'LogLuv samples',
  34892: 'linear raw samples of a camera',
};

/**
 * Reads the first directory of a TIFF and takes out of it what does not decide the pixels, in `file` itself: the decoder
 * then finds one image and no text.
 *
 * @param file - A whole file, which is changed.
 */
export async function prepareTiff(file: Uint8Array): Promise<TiffImage | TiffProblem> {
  const directory = readDirectory(file);
  if ('damaged' in directory) return directory;
  const kind = kindOf(directory);
  if (!('colours' in kind)) return kind;
  const segments = await readSegments(file, directory, kind);
  if ('damaged' in segments || 'unsupported' in segments) return segments;
  reduceDirectory(directory);
  const { width, height, bits, colours, alpha, compression } = kind;
  return {
    ...{ width, height, bits, colours, alpha, ...segments },
    ccitt: CCITT.includes(compression),
    jpegTables: directory.bytes(TAG.jpegTables),
  };
}

// ------------------------------------------------------------------------------------------------------- directory

/** Bytes of a value, by its TIFF field type. */
const TYPE_BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];

interface Entry {
  tag: number;
  type: number;
  count: number;
  /** Offset of the entry's values in the file. */
  at: number;
  /** Offset of the entry itself. */
  entryAt: number;
}

class Directory {
  readonly file: Uint8Array;
  readonly view: DataView;
  readonly little: boolean;
  readonly big: boolean;
  /** Offset of the entry count. */
  readonly at: number;
  readonly entries = new Map<number, Entry>();

  constructor(file: Uint8Array, little: boolean, big: boolean, at: number) {
    this.file = file;
    this.view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    this.little = little;
    this.big = big;
    this.at = at;
  }

  /** A value of a list of integers, undefined where there is none. */
  integer(tag: number, index = 0): number | undefined {
    const entry = this.entries.get(tag);
    if (entry === undefined || index >= entry.count) return undefined;
    const { view, little } = this;
    const at = entry.at + index * (TYPE_BYTES[entry.type] ?? 0);
    switch (entry.type) {
      case 1:
      case 7:
        return view.getUint8(at);
      case 3:
        return view.getUint16(at, little);
      case 4:
      case 13:
        return view.getUint32(at, little);
      case 16:
      case 18:
        return Number(view.getBigUint64(at, little));
      default:
        return undefined;
    }
  }

  count(tag: number): number {
    return this.entries.get(tag)?.count ?? 0;
  }

  /** The values of a short list. */
  list(tag: number): number[] {
    return Array.from({ length: Math.min(this.count(tag), 64) }, (_, index) => this.integer(tag, index) ?? NaN);
  }

  bytes(tag: number): Uint8Array | undefined {
    const entry = this.entries.get(tag);
    return entry && this.file.subarray(entry.at, entry.at + entry.count);
  }
}

function readDirectory(file: Uint8Array): Directory | { damaged: string } {
  const cut = { damaged: 'its directory is cut off' };
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.byteLength < 16) return cut;
  const little = view.getUint8(0) === 0x49;
  const big = view.getUint16(2, little) === 43;
  const number = (at: number) => (big ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little));

  const at = number(big ? 8 : 4);
  const head = big ? 8 : 2;
  if (at + head > file.byteLength) return cut;
  const count = big ? number(at) : view.getUint16(at, little);
  const size = big ? 20 : 12;
  if (at + head + count * size > file.byteLength) return cut;

  const directory = new Directory(file, little, big, at);
  for (let index = 0; index < count; index++) {
    const entryAt = at + head + index * size;
    const tag = view.getUint16(entryAt, little);
    if (!KEPT.has(tag) || directory.entries.has(tag)) continue;
    const type = view.getUint16(entryAt + 2, little);
    const values = number(entryAt + 4);
    const bytes = values * (TYPE_BYTES[type] ?? 0);
    const inline = entryAt + (big ? 12 : 8);
    const valueAt = bytes <= (big ? 8 : 4) ? inline : number(inline);
    if (valueAt + bytes > file.byteLength) return { damaged: `the values of its tag ${tag} lie beyond its end` };
    directory.entries.set(tag, { tag, type, count: values, at: valueAt, entryAt });
  }
  return directory;
}

/** Leaves the kept entries only, in order, and no further directory. */
function reduceDirectory({ file, view, little, big, at, entries }: Directory): void {
  const [head, size] = big ? [8, 20] : [2, 12];
  const kept = [...entries.values()].sort((a, b) => a.tag - b.tag);
  const written = Buffer.concat(kept.map(({ entryAt }) => file.slice(entryAt, entryAt + size)));
  if (big) view.setBigUint64(at, BigInt(kept.length), little);
  else view.setUint16(at, kept.length, little);
  // Fewer entries than before: they and the pointer to the next directory fit into the old place.
  file.set(written, at + head);
  const end = at + head + written.length;
  file.fill(0, end, Math.min(end + (big ? 8 : 4), file.byteLength));
}

// ------------------------------------------------------------------------------------------------------------ kind

interface Kind {
  width: number;
  height: number;
  bits: number;
  samples: number;
  colours: number;
  alpha: number | undefined;
  compression: number;
  photometric: number;
  separate: boolean;
}

function kindOf(directory: Directory): Kind | TiffProblem {
  const width = directory.integer(TAG.width) ?? 0;
  const height = directory.integer(TAG.height) ?? 0;
  if (width === 0 || height === 0) return { damaged: `it says ${width}×${height} pixels` };
  // Raw files of many cameras are TIFFs; a reader of the first image would score the preview in them.
  if (((directory.integer(TAG.newSubfileType) ?? 0) & 1) === 1) {
    return {
      unsupported: 'a preview of another image in the first place, as the raw files of cameras (DNG, NEF, ARW) have it',
    };
  }

  const compression = directory.integer(TAG.compression) ?? NO_COMPRESSION;
  if (!COMPRESSIONS.has(compression)) {
    const name = OTHER_COMPRESSIONS[compression];
    return { unsupported: name === undefined ? `the compression ${compression}` : `${name} compression` };
  }

  // libtiff fills up what is missing with white, and of tiles nothing tells it.
  const tiled = directory.entries.has(TAG.tileOffsets);
  if (tiled && CCITT.includes(compression)) return { unsupported: 'fax (CCITT) compression in tiles' };

  const format = directory.list(TAG.sampleFormat).find((value) => value !== 1 && value !== 4);
  if (format === 2) return { unsupported: 'signed samples' };
  if (format !== undefined) return { unsupported: 'floating-point or complex samples, whose white is not defined' };

  const photometric = directory.integer(TAG.photometric);
  if (photometric === undefined) return { damaged: 'it does not say what its samples mean' };
  const colour = PHOTOMETRICS[photometric];
  if (colour === undefined) {
    return { unsupported: OTHER_PHOTOMETRICS[photometric] ?? `samples of the kind ${photometric}` };
  }
  const { colours } = colour;
  const samples = directory.integer(TAG.samplesPerPixel) ?? 1;
  if (photometric === SEPARATED && ((directory.integer(TAG.inkSet) ?? 1) !== 1 || samples < 4)) {
    return { unsupported: 'inks other than cyan, magenta, yellow and black' };
  }
  if (photometric === YCBCR && compression !== JPEG) {
    return { unsupported: 'YCbCr samples without JPEG compression' };
  }
  if (samples < colours) return { damaged: `it has ${samples} samples a pixel where its colours need ${colours}` };

  const allBits = directory.entries.has(TAG.bitsPerSample) ? directory.list(TAG.bitsPerSample) : [1];
  const bits = allBits[0] ?? 1;
  if (allBits.some((other) => other !== bits)) {
    return { unsupported: `samples of different sizes (${allBits.join(', ')} bits)` };
  }
  if (!colour.bits.includes(bits) || (samples > 1 && bits < 8)) return { unsupported: `${bits} bits a sample` };

  const separate = samples > 1 && directory.integer(TAG.planarConfiguration) === 2;
  if (separate && tiled) {
    return { unsupported: 'tiles for each channel (separate planes)' };
  }
  // libvips would read them as if they were interleaved.
  if (separate && colours === 1) return { unsupported: 'separate planes of grey or palette colours' };
  // libvips decodes tiles of JPEG itself, into colours only.
  if (tiled && compression === JPEG && (samples !== colours || photometric === PALETTE)) {
    return { unsupported: 'JPEG compression of palettes or of samples beyond the colours, in tiles' };
  }
  const predictor = directory.integer(TAG.predictor) ?? 1;
  if (PREDICTED.includes(compression) && (predictor > 2 || (predictor === 2 && bits < 8))) {
    return { unsupported: `the predictor ${predictor} for integers of ${bits} bits` };
  }
  const extra = directory.list(TAG.extraSamples).slice(0, samples - colours);
  const alpha = extra.findIndex((meaning) => meaning === 1 || meaning === 2);
  return {
    ...{ width, height, bits, samples, colours, compression, photometric, separate },
    alpha: alpha === -1 ? undefined : colours + alpha,
  };
}

// -------------------------------------------------------------------------------------------------------- segments

/** Segments looked at between two turns of the event loop. */
const SEGMENTS_A_TURN = 1 << 16;

/** Compares where the strips or tiles lie, and their sizes, with the file. */
async function readSegments(
  file: Uint8Array,
  directory: Directory,
  { width, height, bits, samples, compression, separate }: Kind,
): Promise<{ tiled: boolean; jpegSegments: JpegSegment[] } | TiffProblem> {
  const tiled = directory.entries.has(TAG.tileOffsets);
  const name = tiled ? 'tile' : 'strip';
  const offsets = tiled ? TAG.tileOffsets : TAG.stripOffsets;
  const counts = tiled ? TAG.tileByteCounts : TAG.stripByteCounts;
  const across = tiled ? (directory.integer(TAG.tileWidth) ?? 0) : width;
  const down = tiled ? (directory.integer(TAG.tileHeight) ?? 0) : (directory.integer(TAG.rowsPerStrip) ?? height);
  if (across === 0 || down === 0) return { damaged: `it says ${across}×${down} pixels for each ${name}` };

  const rows = Math.ceil(height / down);
  const columns = Math.ceil(width / across);
  const expected = columns * rows * (separate ? samples : 1);
  if (directory.count(offsets) < expected) {
    return { damaged: `it has ${directory.count(offsets)} ${name}s where its size needs ${expected}` };
  }
  const rowBytes = Math.ceil((across * (separate ? 1 : samples) * bits) / 8);
  const jpegSegments: JpegSegment[] = [];
  for (let index = 0; index < expected; index++) {
    if (index % SEGMENTS_A_TURN === SEGMENTS_A_TURN - 1) await setImmediate();
    const at = directory.integer(offsets, index) ?? 0;
    const held = file.byteLength - at;
    const count = directory.integer(counts, index) ?? (expected === 1 ? held : 0);
    // Planes follow one another, each with all its strips.
    const [left, top] = [(index % columns) * across, (Math.floor(index / columns) % rows) * down];
    const [right, bottom] = [Math.min(left + across, width), Math.min(top + down, height)];
    const where = `${name} ${index + 1} of ${expected}`;
    if (at === 0 || count === 0) return { unsupported: `pixels that are not stored (${where} is empty)` };
    if (compression === NO_COMPRESSION) {
      const needed = rowBytes * (tiled ? down : bottom - top);
      if (Math.min(count, held) < needed) return { damaged: `${where} has too few bytes` };
    } else if (count > held) {
      return { damaged: `${where} lies beyond the end of the file` };
    }
    if (compression === JPEG) jpegSegments.push({ stream: file.subarray(at, at + count), left, top, right, bottom });
  }
  return { tiled, jpegSegments };
}
