/** Encoded images to 8-bit RGB by sharp (libvips), off the event loop. docs/images.md tells what is measured of it. */
import type { Metadata, Sharp } from 'sharp';
import { loadSharp } from './sharp.js';

import { HyperIQAError } from '../errors.js';
import type { DecodePolicy, RawImage, Warning } from '../types.js';
import { flattenOnWhite, naiveCmykToRgb } from './arithmetic.js';
import { decodeBmp } from './bmp.js';
import { ACCEPTED, type ImageFormat } from './formats.js';
import { checkPixelLimit } from './limits.js';
import { checkFormat } from './source.js';
import { isPreviewFirst } from './tiff.js';

/** Interleaved RGB, `width·height·3` bytes that belong to nobody else. */
export interface DecodedImage {
  data: Uint8Array;
  width: number;
  height: number;
  warnings: Warning[];
}

/**
 * Decodes an encoded image under a policy; the format is told by the bytes.
 *
 * @param check - Refuses an image by the size in its header (upright, where the policy turns it) by throwing.
 * @throws HyperIQAError ERR_IMAGE_EMPTY, ERR_IMAGE_FORMAT, ERR_IMAGE_DECODE, ERR_IMAGE_TOO_LARGE, ERR_OUT_OF_MEMORY
 */
export async function decodeBytes(
  bytes: Uint8Array,
  label: string,
  policy: DecodePolicy,
  limitInputPixels: number,
  check?: (width: number, height: number) => void,
): Promise<DecodedImage> {
  const format = checkFormat(bytes, label);
  if (format === 'bmp') return rawToRgb(await decodeBmp(bytes, label, limitInputPixels), label, policy);

  const header = await readHeader(bytes, format, label, limitInputPixels);
  const { width: headerWidth, height: headerHeight } = policy.orientation === 'exif' ? header.autoOrient : header;
  check?.(headerWidth, headerHeight);
  const { data, width, height } = await toRgb(bytes, header, label, policy, limitInputPixels);
  return { data, width, height, warnings: profileWarnings(header, policy) };
}

/** Raw pixels under a policy: there is no profile and no orientation, but there may be alpha. */
export async function rawToRgb(raw: RawImage, label: string, policy: DecodePolicy): Promise<DecodedImage> {
  const { data, width, height, channels } = raw;
  if (channels === 3) return { data: bytesOf(data), width, height, warnings: [] };
  const image = loadSharp()(data, { raw: { width, height, channels }, limitInputPixels: false });
  return { ...(await rgbOf(image, channels !== 1, label, policy)), width, height, warnings: [] };
}

