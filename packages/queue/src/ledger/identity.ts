/** Identities of images: short hashes that tell an image from every other one of a queue. */
import { createHash, type BinaryLike } from 'node:crypto';

/**
 * Bytes of an identity. With 104 bits, two of 100 million images have the same one with a probability below 10⁻¹⁵; each
 * byte more costs Redis 100 MB for as many.
 */
export const IDENTITY_BYTES = 13;

/** @param text - What identifies the image: its name, or what changes with its content. */
export const identityOf = (text: BinaryLike): Buffer =>
  createHash('sha256').update(text).digest().subarray(0, IDENTITY_BYTES);
