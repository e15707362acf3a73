/** Anything a user has → RGB, 8 bit. */
import type { DecodedImage } from './image/decode.js';
import { decodeBytes, rawToRgb } from './image/decode.js';
import { openSource } from './image/source.js';
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
  const source = openSource(input, limitInputPixels);
  return {
    label: source.label,
    cancel: () => {
      source.cancel();
    },
    arrived: () => source.arrived(),
    decode: async (policy) => {
      const content = await source.read();
      return content instanceof Uint8Array
        ? decodeBytes(content, source.label, policy, limitInputPixels)
        : rawToRgb(content, source.label, policy);
    },
  };
}
