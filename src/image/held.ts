/** An image that stays decoded for several uses. */
import { HyperIQAError } from '../errors.js';
import type { DecodedImage, DecodePolicy, RawImage } from '../types.js';
import { decodeBytes, rawToRgb, type RgbImage } from './decode.js';

/** Content of an input: a whole encoded file, or pixels. */
export type ImageContent = Uint8Array | RawImage;

/**
 * Pixels for each decode policy that was asked for, and what they are made from, so that a use with another policy gets
 * the same pixels as from the file.
 */
export class HeldImage implements DecodedImage {
  readonly width: number;
  readonly height: number;
  readonly label: string;
  readonly encodedBytes: number;
  #content: Content | undefined;

  /**
   * @param content - Bytes or pixels that belong to nobody else.
   * @param first - What they became under `policy`.
   */
  constructor(label: string, content: ImageContent, limitInputPixels: number, policy: DecodePolicy, first: RgbImage) {
    this.label = label;
    this.width = first.width;
    this.height = first.height;
    this.encodedBytes = content instanceof Uint8Array ? content.byteLength : 0;
    this.#content = new Content(label, content, limitInputPixels, policy, first);
  }

  get byteLength(): number {
    return this.#content === undefined ? 0 : this.encodedBytes + this.#content.pixelBytes;
  }

  /**
   * The pixels for a call that has begun, which `dispose` does not take away from it.
   *
   * @throws HyperIQAError ERR_DISPOSED
   */
  take(): { pixels(policy: DecodePolicy): Promise<RgbImage> } {
    if (this.#content !== undefined) return this.#content;
    throw new HyperIQAError('ERR_DISPOSED', 'The decoded image has been disposed of.');
  }

  dispose(): void {
    this.#content = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

class Content {
  pixelBytes: number;
  readonly #byPolicy = new Map<string, Promise<RgbImage>>();

  constructor(
    private readonly label: string,
    private readonly content: ImageContent,
    private readonly limitInputPixels: number,
    policy: DecodePolicy,
    first: RgbImage,
  ) {
    this.#byPolicy.set(keyOf(policy), Promise.resolve(first));
    this.pixelBytes = first.data.byteLength;
  }

  /** @throws HyperIQAError the codes of decoding */
  pixels(policy: DecodePolicy): Promise<RgbImage> {
    const key = keyOf(policy);
    const known = this.#byPolicy.get(key);
    if (known !== undefined) return known;
    const decoding = this.#decode(policy);
    this.#byPolicy.set(key, decoding);
    decoding.then(
      ({ data }) => {
        this.pixelBytes += data.byteLength;
      },
      () => {
        // Forget the failure, which may be a passing lack of memory, so that the next use tries again.
        this.#byPolicy.delete(key);
      },
    );
    return decoding;
  }

  #decode(policy: DecodePolicy): Promise<RgbImage> {
    const { content, label, limitInputPixels } = this;
    if (!(content instanceof Uint8Array)) return rawToRgb(content, label, policy);
    // A copy: decoding takes what does not decide the pixels out of its bytes.
    return decodeBytes(content.slice(), label, policy, limitInputPixels);
  }
}

const keyOf = ({ iccProfile, alpha, orientation }: DecodePolicy) => `${iccProfile} ${alpha} ${orientation}`;
