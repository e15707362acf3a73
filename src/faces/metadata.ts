/** Converts the `hyperiqa.json` of a face detector from the fields of the file format to those of the API. */
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