function bytesOf(data: Uint8Array | Uint8ClampedArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** The colours of an image in sRGB, with the policy for alpha. */
async function rgbOf(image: Sharp, hasAlpha: boolean, label: string, policy: DecodePolicy): Promise<Pixels> {
  if (hasAlpha && policy.alpha === 'white') {
    const rgba = await output(image.toColourspace('srgb'), label);
    if (rgba.channels !== 4) throw unexpectedChannels(rgba.channels - 1, label);
    return { ...rgba, data: await flattenOnWhite(rgba.data, rgba.width, rgba.height), channels: 3 };
  }
  const rgb = await output(image.removeAlpha().toColourspace('srgb'), label);
  if (rgb.channels !== 3) throw unexpectedChannels(rgb.channels, label);
  return rgb;
}

/** Names of sharp's loaders, where they differ from ours. */
const LOADERS: Partial<Record<ImageFormat, string>> = { avif: 'heif' };

/** Everything that can be refused without decoding a pixel. */
async function readHeader(
  bytes: Uint8Array,
  format: ImageFormat,
  label: string,
  limitInputPixels: number,
): Promise<Metadata> {
  const sharp = loadSharp();
  let header: Metadata;
  try {
    header = await sharp(bytes, { limitInputPixels: false, limitInputChannels: false }).metadata();
  } catch (error) {
    throw decodeError(error, label);
  }
  if (header.format !== (LOADERS[format] ?? format)) {
    throw new HyperIQAError('ERR_IMAGE_FORMAT', `${label} is of format ${header.format}. Accepted are ${ACCEPTED}.`);
  }
  checkPixelLimit(header.width, header.height, limitInputPixels, label);
  if (header.depth !== 'uchar' && header.depth !== 'ushort') {
    throw new HyperIQAError(
      'ERR_IMAGE_FORMAT',
      `${label} has samples of type ${header.depth}, whose white is not defined. Convert it to 8 or 16 bits.`,
    );
  }
  if (format === 'tiff' && isPreviewFirst(bytes)) {
    throw new HyperIQAError(
      'ERR_IMAGE_FORMAT',
      `${label} is a TIFF whose first image is a preview of another one, as in raw files of cameras (DNG, NEF, ARW). ` +
        'Develop it to TIFF or JPEG.',
    );
  }
  return header;
}

async function toRgb(
  bytes: Uint8Array,
  header: Metadata,
  label: string,
  policy: DecodePolicy,
  limitInputPixels: number,
): Promise<Pixels> {
  const ignoreIcc = policy.iccProfile === 'ignore';
  const image = loadSharp()(bytes, {
    autoOrient: policy.orientation === 'exif',
    // `error` stops at every truncation, as Pillow does, and lets pass what JPEG decoders only warn of.
    failOn: 'error',
    ignoreIcc,
    limitInputPixels,
  });
  // Without a profile to go by, libvips would take one of its own for the printer's inks.
  if (header.space === 'cmyk' && (ignoreIcc || header.icc === undefined)) {
    const cmyk = await output(image.removeAlpha().pipelineColourspace('cmyk').toColourspace('cmyk'), label);
    if (cmyk.channels !== 4) throw unexpectedChannels(cmyk.channels, label);
    return { ...cmyk, data: await naiveCmykToRgb(cmyk.data, cmyk.width, cmyk.height), channels: 3 };
  }
  return rgbOf(image, header.hasAlpha, label, policy);
}

interface Pixels {
  data: Uint8Array;
  width: number;
  height: number;
  channels: number;
}

async function output(image: Sharp, label: string): Promise<Pixels> {
  try {
    const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height, channels: info.channels };
  } catch (error) {
    throw decodeError(error, label);
  }
}

function unexpectedChannels(channels: number, label: string): HyperIQAError {
  return new HyperIQAError('ERR_IMAGE_FORMAT', `${label} has ${channels} colour channels, which make no RGB image.`);
}

function decodeError(error: unknown, label: string): HyperIQAError {
  const words = (error instanceof Error ? error.message : String(error)).replace(/\s*\n\s*/g, '; ');
  if (/out of memory|allocation failed|unable to allocate|cannot allocate|bad_alloc/i.test(words)) {
    return new HyperIQAError('ERR_OUT_OF_MEMORY', `There is not enough memory to decode ${label}: ${words}`, {
      cause: error,
    });
  }
  return new HyperIQAError('ERR_IMAGE_DECODE', `${label} is damaged or cut off: ${words}`, { cause: error });
}

/**
 * Says that colours were taken as stored although a profile gives them another meaning. A profile that calls itself
 * sRGB changes nothing worth a warning.
 */
function profileWarnings(header: Metadata, policy: DecodePolicy): Warning[] {
  const profile = header.icc;
  if (policy.iccProfile !== 'ignore' || profile === undefined) return [];
  if (profile.includes('sRGB', 0, 'latin1') || profile.includes(UTF16_SRGB)) return [];
  return [
    {
      code: 'WARN_ICC_PROFILE_IGNORED',
      message:
        'The image has a colour profile other than sRGB, which this protocol ignores as the reference implementation ' +
        'does: its colours were taken as stored.',
    },
  ];
}

/** `sRGB` in UTF-16, big-endian, as ICC profiles store their description. */
const UTF16_SRGB = Buffer.from('\0s\0R\0G\0B', 'latin1');
