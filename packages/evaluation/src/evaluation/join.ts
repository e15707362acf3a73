/** Predictions and human scores of the same images. */
import { HyperIQAError } from 'hyperiqa/add-on';
import { shortName } from './cells.js';
import { countReasons, droppedByReason } from './dropped.js';
import { droppedRow, matchTable, type Matched } from './match-table.js';
import { NameIndex, waysOfMatching, type MatchedBy } from './names.js';
import { JoinedImage } from './rows.js';
import type {
  DroppedRow,
  DropReason,
  HumanScores,
  PredictionRow,
  Predictions,
  RatedImages,
  TableAccount,
} from './types.js';

/**
 * Joins predictions with human scores, each table of predictions by itself: by the exact name, else by the longest part of
 * the path, counted from its end, that agrees with one human score alone; then the same ignoring case, without the
 * extensions of images, and both. If several rows of a table match one human score, the one that matches best counts;
 * equally good ones are dropped as ambiguous.
 *
 * @throws HyperIQAError ERR_TABLE where nothing at all can be evaluated
 */
export function joinScores(predictions: Predictions, human: HumanScores): RatedImages {
  const join = new Join(predictions, human);
  const tables = [...rowsBySource(predictions)].map(([source, rows]) => join.add(source, rows));
  const images = [...join.images.values()];
  if (images.length === 0) throw nothingLeft(predictions, human, join.dropped);
  const unpredicted = human.rows.filter((_, at) => !join.claimed.has(at)).map(({ file }) => file);
  return {
    human: without(human),
    predictions: without(predictions),
    images,
    matching: total(tables),
    tables,
    dropped: sorted(join.dropped),
    unpredicted: { count: unpredicted.length, examples: unpredicted.slice(0, 5) },
  };
}

/** The rows of each table; also of tables that have none left. @throws HyperIQAError ERR_INVALID_ARGUMENT */
export function rowsBySource({ predictors, rows }: Predictions): Map<string, PredictionRow[]> {
  const bySource = new Map<string, PredictionRow[]>(predictors.map(({ source }) => [source, []]));
  for (const row of rows) {
    const others = bySource.get(row.source);
    if (others === undefined) {
      throw new HyperIQAError('ERR_INVALID_ARGUMENT', `No predictor has the source of ${row.file}, ${row.source}.`);
    }
    others.push(row);
  }
  return bySource;
}

/** Table by table, the images that they have in common with the human scores. */
class Join {
  readonly images = new Map<number, JoinedImage>();
  readonly dropped: DroppedRow[];
  /** Human scores that any row meant. */
  readonly claimed = new Set<number>();
  readonly #index: NameIndex;

  constructor(
    private readonly predictions: Predictions,
    private readonly human: HumanScores,
  ) {
    this.#index = new NameIndex(human.rows.map(({ file }) => file));
    this.dropped = human.dropped.concat(predictions.dropped);
  }

  add(source: string, rows: readonly PredictionRow[]): TableAccount {
    const { predictors, dropped: before } = this.predictions;
    const own = [...predictors.keys()].filter((i) => predictors[i]?.source === source);
    const { matched, unmatched, dropped } = matchTable(rows, this.#index, (at) => this.human.rows[at]?.file ?? '');
    const reasons = [...before.filter((row) => row.source === source), ...dropped].map(({ reason }) => reason);
    for (const row of dropped) this.dropped.push(row);
    for (const { row, elsewhere } of unmatched) {
      const hint = elsewhere === undefined ? '' : `; ${elsewhere} lies in another folder`;
      this.dropped.push(droppedRow(row, 'no-match', `no human score has this name${hint}`));
      reasons.push('no-match');
    }
    const matching = none();
    for (const [at, match] of matched) {
      this.claimed.add(at);
      const reason = this.#take(at, match, own);
      if (reason === undefined) matching[match.by]++;
      else reasons.push(reason);
    }
    const used = sum(Object.values(matching));
    return {
      ...{ source, rows: used + reasons.length, matched: used, matching },
      dropped: countReasons(reasons),
      unpredicted: this.human.rows.length - used,
    };
  }

  /** @returns why the row is not evaluated at all */
  #take(at: number, { row, by }: Matched, own: readonly number[]): DropReason | undefined {
    const target = this.human.rows[at];
    if (target === undefined) throw new HyperIQAError('ERR_INTERNAL', `${row.file} matches nothing.`);
    if (target.score === null) {
      const message = `the human score in line ${target.line} of ${shortName(this.human.source)} is empty`;
      this.dropped.push(droppedRow(row, 'no-human-score', message));
      return 'no-human-score';
    }
    const missing = own.filter((_, i) => row.scores[i] == null);
    for (const predictor of missing) {
      const name = this.predictions.predictors[predictor]?.name ?? null;
      this.dropped.push(droppedRow(row, 'no-value', 'there is no number', name));
    }
    if (missing.length === own.length) return 'no-value';
    let image = this.images.get(at);
    if (image === undefined) {
      const scores = this.predictions.predictors.map(() => null);
      image = new JoinedImage(target, target.score, by, row, scores);
      this.images.set(at, image);
    } else {
      image.add(row);
    }
    for (const [i, predictor] of own.entries()) image.scores[predictor] = row.scores[i] ?? null;
    return undefined;
  }
}

const none = () => Object.fromEntries(waysOfMatching.map((way) => [way, 0])) as Record<MatchedBy, number>;

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

function total(tables: readonly TableAccount[]): Record<MatchedBy, number> {
  const matching = none();
  for (const way of waysOfMatching) matching[way] = sum(tables.map((table) => table.matching[way]));
  return matching;
}

/** The table without its rows. */
function without<T extends { rows: unknown; dropped: unknown }>(table: T): Omit<T, 'rows' | 'dropped'> {
  const entries = Object.entries(table).filter(([name]) => name !== 'rows' && name !== 'dropped');
  return Object.fromEntries(entries) as Omit<T, 'rows' | 'dropped'>;
}

/** Sorts by file, in the order in which files first appear, then by line. */
function sorted(dropped: readonly DroppedRow[]): DroppedRow[] {
  const sources = new Map<string, number>();
  for (const { source } of dropped) if (!sources.has(source)) sources.set(source, sources.size);
  const place = ({ source }: DroppedRow) => sources.get(source) ?? 0;
  return [...dropped].sort((a, b) => place(a) - place(b) || (a.line ?? 0) - (b.line ?? 0));
}

function nothingLeft(predictions: Predictions, human: HumanScores, dropped: readonly DroppedRow[]): HyperIQAError {
  const first = predictions.rows[0]?.file;
  const names =
    first === undefined
      ? 'no image has a prediction'
      : `no image has both a human score and a prediction that is a number; predictions are for names like ${first}, ` +
        `human scores for names like ${human.rows[0]?.file ?? ''}`;
  // The reason of most rows says more than that of the first one.
  const [reason] = Object.entries(countReasons(dropped.map((row) => row.reason))).sort((a, b) => b[1] - a[1])[0] ?? [];
  const example = dropped.find((row) => row.reason === reason);
  const why = example === undefined ? '' : ` (${droppedByReason(dropped)}; ${example.file}: ${example.message})`;
  return new HyperIQAError('ERR_TABLE', `Nothing can be evaluated: ${names}${why}.`);
}
