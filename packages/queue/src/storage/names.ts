/** Names of images and places: paths, and objects of S3-compatible storage as `s3://bucket/key`. */
import { HyperIQAError } from 'hyperiqa';

/** An object, or with an incomplete key all objects that begin with it. */
export interface ObjectName {
  readonly bucket: string;
  readonly key: string;
}

/** The object that a name stands for; undefined for paths. A key may hold any character, so this is no parse of a URL. */
export function objectName(name: string): ObjectName | undefined {
  const [, bucket, key] = /^s3:\/\/([^/]+)(?:\/(.*))?$/s.exec(name) ?? [];
  if (bucket !== undefined) return { bucket, key: key ?? '' };
  if (name.startsWith('s3:')) {
    throw new HyperIQAError('ERR_INVALID_ARGUMENT', `${name} names no object: write s3://BUCKET/KEY.`);
  }
  return undefined;
}
