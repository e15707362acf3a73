/** What `hyperiqa.json` says of a model: fields as the file format names them, and as the API does. */
import type { DetectorMetadata } from '../faces/types.js';
import type { ModelMetadata, Protocol } from '../types.js';

/** `hyperiqa.json` of a quality model (docs/model-format.md). */
export type StoredMetadata = Omit<ModelMetadata, 'license' | 'protocol'> & {
  licence: string;
  protocol: Omit<Protocol, 'minSide'> & { minimumSide: number };
};

/** `hyperiqa.json` of a face detector. */
export type StoredDetectorMetadata = Omit<DetectorMetadata, 'license' | 'detection'> & {
  licence: string;
  detection: Omit<DetectorMetadata['detection'], 'searchSize'> & { minimumFace: number };
};

export function presented({ licence, protocol, ...metadata }: StoredMetadata): ModelMetadata {
  const { minimumSide, ...others } = protocol;
  return { ...metadata, license: licence, protocol: { ...others, minSide: minimumSide } };
}

export function presentedDetector({ licence, detection, ...metadata }: StoredDetectorMetadata): DetectorMetadata {
  const { minimumFace, ...others } = detection;
  return { ...metadata, license: licence, detection: { ...others, searchSize: minimumFace } };
}
