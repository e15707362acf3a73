/** What `hyperiqa.json` says of a face detector: fields as the file format names them, and as the API does. */
import type { DetectorMetadata } from './types.js';

/** `hyperiqa.json` of a face detector (docs/model-format.md). */
export type StoredDetectorMetadata = Omit<DetectorMetadata, 'license' | 'detection'> & {
  licence: string;
  detection: Omit<DetectorMetadata['detection'], 'searchSize'> & { minimumFace: number };
};

export function presentedDetector({ licence, detection, ...metadata }: StoredDetectorMetadata): DetectorMetadata {
  const { minimumFace, ...others } = detection;
  return { ...metadata, license: licence, detection: { ...others, searchSize: minimumFace } };
}
