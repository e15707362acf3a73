/** Predictions and human scores of the same images. */
import { HyperIQAError } from '../errors.js';
import { NameIndex, type MatchedBy } from './names.js';
import { shortName } from './table.js';
import type {
  DroppedRow,
  DropReason,
  HumanRow,
  HumanScores,
  PredictionRow,
  Predictions,
  RatedImage,
  RatedImages,
} from './types.js';

const order: readonly MatchedBy[] = ['exact', 'base-name', 'stem', 'stem-ignoring-case'];

/**
 * Joins predictions with human scores: by the exact name, else the base name, else the stem, else the stem in any case,
 * where only one human score has it. If several predictions match one human score, the one that matches best counts;
 * equally good ones are dropped as ambiguous.
 *
 * @throws HyperIQAError ERR_TABLE where nothing matches
 */
export function joinScores(predictions: Predictions, human: HumanScores): RatedImages {
  const index = new NameIndex(human.rows.map(({ file }) => file));
  const dropped: DroppedRow[] = [...human.dropped, ...predictions.dropped];
  const drop = (row: PredictionRow, reason: DropReason, message: string, predictor: string | null = null): void => {
    const where = row.line === null ? '' : `line ${row.line}: `;
    dropped.push({ source: row.source, line: row.line, file: row.file, reason, predictor, message: where + message });
  };
  const claims = new Map<number, { row: PredictionRow; by: MatchedBy }[]>();
  for (const row of predictions.rows) {
    const match = index.find(row.file);
    if (match === undefined) drop(row, 'no-match', 'no human score has this name');
    else if ('candidates' in match) drop(row, 'ambiguous', `could be ${names(human, match.candidates)}`);
    else claims.set(match.row, [...(claims.get(match.row) ?? []), { row, by: match.by }]);
  }
  const matching: Record<MatchedBy, number> = { exact: 0, 'base-name': 0, stem: 0, 'stem-ignoring-case': 0 };
  const images: RatedImage[] = [];
  for (const [at, claimants] of claims) {
    const best = Math.min(...claimants.map(({ by }) => order.indexOf(by)));
    const winners = claimants.filter(({ by }) => order.indexOf(by) === best);
    const [winner] = winners;
    const target = human.rows[at];
    if (winner === undefined || target === undefined) continue;
    for (const { row } of claimants) {
      if (winners.length > 1) {
        const others = winners.filter((other) => other.row !== row).map((other) => other.row.file);
        drop(row, 'ambiguous', `${target.file} could be this image or ${others.join(', ')}`);
      } else if (row !== winner.row) {
        drop(row, 'duplicate', `${winner.row.file} matches ${target.file} better`);
      }
    }
    if (winners.length > 1) continue;
    const image = rated(winner.row, winner.by, target);
    if (image === undefined) {
      drop(
        winner.row,
        'no-human-score',
        `the human score in line ${target.line} of ${shortName(human.source)} is empty`,
      );
      continue;
    }
    image.scores.forEach((score, i) => {
      if (score === null) drop(winner.row, 'no-value', 'there is no number', predictions.predictors[i]?.name ?? null);
    });
    if (image.scores.every((score) => score === null)) continue;
    matching[winner.by]++;
    images.push(image);
  }
  if (images.length === 0) throw nothingLeft(predictions, human, claims.size);
  const unpredicted = human.rows.filter((_, at) => !claims.has(at)).map(({ file }) => file);
  return {
    human: without(human),
    predictions: {
      ...without(predictions),
      sources: predictions.sources.map(({ source, sha256 }) => ({ source, sha256 })),
    },
    images,
    matching,
    dropped: sorted(dropped),
    unpredicted: { count: unpredicted.length, examples: unpredicted.slice(0, 5) },
  };
}

/** All but the rows. */
function without<T extends { rows: unknown; dropped: unknown }>(table: T): Omit<T, 'rows' | 'dropped'> {
  const entries = Object.entries(table).filter(([name]) => name !== 'rows' && name !== 'dropped');
  return Object.fromEntries(entries) as Omit<T, 'rows' | 'dropped'>;
}

function rated(row: PredictionRow, matchedBy: MatchedBy, target: HumanRow): RatedImage | undefined {
  if (target.score === null) return undefined;
  return {
    file: row.file,
    humanFile: target.file,
    matchedBy,
    mos: target.score,
    deviation: target.deviation,
    opinions: target.opinions,
    scores: row.scores,
    fields: { ...row.fields, ...target.fields },
  };
}

const names = (human: HumanScores, rows: readonly number[]): string =>
  rows
    .slice(0, 3)
    .map((row) => human.rows[row]?.file ?? '')
    .join(' or ') + (rows.length > 3 ? ' or others' : '');

/** By file, in the order in which files first appear, then by line. */
function sorted(dropped: readonly DroppedRow[]): DroppedRow[] {
  const sources = [...new Set(dropped.map(({ source }) => source))];
  return [...dropped].sort(
    (a, b) => sources.indexOf(a.source) - sources.indexOf(b.source) || (a.line ?? 0) - (b.line ?? 0),
  );
}

function nothingLeft(predictions: Predictions, human: HumanScores, matched: number): HyperIQAError {
  const first = predictions.rows[0]?.file;
  const why =
    first === undefined
      ? 'no image has a prediction'
      : matched > 0
        ? 'the images that have a human score have no prediction that is a number'
        : `predictions are for names like ${first}, human scores for names like ${human.rows[0]?.file ?? ''}`;
  return new HyperIQAError('ERR_TABLE', `Nothing can be evaluated: ${why}.`);
}
