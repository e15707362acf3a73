/** Encoded images to 8-bit RGB by sharp (libvips), off the event loop. docs/images.md tells what is measured of it. */
import type { Metadata, Sharp } from 'sharp';
import { loadSharp } from './sharp.js';

import { HyperIQAError } from '../errors.js';
import type { DecodePolicy, RawImage, Warning } from '../types.js';
import { expandLimitedRange, flattenOnWhite, highBytes, naiveCmykToRgb } from './arithmetic.js';
import { decodeBmp } from './bmp.js';
import { endsFlat, type Grey } from './flat-end.js';
import { ACCEPTED, type ImageFormat } from './formats.js';
import { checkPixelLimit } from './limits.js';
import { damaged, firstMissing, prepare, unsupported, type Prepared } from './prepare.js';
import { checkFormat } from './source.js';

/** Interleaved RGB, `width·height·3` bytes that belong to nobody else. */
export interface RgbImage {
  data: Uint8Array;
  width: number;
  height: number;
  warnings: Warning[];
}

/**
 * Decodes an encoded image under a policy; the format is told by the bytes.
 *
 * @param bytes - A whole file, which may be changed: what does not decide the pixels is taken out.
 * @param check - Refuses an image by the size in its header (upright, where the policy turns it) by throwing.
 * @throws HyperIQAError ERR_IMAGE_EMPTY, ERR_IMAGE_FORMAT, ERR_IMAGE_DECODE, ERR_IMAGE_TOO_LARGE, ERR_OUT_OF_MEMORY
 */
export async function decodeBytes(
  bytes: Uint8Array,
  label: string,
  policy: DecodePolicy,
  limitInputPixels: number,
  check?: (width: number, height: number) => void,
): Promise<RgbImage> {
  const format = checkFormat(bytes, label);
  if (format === 'bmp') return rawToRgb(await decodeBmp(bytes, label, limitInputPixels), label, policy);

  const prepared = await prepare(bytes, format, label);
  try {
    const header = await readHeader(prepared, format, label, limitInputPixels);
    const upright = turns({ prepared, policy }) ? header.autoOrient : header;
    check?.(upright.width, upright.height);
    const missing = format === 'gif' ? await prepared.missing() : null;
    if (missing !== null) throw damaged(missing, label);
    const { data, width, height } = await checkedRgb({ prepared, header, label, policy, limitInputPixels });
    return { data, width, height, warnings: profileWarnings(header, policy) };
  } catch (error) {
    throw error instanceof HyperIQAError ? error : await decodeError(error, prepared, label);
  }
}

/** Raw pixels under a policy: there is no profile and no orientation, but there may be alpha. */
export async function rawToRgb(raw: RawImage, label: string, policy: DecodePolicy): Promise<RgbImage> {
  const { data, width, height, channels } = raw;
  if (channels === 3) return { data: bytesOf(data), width, height, warnings: [] };
  const image = loadSharp()(data, { raw: { width, height, channels }, limitInputPixels: false });
  try {
    return { ...(await rgbOf(image, channels === 1 ? undefined : 3, label, policy)), width, height, warnings: [] };
  } catch (error) {
    throw error instanceof HyperIQAError ? error : await decodeError(error, null, label);
  }
}

