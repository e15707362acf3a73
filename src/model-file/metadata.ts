/** Converts the `hyperiqa.json` of a quality model from the fields of the file format to those of the API. */
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
