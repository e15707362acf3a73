/** Turns an evaluation, or predictions alone, into the data behind pictures and page. */
import type { DroppedRow, Evaluation, Scale } from '../evaluation/index.js';
import { uniteTables } from '../evaluation/unite.js';
import { applyLinear, applyLogistic, type LogisticFit } from '../metrics/index.js';
import type { ReportImage, ReportInput, ReportModel, ReportPredictor } from './types.js';

/** Content of a report before the images have been located. */
export interface ReportContent {
  readonly images: readonly Omit<ReportImage, 'path'>[];
  readonly dropped: readonly DroppedRow[];
}

export function contentOf(input: ReportInput): ReportContent {
  if ('data' in input) {
    const { images, dropped } = input.data;
    return { images: images.map(({ file, mos, scores }) => ({ name: file, mos, scores })), dropped };
  }
  const { images, dropped } = uniteTables(input.predictions);
  return { images: images.map(({ file, scores }) => ({ name: file, mos: null, scores })), dropped };
}

/** @param paths - For each image where it lies; null where it was not found. */
export function modelOf(input: ReportInput, content: ReportContent, paths: readonly (string | null)[]): ReportModel {
  const images = content.images.map((image, i): ReportImage => ({ ...image, path: paths[i] ?? null }));
  if (!('data' in input)) {
    return {
      images,
      predictors: input.predictions.predictors.map(({ name, higherIsBetter }, index) => ({
        ...{ name, index, higherIsBetter, fitted: undefined, rmse: null, comparable: undefined, mapped: false },
      })),
      evaluation: undefined,
    };
  }
  const { evaluation } = input;
  return {
    images,
    predictors: evaluation.predictors.map((predictor, index) => predictorOf(evaluation, predictor, index, images)),
    evaluation,
  };
}

function predictorOf(
  evaluation: Evaluation,
  { name, higherIsBetter, scale, overall, linearMap }: Evaluation['predictors'][number],
  index: number,
  images: readonly ReportImage[],
): ReportPredictor {
  const { fit } = overall;
  const usable = fit.parameters !== null && fit.converged;
  const same =
    higherIsBetter === evaluation.humanScores.higherIsBetter &&
    onScale(
      images.flatMap(({ scores }) => scores[index] ?? []),
      scale,
      evaluation.humanScores.scale,
    );
  return {
    ...{ name, index, higherIsBetter, rmse: overall.fitted.rmse },
    fitted: usable ? (score) => applyLogistic(fit as LogisticFit, [score])[0] ?? NaN : undefined,
    comparable: same ? (score) => score : linearMap ? (score) => applyLinear(linearMap, [score])[0] ?? NaN : undefined,
    mapped: !same,
  };
}

/**
 * Tests whether predictions are on the scale of the human scores: by their own scale if it is known, else if they lie
 * within it and cover a tenth of it, so that scores of 0 to 1 do not pass for poor ones of 0 to 100.
 */
function onScale(scores: readonly number[], known: Scale | null, human: Scale): boolean {
  if (known !== null) return known.minimum === human.minimum && known.maximum === human.maximum;
  const length = human.maximum - human.minimum;
  let [low, high] = [Infinity, -Infinity];
  for (const score of scores) {
    low = Math.min(low, score);
    high = Math.max(high, score);
  }
  const within = low >= human.minimum - length / 10 && high <= human.maximum + length / 10;
  return within && high - low >= length / 10;
}