function bytesOf(data: Uint8Array | Uint8ClampedArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Names of sharp's loaders, where they differ from ours. */
const LOADERS: Partial<Record<ImageFormat, string>> = { avif: 'heif' };

/** Reads the header, and refuses everything that can be refused without decoding a pixel. */
async function readHeader(
  { bytes, size }: Prepared,
  format: ImageFormat,
  label: string,
  limitInputPixels: number,
): Promise<Metadata> {
  if (size !== undefined) checkPixelLimit(size.width, size.height, limitInputPixels, label);
  const options = { failOn: 'error', limitInputPixels: false, limitInputChannels: false } as const;
  const header = await loadSharp()(bytes, options).metadata();
  if (header.format !== (LOADERS[format] ?? format)) {
    throw new HyperIQAError('ERR_IMAGE_FORMAT', `${label} is of format ${header.format}. Accepted are ${ACCEPTED}.`);
  }
  checkPixelLimit(header.width, header.height, limitInputPixels, label);
  return header;
}

interface Task {
  prepared: Prepared;
  header: Metadata;
  label: string;
  policy: DecodePolicy;
  limitInputPixels: number;
}

/** Pixels of an image whose data are all there. */
async function checkedRgb(task: Task): Promise<Pixels> {
  const { prepared, label } = task;
  let pixels: Pixels;
  try {
    pixels = await toRgb(task, prepared.failOn);
  } catch (error) {
    if (!prepared.lenient || error instanceof HyperIQAError) throw error;
    const missing = await prepared.missing();
    if (missing !== null) throw damaged(missing, label);
    return toRgb(task, 'error');
  }
  const orientation = turns(task) ? (task.header.orientation ?? 1) : 1;
  const missing = await firstMissing(
    prepared.streams.filter((stream) => endsFlat(pixels, stream, orientation, greyOf(task))),
  );
  if (missing !== null) throw damaged(missing, label);
  return pixels;
}

/** Value that libjpeg's filling grey has after decoding. */
function greyOf({ header, policy }: Task): Grey {
  if (header.space === 'cmyk') return 'any';
  return policy.iccProfile === 'srgb' && header.icc !== undefined ? 'neutral' : 'as it was';
}

/** Pillow turns a TIFF by its own tag when it loads it, whatever is done with EXIF later. */
function turns({ prepared, policy }: Pick<Task, 'prepared' | 'policy'>): boolean {
  return policy.orientation === 'exif' || prepared.tiff !== undefined;
}

async function toRgb(task: Task, failOn: 'error' | 'warning'): Promise<Pixels> {
  const { prepared, header, label, policy, limitInputPixels } = task;
  const ignoreIcc = policy.iccProfile === 'ignore';
  const image = loadSharp()(prepared.bytes, {
    autoOrient: turns(task),
    failOn,
    ignoreIcc,
    limitInputPixels,
    limitInputChannels: false,
  });
  const { tiff } = prepared;
  if (prepared.limitedGrey && !ignoreIcc && header.icc !== undefined) {
    throw unsupported('AVIF', 'grey of limited range and a colour profile', label);
  }
  // Without a profile to go by, libvips would take one of its own for the printer's inks.
  if (header.space === 'cmyk' && (ignoreIcc || header.icc === undefined)) {
    if (tiff?.alpha !== undefined && policy.alpha === 'white') {
      throw unsupported('TIFF', 'CMYK colours and alpha', label);
    }
    const inks = image.removeAlpha().pipelineColourspace('cmyk').toColourspace('cmyk');
    const cmyk = await output(inks, header.depth === 'ushort' ? 'ushort' : 'uchar');
    if (cmyk.channels !== 4) throw unexpectedChannels(cmyk.channels, label);
    return { ...cmyk, data: await naiveCmykToRgb(cmyk.data, cmyk.width, cmyk.height), channels: 3 };
  }
  const alpha = tiff === undefined ? (header.hasAlpha ? 3 : undefined) : tiff.alpha && 3 + tiff.alpha - tiff.colours;
  return rgbOf(image, alpha, label, policy, prepared.limitedGrey);
}

/** The colours of an image in sRGB, with the policy for alpha. `alpha` is the channel that it is, if any. */
async function rgbOf(
  image: Sharp,
  alpha: number | undefined,
  label: string,
  policy: DecodePolicy,
  limitedGrey = false,
): Promise<Pixels> {
  const onWhite = alpha !== undefined && policy.alpha === 'white';
  const all = await output((onWhite ? image : image.removeAlpha()).toColourspace('srgb'), 'uchar');
  const { data, width, height, channels } = all;
  if (onWhite ? channels <= alpha : channels !== 3) throw unexpectedChannels(channels, label);
  if (limitedGrey) await expandLimitedRange(data, width, height, channels);
  if (!onWhite) return all;
  return { ...all, data: await flattenOnWhite(data, width, height, { channels, alpha }), channels: 3 };
}

interface Pixels {
  data: Uint8Array;
  width: number;
  height: number;
  channels: number;
}

async function output(image: Sharp, depth: 'uchar' | 'ushort'): Promise<Pixels> {
  const { data, info } = await image.raw({ depth }).toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  return { data: depth === 'uchar' ? data : await highBytes(data, width * channels, height), width, height, channels };
}

function unexpectedChannels(channels: number, label: string): HyperIQAError {
  return new HyperIQAError('ERR_IMAGE_FORMAT', `${label} has ${channels} colour channels, which make no RGB image.`);
}

/**
 * Converts a failure of sharp. Its message is not passed on: libvips collects the messages of all threads in one place,
 * so it may concern another image. Missing data are looked for a second time if that is possible.
 */
async function decodeError(error: unknown, prepared: Prepared | null, label: string): Promise<HyperIQAError> {
  const missing = await prepared?.missing();
  if (missing) return damaged(missing, label);
  const words = error instanceof Error ? error.message : String(error);
  if (/out of memory|allocation failed|unable to allocate|cannot allocate|bad_alloc/i.test(words)) {
    return new HyperIQAError('ERR_OUT_OF_MEMORY', `There is not enough memory to decode ${label}.`);
  }
  return damaged('its data cannot be decoded', label);
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
