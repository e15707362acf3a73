/** Several tables of predictions without human scores: one list of images. */
import { rowsBySource } from './join.js';
import { matchTable } from './match-table.js';
import { NameIndex } from './names.js';
import type { DroppedRow, PredictionRow, Predictions } from './types.js';

/** Images with their predictions. */
export interface UnitedImages {
  readonly images: readonly {
    /** Name in the first table that has it. */
    readonly file: string;
    /** Scores in the order of the predictors; null without a score. */
    readonly scores: readonly (number | null)[];
  }[];
  readonly dropped: readonly DroppedRow[];
}

/** Joins each table of predictions with the images of those before it, as `joinScores` does with human scores. */
export function uniteTables(predictions: Predictions): UnitedImages {
  const { predictors } = predictions;
  const images: { file: string; scores: (number | null)[] }[] = [];
  const dropped = [...predictions.dropped];
  for (const [source, rows] of rowsBySource(predictions)) {
    const own = [...predictors.keys()].filter((i) => predictors[i]?.source === source);
    const put = (row: PredictionRow, scores: (number | null)[]) => {
      for (const [i, predictor] of own.entries()) scores[predictor] = row.scores[i] ?? null;
    };
    const index = new NameIndex(images.map(({ file }) => file));
    const found = matchTable(rows, index, (image) => images[image]?.file ?? '');
    for (const [image, { row }] of found.matched) put(row, images[image]?.scores ?? []);
    for (const { row } of found.unmatched) {
      const scores = predictors.map((): number | null => null);
      put(row, scores);
      images.push({ file: row.file, scores });
    }
    for (const row of found.dropped) dropped.push(row);
  }
  return { images, dropped };
}
