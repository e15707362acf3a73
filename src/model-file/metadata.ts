/** What `hyperiqa.json` says of a quality model: fields as the file format names them, and as the API does. */
import type { ModelMetadata, Protocol } from '../types.js';

/** `hyperiqa.json` of a quality model (docs/model-format.md). */
export type StoredMetadata = Omit<ModelMetadata, 'license' | 'protocol'> & {
  licence: string;
  protocol: Omit<Protocol, 'minSide'> & { minimumSide: number };
};

export function presented({ licence, protocol, ...metadata }: StoredMetadata): ModelMetadata {
  const { minimumSide, ...others } = protocol;
  return { ...metadata, license: licence, protocol: { ...others, minSide: minimumSide } };
}
