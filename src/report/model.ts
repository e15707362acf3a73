/** From an evaluation, or from predictions alone, to what the pictures and the page are made from. */
import type { Evaluation, Scale } from '../evaluation/index.js';
import { applyLinear, applyLogistic, type LogisticFit } from '../metrics/index.js';
import type { ReportImage, ReportInput, ReportModel, ReportPredictor } from './types.js';

/** @param paths - For each image where it lies; null where it was not found. */
export function modelOf(input: ReportInput, paths: readonly (string | null)[]): ReportModel {
  if (!('data' in input)) {
    const { rows, predictors } = input.predictions;
    return {
      images: rows.map(({ file, scores }, i) => ({ name: file, mos: null, scores, path: paths[i] ?? null })),
      predictors: predictors.map(({ name, higherIsBetter }, index) => ({
        ...{ name, index, higherIsBetter, fitted: undefined, rmse: null, comparable: undefined, mapped: false },
      })),
      evaluation: undefined,
    };
  }
  const { data, evaluation } = input;
  const images = data.images.map(({ file, mos, scores }, i): ReportImage => ({
    name: file,
    mos,
    scores,
    path: paths[i] ?? null,
  }));
  return {
    images,
    predictors: evaluation.predictors.map((predictor, index) => predictorOf(evaluation, predictor, index, images)),
    evaluation,
  };
}

/** The names of the images, before it is known where they lie. */
export const imageNames = (input: ReportInput): string[] =>
  'data' in input ? input.data.images.map(({ file }) => file) : input.predictions.rows.map(({ file }) => file);

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
 * Whether predictions are numbers on the scale of the human scores: by their own scale where it is known; else where they
 * lie within it and cover a tenth of it, so that scores of 0 to 1 do not pass for poor ones of 0 to 100.
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
