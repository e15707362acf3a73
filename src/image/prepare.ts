/** Prepares the bytes of each format for libvips, and records what is known about them afterwards. */
import { HyperIQAError } from '../errors.js';
import { readAvif } from './avif.js';
import type { ImageFormat } from './formats.js';
import { missingOfGif } from './gif.js';
import { missingData } from './jpeg/picture.js';
import { prepareJpeg } from './jpeg/prepare.js';
import { preparePng } from './png.js';
import { prepareTiff, type TiffImage } from './tiff.js';

/** An encoded image, ready for the decoder. */
export interface Prepared {
  bytes: Uint8Array;
  /** The strictest level of libvips at which sound files of the kind pass, or nearly all of them. */
  failOn: 'error' | 'warning';
  /** True if sound files may fail at that level; `missing` then decides. */
  lenient: boolean;
  /** Describes missing data, found without the decoder; null if nothing can be found. */
  missing(): Promise<string | null>;
  /** JPEG streams of which the decoder may pass over missing data; see `endsFlat`. */
  streams: JpegStream[];
  /** Sample format of a TIFF. */
  tiff?: TiffImage;
  /** Pixels, where they are known without the decoder. */
  size?: { width: number; height: number };
  /** Grey from 16 to 235 that the decoder leaves so. */
  limitedGrey: boolean;
}

/** A JPEG stream that holds a part of the image, from left and top up to right and bottom, in pixels as stored. */
export interface JpegStream {
  left: number;
  top: number;
  right: number;
  bottom: number;
  /** Pixels of its units: they cover it from its left top corner. */
  unitWidth: number;
  unitHeight: number;
  /** The decoded picture does not look whole. */
  suspected: boolean;
  /** Describes missing data. */
  missing(): Promise<string | null>;
}

/**
 * Looks at an encoded image without decoding it.
 *
 * @param file - A whole file, which may be changed.
 * @throws HyperIQAError ERR_IMAGE_FORMAT, ERR_IMAGE_DECODE
 */
export async function prepare(file: Uint8Array, format: Exclude<ImageFormat, 'bmp'>, label: string): Promise<Prepared> {
  const plain = {
    bytes: file,
    failOn: 'error',
    lenient: false,
    limitedGrey: false,
    streams: [] as JpegStream[],
  } as const;
  switch (format) {
    case 'jpeg': {
      const { frame, ends } = sound(await prepareJpeg(file), 'JPEG', label);
      const missing = () => missingData(file);
      const { width, height, unitWidth, unitHeight } = frame;
      const stream = { left: 0, top: 0, right: width, bottom: height, unitWidth, unitHeight, missing };
      const streams = frame.progressive ? [] : [{ ...stream, suspected: !ends }];
      return { ...plain, failOn: 'warning', lenient: true, streams, size: frame, missing };
    }
    case 'png': {
      const { bytes, missing } = await preparePng(file);
      return { ...plain, bytes, missing: () => Promise.resolve(missing) };
    }
    case 'tiff': {
      const tiff = sound(await prepareTiff(file), 'TIFF', label);
      const streams = tiff.jpegSegments.map(({ stream, ...area }) => {
        return {
          ...area,
          suspected: false,
          unitWidth: 8,
          unitHeight: 8,
          missing: () => missingData(stream, tiff.jpegTables),
        };
      });
      const missing = () => firstMissing(streams);
      return {
        ...{ ...plain, failOn: 'warning', tiff, size: tiff, missing },
        // libtiff only warns of damage in tiles and in CCITT codes; its other warnings are about odd tags.
        lenient: !tiff.tiled && !tiff.ccitt,
        // libvips decodes tiles of JPEG itself and drops the warnings.
        streams: tiff.tiled ? streams : [],
      };
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
      return { ...plain, missing: () => missingOfGif(file) };
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
    `${label} is ${format === 'AVIF' ? 'an' : 'a'} ${format} with ${what}, which is not read. Convert it to PNG or JPEG.`,
  );
}

/** Describes the missing data of the first incomplete stream. */
export async function firstMissing(streams: Iterable<JpegStream>): Promise<string | null> {
  for (const stream of streams) {
    const missing = await stream.missing();
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
