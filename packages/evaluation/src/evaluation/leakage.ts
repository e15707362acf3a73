/** Checks whether a predictor has seen the images that it is evaluated on. */
import { srcc } from '../metrics/index.js';
import { koniqSplit, type Split } from './koniq-split.js';
import { normal } from './cells.js';
import type { EvaluationWarning, RatedImages } from './types.js';

/** Names of data sets as people write them: `KonIQ-10k`, `koniq_10k` and `koniq10k` are one. */
const sameDataset = (a: string, b: string): boolean => normal(a) === normal(b);

const titles: Record<string, string> = {
  koniq10k: 'KonIQ-10k',
  kadid10k: 'KADID-10k',
  tid2013: 'TID2013',
  spaq: 'SPAQ',
};

/**
 * Lists the sources of the training data of hyperiqa's own models: sets whose images were learnt from, and sets that only gave
 * the labels of other images (KADID-10k's mean scores of each distortion type and level).
 */
const mixtures: Record<string, { scored: string[]; derivedFrom: string[] }> = {
  'kadid-synthetic': { scored: [], derivedFrom: ['kadid10k'] },
  'kadid-synthetic-livec': { scored: ['livec'], derivedFrom: ['kadid10k'] },
};

const sourcesOf = (dataset: string): { scored: string[]; derivedFrom: string[] } =>
  Object.entries(mixtures).find(([id]) => sameDataset(id, dataset))?.[1] ?? { scored: [dataset], derivedFrom: [] };

/** The name of a data set for people. */
export const datasetTitle = (dataset: string): string =>
  Object.entries(titles).find(([id]) => sameDataset(id, dataset))?.[1] ?? dataset;

/** Training data sets of the predictors: as given by the caller, else from the predictions' provenance. */
export function trainedOn(data: RatedImages, given: string | undefined): string[] {
  if (given !== undefined) return [given];
  return [...new Set(data.predictions.models.flatMap((model) => model.trainedOn ?? []))];
}

/** Warnings about images of the training data, from what is known about it and from the figures themselves. */
export function leakageWarnings(data: RatedImages, datasets: readonly string[]): EvaluationWarning[] {
  const splits = koniqSplits(data);
  if (splits === undefined) return datasets.flatMap((dataset) => sameDatasetWarning(data, dataset));
  if (!datasets.some((dataset) => sameDataset(dataset, 'koniq10k'))) return splitGaps(data, splits);
  const count = (split: Split) => splits.filter((one) => one === split).length;
  const [training, validation] = [count('training'), count('validation')];
  if (training + validation === 0) return [];
  const parts = [
    ...(training > 0 ? [`${training} to the training split`] : []),
    ...(validation > 0 ? [`${validation} to the validation split`] : []),
  ];
  return [
    {
      code: 'WARN_TRAINING_IMAGES',
      message:
        `The model was trained on KonIQ-10k, and of the ${splits.length} images evaluated ${parts.join(' and ')} of its ` +
        `official split: the figures over all images are too good. Only the ${count('test')} test images count; ` +
        `--group-by split shows them apart.`,
    },
  ];
}

/** The splits of the images where they are KonIQ-10k's: by the format of the human scores or by most of the names. */
function koniqSplits({ human, images }: RatedImages): (Split | undefined)[] | undefined {
  const splits = images.map(({ humanFile }) => koniqSplit(humanFile));
  const known = splits.filter((split) => split !== undefined).length;
  return known > 0 && (human.dataset === 'koniq10k' || known > images.length / 2) ? splits : undefined;
}

function sameDatasetWarning({ human }: RatedImages, dataset: string): EvaluationWarning[] {
  if (human.dataset === null) return [];
  const title = datasetTitle(human.dataset);
  const { scored, derivedFrom } = sourcesOf(dataset);
  const derived = derivedFrom.includes(human.dataset);
  if (!derived && !scored.some((name) => sameDataset(name, human.dataset ?? ''))) return [];
  return [
    {
      code: 'WARN_TRAINING_DATASET',
      message: derived
        ? `The model was trained with labels made from ${title}'s human scores: its figures on ${title} are too good.`
        : `The model was trained on ${title}, and which of these images it has seen is not known: the figures may be too good.`,
    },
  ];
}

/** z of the difference above which chance is no explanation (two-sided p = 0.001). */
const SIGNIFICANT = 3.29;

/** Predictors that are better on the training split than on the test split, as a model is that was trained on it. */
function splitGaps(data: RatedImages, splits: readonly (Split | undefined)[]): EvaluationWarning[] {
  return data.predictions.predictors.flatMap(({ name }, k) => {
    const on = (split: Split) => {
      const images = data.images.filter((image, i) => splits[i] === split && image.scores[k] != null);
      const { value } = srcc(
        images.map((image) => image.scores[k] ?? NaN),
        images.map(({ mos }) => mos),
      );
      return { n: images.length, value: value === null ? null : Math.abs(value) };
    };
    const [training, test] = [on('training'), on('test')];
    if (training.value === null || test.value === null || training.n < 30 || test.n < 30) return [];
    // Variance of Fisher's z of a rank correlation: 1.06/(n − 3) (Fieller, Hartley & Pearson 1957).
    const deviation = Math.sqrt(1.06 / (training.n - 3) + 1.06 / (test.n - 3));
    if (!((Math.atanh(training.value) - Math.atanh(test.value)) / deviation > SIGNIFICANT)) return [];
    return [
      {
        code: 'WARN_SPLIT_GAP' as const,
        message:
          `${name} has a much higher SRCC on KonIQ-10k's training split (${training.value.toFixed(3)}) than on its test ` +
          `split (${test.value.toFixed(3)}): it has probably seen the training images, and the figures over all are too good.`,
      },
    ];
  });
}
