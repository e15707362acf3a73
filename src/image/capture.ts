/** Turns any input of a user into 8-bit RGB. */
import { HyperIQAError } from '../errors.js';
import { decodeBytes, rawToRgb, type RgbImage } from './decode.js';
import { HeldImage, type ImageContent } from './held.js';
import { checkByteLimit, checkPixelLimit, defaultByteLimit } from './limits.js';
import { openSource, type Source } from './source.js';
import { invalid } from '../support/validate.js';
import type { DecodePolicy, ImageInput } from '../types.js';

export { DEFAULT_LIMIT_INPUT_PIXELS } from './limits.js';
export type { RgbImage } from './decode.js';

/** An input that has been taken hold of, and that can be decoded once. */
export interface CapturedImage {
  /** Name of the image in messages. */
  readonly label: string;
  /** A stream or Blob: its bytes are to be collected first. Nothing is pulled from it before `arrived` or `decode`. */
  readonly arrives: boolean;
  /** Collects what arrives, so that only decoding (and reading of a file) is left to do; rejects as `decode` would. */
  arrived(): Promise<void>;
  /** Calls back, at once where it has happened already, when a stream breaks off, also while nobody reads it. */
  onBroken(tell: (error: HyperIQAError) => void): void;
  /**
   * Reads and decodes.
   *
   * @param check - Called with the size of the image (upright, where the policy turns it) as soon as it is known, before
   *   the pixels where the format has it in its header; may throw.
   * @throws HyperIQAError ERR_IMAGE_NOT_FOUND, ERR_IMAGE_READ, ERR_IMAGE_EMPTY, ERR_IMAGE_FORMAT, ERR_IMAGE_DECODE,
   *   ERR_IMAGE_TOO_LARGE, ERR_INVALID_ARGUMENT (a stream of something else than bytes), ERR_OUT_OF_MEMORY; what `check`
   *   throws
   */
  decode(policy: DecodePolicy, check?: (width: number, height: number) => void): Promise<RgbImage>;
  /** Lets go of memory, of a file that is being read and of a stream. */
  cancel(): void;
}

/**
 * Takes hold of an input, synchronously: what is in memory is copied, so that the caller may reuse it at once, and
 * streams are listened to.
 *
 * @param limitInputPixels - Largest width × height accepted, looked at before anything is decoded.
 * @param limitInputBytes - Largest number of encoded bytes accepted.
 * @param keep - Called with a copy of what is decoded, which then belongs to whoever keeps it.
 * @throws HyperIQAError ERR_INVALID_ARGUMENT, ERR_IMAGE_RAW_SIZE, ERR_IMAGE_TOO_LARGE, ERR_IMAGE_READ
 */
export function captureImage(
  input: ImageInput,
  limitInputPixels: number,
  limitInputBytes = defaultByteLimit(limitInputPixels),
  keep?: (content: ImageContent) => void,
): CapturedImage {
  if (input instanceof HeldImage) return captureHeld(input, limitInputPixels, limitInputBytes, keep);
  let source: Source;
  try {
    source = openSource(input, { limitInputPixels, limitInputBytes });
  } catch (error) {
    throw withMemoryTold('the image', error);
  }
  const { label, arrives } = source;
  return {
    label,
    arrives,
    arrived: async () => {
      try {
        await source.arrived();
      } catch (error) {
        throw withMemoryTold(label, error);
      }
    },
    onBroken: (tell) => {
      source.onBroken(tell);
    },
    decode: async (policy, check) => {
      try {
        const content = await source.read();
        keep?.(content instanceof Uint8Array ? content.slice() : content);
        if (content instanceof Uint8Array) return await decodeBytes(content, label, policy, limitInputPixels, check);
        check?.(content.width, content.height);
        return await rawToRgb(content, label, policy);
      } catch (error) {
        throw withMemoryTold(label, error);
      }
    },
    cancel: () => {
      source.cancel();
    },
  };
}

/** An image that is decoded already, or will be once more under another policy. */
function captureHeld(
  image: HeldImage,
  limitInputPixels: number,
  limitInputBytes: number,
  keep: ((content: ImageContent) => void) | undefined,
): CapturedImage {
  const { label, width, height, encodedBytes } = image;
  if (keep !== undefined) throw invalid('The image', 'one that is not decoded yet', image);
  checkByteLimit(encodedBytes, limitInputBytes, label);
  checkPixelLimit(width, height, limitInputPixels, label);
  const content = image.take();
  return {
    label,
    arrives: false,
    arrived: () => Promise.resolve(),
    onBroken: () => undefined,
    decode: async (policy) => {
      try {
        return await content.pixels(policy);
      } catch (error) {
        throw withMemoryTold(label, error);
      }
    },
    cancel: () => undefined,
  };
}

/** JavaScript says with a RangeError that there is no memory for a buffer. */
function withMemoryTold(label: string, error: unknown): unknown {
  if (!(error instanceof RangeError) || !/allocation failed/i.test(error.message)) return error;
  const message = `There is not enough memory for ${label}: ${error.message}`;
  return new HyperIQAError('ERR_OUT_OF_MEMORY', message, { cause: error });
}
