/** What is done to the bytes of each format before libvips sees them, and what is known of them afterwards. */
import { HyperIQAError } from '../errors.js';
import { readAvif } from './avif.js';
import type { ImageFormat } from './formats.js';
import { missingData, prepareJpeg, type JpegFrame } from './jpeg.js';
import { preparePng } from './png.js';
import { prepareTiff } from './tiff.js';

/** An encoded image, ready for the decoder. */
export interface Prepared {
  bytes: Uint8Array;
  /** The strictest level of libvips at which sound files of the kind pass, or nearly all of them. */
  failOn: 'error' | 'warning';
  /** Whether sound files may fail at that level; what `missing` says then decides. */
  lenient: boolean;
  /** What the data lack, found without the decoder and in words of our own; null for nothing that can be told. */
  missing(): Promise<string | null>;
  /** The frame, where the decoder may pass over missing data of the last rows; see `endsFlat`. */
  jpeg?: JpegFrame;
  /** Whether `missing` has to be asked even if the decoder is content. */
  asked: boolean;
  /** TIFF: pixels a row and rows, samples of colour and the place of alpha among the samples. */
  tiff?: { width: number; height: number; colours: number; alpha: number | undefined; bits: number };
  /** Grey from 16 to 235 that the decoder leaves so. */
  limitedGrey: boolean;
}

/**
 * Looks at an encoded image without decoding it.
 *
 * @param file - A whole file, which may be changed.
 * @throws HyperIQAError ERR_IMAGE_FORMAT, ERR_IMAGE_DECODE
 */
export async function prepare(
  file: Uint8Array,
  format: Exclude<ImageFormat, 'bmp'>,
  label: string,
): Promise<Prepared> {
  const plain = { bytes: file, failOn: 'error', lenient: false, asked: false, limitedGrey: false } as const;
  switch (format) {
    case 'jpeg': {
      const { frame } = sound(await prepareJpeg(file), 'JPEG', label);
      return { ...plain, failOn: 'warning', lenient: !frame.arithmetic, jpeg: frame, missing: () => missingData(file) };
    }
    case 'png': {
      const { bytes, missing } = await preparePng(file);
      return { ...plain, bytes, missing: () => Promise.resolve(missing) };
    }
    case 'tiff': {
      const tiff = sound(await prepareTiff(file), 'TIFF', label);
      // libvips decodes tiles of JPEG itself and drops the warnings.
      const asked = tiff.tiled && tiff.jpegSegments.length > 0;
      return { ...plain, failOn: 'warning', asked, tiff, missing: () => missingOfSegments(tiff) };
    }
    case 'avif': {
      const avif = readAvif(file);
      if (avif !== null && 'unsupported' in avif) throw unsupported('AVIF', avif.unsupported, label);
      return {
        ...plain,
        limitedGrey: avif?.limitedGrey ?? false,
        missing: () => Promise.resolve(avif === null ? 'its boxes are damaged' : null),
      };
    }
    case 'webp':
      return { ...plain, missing: () => Promise.resolve(missingOfRiff(file)) };
    case 'gif':
      return { ...plain, missing: () => Promise.resolve(null) };
  }
}

function sound<T extends object>(
  result: T | { unsupported: string } | { damaged: string },
  format: string,
  label: string,
): T {
  if ('unsupported' in result) throw unsupported(format, result.unsupported, label);
  if ('damaged' in result) throw damaged(result.damaged, label);
  return result;
}

/** @returns ERR_IMAGE_DECODE */
export function damaged(why: string, label: string): HyperIQAError {
  return new HyperIQAError('ERR_IMAGE_DECODE', `${label} is damaged or cut off: ${why}.`);
}

/** @returns ERR_IMAGE_FORMAT */
export function unsupported(format: string, what: string, label: string): HyperIQAError {
  return new HyperIQAError(
    'ERR_IMAGE_FORMAT',
    `${label} is a ${format} with ${what}, which is not read. Convert it to PNG or JPEG.`,
  );
}

async function missingOfSegments(tiff: {
  jpegSegments: Uint8Array[];
  jpegTables: Uint8Array | undefined;
}): Promise<string | null> {
  for (const segment of tiff.jpegSegments) {
    const missing = await missingData(segment, tiff.jpegTables);
    if (missing !== null) return missing;
  }
  return null;
}

/** A WebP says in its first bytes how long it is. */
function missingOfRiff(file: Uint8Array): string | null {
  if (file.byteLength < 8) return 'its header is missing';
  const size = 8 + new DataView(file.buffer, file.byteOffset).getUint32(4, true);
  return size > file.byteLength ? `it says that it has ${size} bytes, and has ${file.byteLength}` : null;
}
