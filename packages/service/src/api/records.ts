/** Results as records of hyperiqa's JSON Schema (`hyperiqa/schema/record.json`). */
import type { ScoreResult } from 'hyperiqa';
import type { DetectResult, FaceScoreResult } from 'hyperiqa/faces';
import type { Failure } from '../errors.js';

export function scoredRecord(file: string, result: ScoreResult, provenance: boolean) {
  const { score, standardError, spread, crops, width, height, resized, warnings } = result;
  return {
    file,
    ...{ score, standardError, spread, crops, width, height, resized, warnings },
    ...(provenance && { provenance: result.provenance }),
  };
}

/** A record with the faces of the image. */
export function scoredWithFacesRecord(file: string, { image, detection }: FaceScoreResult, provenance: boolean) {
  return {
    ...scoredRecord(file, image, provenance),
    faces: {
      status: detection.status,
      faces: detection.faces.map(({ result, ...face }) => ({
        ...face,
        score: result?.score ?? null,
        standardError: result?.standardError ?? null,
        spread: result?.spread ?? null,
      })),
      ...(provenance && { provenance: detection.provenance }),
    },
  };
}

export function facesRecord(file: string, result: DetectResult, provenance: boolean) {
  const { status, faces, width, height, warnings } = result;
  return { file, status, faces, width, height, warnings, ...(provenance && { provenance: result.provenance }) };
}

export const failedRecord = (file: string, { code, message }: Failure) => ({ file, error: { code, message } });
