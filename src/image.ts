/** Anything a user has → RGB, 8 bit. */
import { HyperIQAError } from './errors.js';
import { decodeBytes, rawToRgb, type DecodedImage } from './image/decode.js';
import { openSource, type Source } from './image/source.js';
import type { DecodePolicy, ImageInput } from './types.js';

export { DEFAULT_LIMIT_INPUT_PIXELS } from './image/limits.js';
export type { DecodedImage } from './image/decode.js';

/** An input that has been taken hold of, and that can be decoded once. */
export interface CapturedImage {
  /** How messages name it. */
  readonly label: string;
  /** Resolves when nothing but decoding (and reading of a file) is left to do; rejects as `decode` would. */
  arrived(): Promise<void>;
  /**
   * Reads and decodes.
   *
   * @throws HyperIQAError ERR_IMAGE_NOT_FOUND, ERR_IMAGE_READ, ERR_IMAGE_EMPTY, ERR_IMAGE_FORMAT, ERR_IMAGE_DECODE,
   *   ERR_IMAGE_TOO_LARGE, ERR_INVALID_ARGUMENT (a stream of something else than bytes), ERR_OUT_OF_MEMORY
   */
  decode(policy: DecodePolicy): Promise<DecodedImage>;
  /** Lets go of a stream that is still being read. */
  cancel(): void;
}

/**
 * Takes hold of an input, synchronously: what is in memory is copied, so that the caller may reuse it at once, and
 * streams are listened to.
 *
 * @param limitInputPixels - Largest width × height accepted, looked at before anything is decoded.
 * @throws HyperIQAError ERR_INVALID_ARGUMENT, ERR_IMAGE_RAW_SIZE, ERR_IMAGE_TOO_LARGE, ERR_IMAGE_READ
 */
export function captureImage(input: ImageInput, limitInputPixels: number): CapturedImage {
  let source: Source;
  try {
    source = openSource(input, limitInputPixels);
  } catch (error) {
    throw withMemoryTold('the image', error);
  }
  const { label } = source;
  return {
    label,
    arrived: () => source.arrived(),
    decode: async (policy) => {
      try {
        const content = await source.read();
        return content instanceof Uint8Array
          ? await decodeBytes(content, label, policy, limitInputPixels)
          : await rawToRgb(content, label, policy);
      } catch (error) {
        throw withMemoryTold(label, error);
      }
    },
    cancel: () => {
      source.cancel();
    },
  };
}

/** JavaScript says with a RangeError that there is no memory for a buffer. */
function withMemoryTold(label: string, error: unknown): unknown {
  if (!(error instanceof RangeError) || !/allocation failed/i.test(error.message)) return error;
  const message = `There is not enough memory for ${label}: ${error.message}`;
  return new HyperIQAError('ERR_OUT_OF_MEMORY', message, { cause: error });
}
