/**
 * Limits of the sizes that an image takes on its way to the model. They follow from its own size, so an image is refused
 * before a pixel is decoded if its header has the size. See docs/images.md.
 */
import { HyperIQAError } from '../errors.js';
import { MAXIMUM_CROPS, resizedSize } from '../protocol/protocol.js';
import type { Protocol } from '../types.js';

/** Pixels that any image may be resized to, however small `limitInputPixels` is: a thumbnail is enlarged, too. */
const ALWAYS_PIXELS = 2 ** 22;
/** Largest image that the engine takes, before and after the resize: `kMaxPixels` of native/engine/engine.h. */
export const ENGINE_PIXELS = 2 ** 28;
/**
 * Longer over shorter side where a protocol scales both alike: a line of pixels, made 384 pixels wide, would become a
 * gigabyte and thousands of patches. Panoramas and strips of film stay far below.
 */
const MAXIMUM_ASPECT = 100;
/** A map with patches 32 pixels apart, which is the default, has fewer than one patch for so many pixels. */
const PIXELS_A_PATCH = 32 ** 2;

/** A decoded image, as far as it is known before the pixels. */
export interface ImageSize {
  /** Name of the image in messages. */
  label: string;
  /** Pixels. */
  width: number;
  height: number;
}

const tooLarge = (message: string) => new HyperIQAError('ERR_IMAGE_TOO_LARGE', message);

/** @throws HyperIQAError ERR_IMAGE_TOO_LARGE for an image that the engine would refuse after it was decoded */
export function checkEngineSize({ label, width, height }: ImageSize): void {
  if (width * height <= ENGINE_PIXELS) return;
  throw tooLarge(
    `${label} has ${width}×${height} = ${width * height} pixels, more than the ${ENGINE_PIXELS} that an image may have ` +
      'whatever limitInputPixels is. Scale it down.',
  );
}

/**
 * The size that a protocol gives an image.
 *
 * @throws HyperIQAError ERR_IMAGE_TOO_LARGE for one that is too narrow, or whose resized copy would have more pixels than
 *   `limitInputPixels` (4 194 304 at least)
 */
export function checkedResize(
  image: ImageSize,
  protocol: Protocol,
  limitInputPixels: number,
): { width: number; height: number } {
  checkEngineSize(image);
  const { label, width, height } = image;
  const resized = resizedSize(protocol, width, height);
  const pixels = resized.width * resized.height;
  const becomes =
    `${label} has ${width}×${height} pixels, and the protocol '${protocol.name}' makes ` +
    `${resized.width}×${resized.height} = ${pixels} of them`;
  const shorter = Math.min(width, height);
  const scaled = protocol.resize.mode === 'short-side' || shorter < protocol.minSide;
  if (protocol.resize.mode !== 'exact' && scaled && Math.max(width, height) > MAXIMUM_ASPECT * shorter) {
    const patches = Math.ceil(resized.width / 224) * Math.ceil(resized.height / 224);
    throw tooLarge(
      `${becomes} (${patches} patches to cover it). An image that is scaled so may be at most ${MAXIMUM_ASPECT} times as ` +
        'long as it is wide: cut a less narrow part out of it.',
    );
  }
  const limit = Math.min(Math.max(limitInputPixels, ALWAYS_PIXELS), ENGINE_PIXELS);
  if (pixels > limit) {
    throw tooLarge(
      `${becomes}, more than the limit of ${limit}. Cut a less narrow part out of it` +
        (limit < ENGINE_PIXELS
          ? ', or raise limitInputPixels if you trust it.'
          : ', or use a protocol that makes less of it.'),
    );
  }
  return resized;
}

/**
 * Patches that the size of an image calls for.
 *
 * @param resized - Of the image that they are cut from, pixels.
 * @throws HyperIQAError ERR_IMAGE_TOO_LARGE for more than one for 1024 pixels of `limitInputPixels` (4096 at least, 100 000
 *   at most)
 */
export function checkPatches(
  label: string,
  resized: { width: number; height: number },
  patches: number,
  limitInputPixels: number,
): void {
  const limit = Math.min(MAXIMUM_CROPS, Math.floor(Math.max(limitInputPixels, ALWAYS_PIXELS) / PIXELS_A_PATCH));
  if (patches <= limit) return;
  throw tooLarge(
    `${label}, resized to ${resized.width}×${resized.height} pixels, would have ${patches} patches, more than the limit of ` +
      `${limit}. Use a larger stride or a protocol that scales the image down` +
      (limit < MAXIMUM_CROPS ? ', or raise limitInputPixels.' : '.'),
  );
}
