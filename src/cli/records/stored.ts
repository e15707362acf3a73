/** Takes from a record of an earlier run what `--resume` needs: null where the image must be scored again. */
import type { FaceStatus } from '../../faces/index.js';
import { definitions } from './definitions.js';
import type { FaceOfRecord, FacesOfRecord } from './records.js';
import type { Stored } from './resume.js';

/** Reads the score of a record of `hyperiqa score`, if it is a number. A CSV cell is text, and an empty one is no score. */
export function scoreIn({ score }: Stored): number | null {
  const value = typeof score === 'string' && score.trim() !== '' ? Number(score) : score;
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** With `--faces`: every face that is kept has a score, too. */
export function scoreWithFacesIn(stored: Stored): number | null {
  const whole = 'faceStatus' in stored ? cellsAreWhole(stored) : facesAreWhole(stored.faces);
  return whole ? scoreIn(stored) : null;
}

function facesAreWhole(value: unknown): boolean {
  const { status, faces } = (value ?? {}) as Partial<FacesOfRecord>;
  return isFaceStatus(status) && Array.isArray(faces) && faces.every(faceIsWhole);
}

/** Null where the file was changed by hand: what JSON holds is not known. */
function faceIsWhole(face: Partial<FaceOfRecord> | null): boolean {
  if (typeof face?.kept !== 'boolean') return false;
  return !face.kept || scoreIn({ score: face.score }) !== null;
}

/** A row of CSV has the score of the largest face that is kept. */
function cellsAreWhole({ faceStatus, facesKept, faceScore }: Stored): boolean {
  return isFaceStatus(faceStatus) && (facesKept === '0' || scoreIn({ score: faceScore }) !== null);
}

const statuses: readonly unknown[] = definitions.faceStatus.enum satisfies readonly FaceStatus[];

export const isFaceStatus = (value: unknown): value is FaceStatus => statuses.includes(value);
