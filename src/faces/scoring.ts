/** Whole image and faces scored together. */
import type { FileHandle } from 'node:fs/promises';

import { onAbort } from '../support/abort.js';
import { fromCallSite } from '../support/call-site.js';
import { checkScoreOptions, type CheckedScoreOptions } from '../scoring/options.js';
import { checkBatchOptions, checkInputs, scoreAll } from '../scoring/many.js';
import { HeldImage } from '../image/held.js';
import { holdOpen, isEnding, scorePlanned, type HyperIQA } from '../scoring/scorer.js';
import { isRereadable } from '../image/source.js';
import type {
  BatchItem,
  DecodedImage,
  RawImage,
  ScoreOptions,
  ScoreResult,
  SharpInstance,
  SharpOutput,
} from '../types.js';
import { checkObject, checkSignal, invalid } from '../support/validate.js';
import { detectPlanned, isDetectorEnding, type FaceDetector } from './detector.js';
import { checkDetectOptions, type CheckedDetectOptions } from './detect-options.js';
import type { DetectOptions, DetectResult, Face } from './types.js';

/**
 * An input that can be read twice: once for the whole image, once for its faces. An instance of sharp must not be fed by a
 * stream.
 */
export type RereadableImage =
  string | URL | Uint8Array | ArrayBuffer | Blob | FileHandle | SharpInstance | SharpOutput | RawImage | DecodedImage;

/** Options of `scoreWithFaces`. */
export interface FaceScoreOptions {
  score?: Omit<ScoreOptions, 'signal'>;
  detect?: Omit<DetectOptions, 'signal' | 'crops'>;
  /** Ends the call early: it rejects with ERR_ABORTED. */
  signal?: AbortSignal;
}

/** Options of `scoreAllWithFaces`. */
export interface FaceScoreAllOptions extends FaceScoreOptions {
  /** Images under way at once. Default 4; never more than `maxPending` of scorer and detector. */
  concurrency?: number;
  /** `input` (default): results in the order of the inputs; `completed`: as they are ready. */
  order?: 'input' | 'completed';
}

/** A face with the score of its crop. */
export interface ScoredFace extends Omit<Face, 'pixels'> {
  /** Null where the face was not kept. */
  result: ScoreResult | null;
  /**
   * The protocol made the crop larger before it was scored, on one axis at least. The score is then also that of the
   * enlargement, which blurs.
   */
  enlarged: boolean;
}

/** Scores of an image and of the faces in it. */
export interface FaceScoreResult {
  /** The whole image's score, as `HyperIQA.score` gives it. */
  image: ScoreResult;
  detection: Omit<DetectResult, 'faces'> & { faces: ScoredFace[] };
}

/**
 * Scores an image, and the crops of its kept faces, with the same options. Crops that the protocol enlarges are flagged.
 *
 * Faces are found and cut out in the image as it is seen (upright, sRGB), whatever the protocol's decode policy; the
 * whole image follows the protocol. The call counts in `pending` of both; the crops of its faces wait for their places.
 *
 * @throws HyperIQAError (as a rejection) the codes of `HyperIQA.score` and `FaceDetector.detect`
 */
export function scoreWithFaces(
  iqa: HyperIQA,
  detector: FaceDetector,
  input: RereadableImage,
  options: FaceScoreOptions = {},
): Promise<FaceScoreResult> {
  return fromCallSite(async () => scoreBoth(iqa, detector, input, check(options, iqa, detector)));
}

/**
 * `scoreWithFaces` for every image of an iterable; each item has its result or its error. Images wait where the scorer or
 * the detector has `maxPending` calls.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT at the call; ERR_ABORTED or ERR_DISPOSED from the loop
 */
export function scoreAllWithFaces<T extends RereadableImage>(
  iqa: HyperIQA,
  detector: FaceDetector,
  inputs: Iterable<T> | AsyncIterable<T>,
  options: FaceScoreAllOptions = {},
): AsyncGenerator<BatchItem<T, FaceScoreResult>, void, undefined> {
  checkInputs(inputs, 'scoreAllWithFaces');
  const checked = check(options, iqa, detector, ['concurrency', 'order']);
  return scoreAll(inputs, {
    score: (input, signal) => scoreBoth(iqa, detector, input, { ...checked, signal, waits: true }),
    ...checkBatchOptions(options, () => 4, Math.min(iqa.maxPending, detector.maxPending)),
    signal: checked.signal,
    ending: () => isEnding(iqa) || isDetectorEnding(detector),
  });
}

/** The options of both, checked. */
interface Plan {
  score: CheckedScoreOptions;
  detect: CheckedDetectOptions;
  signal: AbortSignal | undefined;
  waits?: boolean;
}

/** Wrong options are told before any image is touched. */
function check(options: unknown, iqa: HyperIQA, detector: FaceDetector, furtherKeys: readonly string[] = []): Plan {
  const fields = checkObject('options', options, ['score', 'detect', 'signal', ...furtherKeys]);
  return {
    score: checkScoreOptions(fields.score ?? {}, iqa.info.model),
    detect: { ...checkDetectOptions(fields.detect ?? {}, detector.info.model.detection.searchSize), crops: true },
    signal: fields.signal === undefined ? undefined : checkSignal('signal', fields.signal),
  };
}

async function scoreBoth(
  iqa: HyperIQA,
  detector: FaceDetector,
  input: RereadableImage,
  { score, detect, signal, waits = false }: Plan,
): Promise<FaceScoreResult> {
  if (!(input instanceof HeldImage) && !isRereadable(input)) {
    throw invalid(
      'The image',
      'a path, a file URL, encoded bytes, a Blob, a FileHandle, what sharp gives or raw pixels, which can be read twice',
      input,
    );
  }
  // The faces are scored after the whole image: a drain waits for them.
  const release = holdOpen(iqa);
  // If one part fails, the others are cancelled.
  const parts = new AbortController();
  if (signal?.aborted) parts.abort(signal.reason);
  const stopListening = onAbort(signal, () => {
    parts.abort(signal?.reason);
  });
  try {
    const scoring = { ...score, signal: parts.signal };
    const whole = scorePlanned(iqa, input, { ...scoring, waits });
    // If the detection fails first, its error is the one reported.
    whole.catch(() => undefined);
    const { faces, ...detection } = await detectPlanned(detector, input, { ...detect, signal: parts.signal, waits });
    const scored = await Promise.all(
      faces.map(async ({ pixels, ...face }): Promise<ScoredFace> => {
        if (pixels === undefined) return { ...face, result: null, enlarged: false };
        const result = await scorePlanned(iqa, pixels, { ...scoring, waits: true, follows: true });
        const enlarged = result.resized.width > result.width || result.resized.height > result.height;
        return { ...face, result, enlarged };
      }),
    );
    return { image: await whole, detection: { ...detection, faces: scored } };
  } catch (error) {
    parts.abort(error);
    throw error;
  } finally {
    stopListening();
    release();
  }
}
