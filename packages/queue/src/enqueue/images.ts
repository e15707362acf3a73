/** Images as they are named for `enqueue`: where they come from, and what tells one from another. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { extname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { HyperIQAError, imageExtensions } from 'hyperiqa';
import { identityOf } from '../ledger/identity.js';
import type { S3Config } from '../storage/s3-config.js';
import type { Identity } from '../settings/settings.js';
import { objectName } from '../storage/names.js';
import { Buckets } from '../storage/s3.js';

/** An image for `enqueue` with something known of its content. */
export interface NamedImage {
  /** Path, or `s3://bucket/key`. */
  readonly name: string;
  /** Anything that changes with the content, such as an ETag; saves reading the image where `identity` is `content`. */
  readonly version?: string;
}

/**
 * The images of a bucket that begin with a prefix, by their extensions, in the order of their keys.
 *
 * @param place - `s3://bucket/prefix`
 * @throws HyperIQAError ERR_INVALID_ARGUMENT; ERR_STORAGE from the loop
 */
export function bucketImages(
  place: string,
  options: { s3?: S3Config; signal?: AbortSignal } = {},
): AsyncIterable<NamedImage> {
  const object = objectName(place);
  if (object === undefined) {
    throw new HyperIQAError('ERR_INVALID_ARGUMENT', `place must be s3://BUCKET/PREFIX, not ${place}.`);
  }
  return (async function* () {
    const buckets = new Buckets(options.s3);
    try {
      for await (const { key, etag } of buckets.list(object, options.signal)) {
        if (!imageExtensions.includes(extname(key).toLowerCase())) continue;
        yield { name: `s3://${object.bucket}/${key}`, ...(etag !== undefined && { version: etag }) };
      }
    } finally {
      await buckets.close();
    }
  })();
}

/** Makes identities of images. */
export class Identities {
  constructor(
    private readonly kind: Identity,
    private readonly buckets: Buckets,
  ) {}

  /** @throws HyperIQAError ERR_STORAGE */
  async of({ name, version }: NamedImage): Promise<Buffer> {
    if (this.kind === 'path') return identityOf(name);
    const content = version ?? (await this.#version(name));
    // An object that cannot be read now is known by its name: the worker will say what is wrong with it.
    return identityOf(content === undefined ? name : `\0${content}`);
  }

  async #version(name: string): Promise<string | undefined> {
    const object = objectName(name);
    if (object !== undefined) return (await this.buckets.head(object))?.etag;
    const hash = createHash('sha256');
    try {
      await pipeline(createReadStream(name, { highWaterMark: 1 << 20 }), hash);
    } catch {
      return undefined;
    }
    return hash.digest('hex');
  }
}
