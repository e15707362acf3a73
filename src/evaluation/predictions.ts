/** Predictions: tables of ours or of anybody, or results of a scorer. */
import { HyperIQAError } from '../errors.js';
import type { Info, ScoreAllItem } from '../types.js';
import { stem } from './names.js';
import {
  columnNamed,
  fieldsOf,
  fileColumn,
  isMissing,
  listed,
  nameIn,
  normal,
  numberIn,
  parseNumber,
  readTable,
  tableError,
  type Table,
  type TableRow,
  type TableSource,
} from './table.js';
import type { DroppedRow, PredictionModel, PredictionRow, Predictions, Predictor, Scale } from './types.js';

/** How to read predictions. */
export interface PredictionsOptions {
  /** Columns to evaluate. Default: `score`, `faceScore` and `*_predic_score` where they are, else all columns of numbers. */
  predictors?: readonly string[];
  /** Those of them whose lower values are better. */
  lowerIsBetter?: readonly string[];
  /** Column of the names of the images. Default: image_name, filename, file, … */
  nameColumn?: string;
  /** Ends of the scales of predictors, by name: `{ hyperiqa: [0, 1] }`. */
  scales?: Readonly<Record<string, readonly [number, number]>>;
}

/** Columns that are no predictions, as `normal` writes them: human scores, and what our records say beside the score. */
const otherColumns = new Set([
  ...[
    'mos',
    'moszscore',
    'dmos',
    'dmoszscore',
    'meanopinionscore',
    'sd',
    'std',
    'var',
    'c1',
    'c2',
    'c3',
    'c4',
    'c5',
    'ctotal',
  ],
  ...['standarderror', 'spread', 'crops', 'width', 'height', 'resized.width', 'resized.height', 'size', 'mtimems'],
  ...['source.size', 'source.mtimems', 'seed', 'maxstandarderror', 'maxcrops', 'id', 'index', ''],
]);

/**
 * Reads predictions: records of `hyperiqa score` (JSON lines, JSON, CSV, `--columns study`), or any table with a column
 * of names and columns of numbers. The table of the study, `Model_name, filename, score`, has a predictor for each model.
 * Of several files each adds its predictors, which are then named after the file; an image that is in several of them is
 * one row.
 *
 * @throws HyperIQAError ERR_TABLE with file, line and column; ERR_INVALID_ARGUMENT
 */
export async function readPredictions(
  sources: TableSource | readonly TableSource[],
  options: PredictionsOptions = {},
): Promise<Predictions> {
  const list = (Array.isArray(sources) ? sources : [sources]) as readonly TableSource[];
  if (list.length === 0) throw new HyperIQAError('ERR_INVALID_ARGUMENT', 'There is no file of predictions.');
  const tables = [];
  for (const source of list) tables.push(readOne(await readTable(source), options));
  const all = tables.length === 1 ? tables : tables.map((one) => qualified(one));
  const selected = select(merge(all), options);
  return orient(selected, options);
}

/** One table, its predictors under the names of their columns. */
function readOne(table: Table, options: PredictionsOptions): Predictions {
  const names = fileColumn(table, options.nameColumn, '--name-column');
  return isLong(table) ? longTable(table, names) : wideTable(table, names, options);
}

/** `Model_name, filename, score`: a row for each model and image. */
const isLong = (table: Table): boolean =>
  table.columns.some((column) => normal(column) === 'modelname') &&
  table.columns.some((column) => normal(column) === 'score');

function longTable(table: Table, names: number): Predictions {
  const model = columnNamed(table, 'Model_name', 'name of the model');
  const score = columnNamed(table, 'score', 'predictions');
  const predictors = [...new Set(table.rows.map((row) => row.cells[model] ?? ''))];
  const rows = new Map<string, PredictionRow & { scores: (number | null)[] }>();
  const seen = new Map<string, number>();
  const dropped: DroppedRow[] = [];
  for (const row of table.rows) {
    const file = nameIn(table, row, names);
    const predictor = row.cells[model] ?? '';
    const key = JSON.stringify([predictor, file]);
    const earlier = seen.get(key);
    if (earlier !== undefined) {
      dropped.push(duplicate(table, row, file, earlier));
      continue;
    }
    seen.set(key, row.line);
    const image = rows.get(file) ?? {
      source: table.source,
      file,
      line: row.line,
      scores: predictors.map(() => null),
      fields: fieldsOf(table, row),
    };
    image.scores[predictors.indexOf(predictor)] = numberIn(table, row, score);
    rows.set(file, image);
  }
  return {
    sources: [table],
    predictors: predictors.map(plainPredictor),
    models: predictors.map((name) => ({ name, sha256: null, trainedOn: null })),
    rows: [...rows.values()],
    dropped,
  };
}

function wideTable(table: Table, names: number, options: PredictionsOptions): Predictions {
  const columns = predictorColumns(table, names, options);
  const rows: PredictionRow[] = [];
  const dropped: DroppedRow[] = [];
  const seen = new Map<string, number>();
  const error = ['errorcode', 'error.code'].map((wanted) => table.columns.findIndex((c) => c.toLowerCase() === wanted));
  const models = new Map<string, PredictionModel>();
  for (const row of table.rows) {
    const file = nameIn(table, row, names);
    const earlier = seen.get(file);
    if (earlier !== undefined) {
      dropped.push(duplicate(table, row, file, earlier));
      continue;
    }
    seen.set(file, row.line);
    const code = error.map((index) => row.cells[index] ?? '').find((cell) => cell !== '');
    if (code !== undefined) {
      const message = `line ${row.line}: it could not be scored (${code})`;
      dropped.push({ source: table.source, line: row.line, file, reason: 'unreadable', predictor: null, message });
      continue;
    }
    const fields = fieldsOf(table, row);
    noteModel(models, fields);
    rows.push({
      source: table.source,
      file,
      line: row.line,
      scores: columns.map((column) => numberIn(table, row, column)),
      fields,
    });
  }
  if (table.rows.length === 0) throw tableError(table.source, ' has a header and no rows.');
  return {
    sources: [table],
    predictors: columns.map((column) => plainPredictor(table.columns[column] ?? '')),
    models: [...models.values()],
    rows,
    dropped,
  };
}

const plainPredictor = (name: string): Predictor => ({ name, higherIsBetter: true, scale: null });

function duplicate(table: Table, row: TableRow, file: string, earlier: number): DroppedRow {
  const message = `line ${row.line} repeats line ${earlier}; the first one counts`;
  return { source: table.source, line: row.line, file, reason: 'duplicate', predictor: null, message };
}

/** What our records tell of their model, in JSON (`provenance.model.name`) and in CSV (`model`). */
function noteModel(models: Map<string, PredictionModel>, fields: Readonly<Record<string, string>>): void {
  const of = (json: string, csv: string) => (fields[`provenance.model.${json}`] ?? fields[csv] ?? '') || null;
  // A resumable file without --provenance still has the hash of the model.
  const sha256 = of('sha256', 'modelSha256') ?? /^model=([0-9a-f]{64}) /.exec(fields.run ?? '')?.[1] ?? null;
  if (sha256 === null || models.has(sha256)) return;
  models.set(sha256, { name: of('name', 'model') ?? 'unknown', sha256, trainedOn: of('trainedOn', 'trainedOn') });
}

/** The columns to read: those that are asked for and are here, else those that look like predictions. */
function predictorColumns(table: Table, names: number, { predictors }: PredictionsOptions): number[] {
  const indices = [...table.columns.keys()].filter((index) => index !== names);
  const called = (wanted: (name: string) => boolean) =>
    indices.filter((index) => wanted(normal(table.columns[index] ?? '')));
  if (predictors !== undefined && predictors.length > 0) {
    const wanted = new Set(predictors.map((name) => normal(name.slice(name.lastIndexOf(':') + 1))));
    const found = called((name) => wanted.has(name));
    if (found.length > 0) return found;
    throw tableError(
      table.source,
      ` has no column ${predictors.join(', ')} (predictor); its columns are ${listed(table.columns)}.`,
    );
  }
  const scores = called((name) => name === 'score' || name === 'facescore' || name.endsWith('predicscore'));
  if (scores.length > 0) return scores;
  const numeric = indices.filter((index) => {
    const column = table.columns[index] ?? '';
    if (otherColumns.has(normal(column)) || column.startsWith('provenance.')) return false;
    const cells = table.rows.map((row) => row.cells[index] ?? '').filter((cell) => !isMissing(cell));
    // Mostly numbers: the odd one out is then a mistake that is worth a message.
    return cells.filter((cell) => parseNumber(cell) !== undefined).length > cells.length / 2;
  });
  if (numeric.length > 0) return numeric;
  throw tableError(
    table.source,
    ` has no column of predictions; its columns are ${listed(table.columns)}. Name it with --predictor.`,
  );
}

/** The predictors under the name of their file: that alone where there is one predictor, else `file:column`. */
function qualified(one: Predictions): Predictions {
  const file = stem(one.sources[0]?.source ?? '');
  const alone = one.predictors.length === 1;
  return {
    ...one,
    predictors: one.predictors.map((predictor) => ({ ...predictor, name: alone ? file : `${file}:${predictor.name}` })),
  };
}

/** All tables in one; images by their exact names. */
function merge(tables: readonly Predictions[]): Predictions {
  const [only] = tables;
  if (only !== undefined && tables.length === 1) return only;
  const predictors = tables.flatMap((table) => table.predictors);
  const rows = new Map<string, PredictionRow & { scores: (number | null)[] }>();
  let offset = 0;
  for (const table of tables) {
    for (const row of table.rows) {
      const image = rows.get(row.file) ?? { ...row, scores: predictors.map(() => null) };
      row.scores.forEach((score, i) => (image.scores[offset + i] = score));
      rows.set(row.file, image);
    }
    offset += table.predictors.length;
  }
  return {
    sources: tables.flatMap((table) => table.sources),
    predictors,
    models: tables.flatMap((table) => table.models),
    rows: [...rows.values()],
    dropped: tables.flatMap((table) => table.dropped),
  };
}

/** The predictors that are asked for, in that order. */
function select(predictions: Predictions, { predictors }: PredictionsOptions): Predictions {
  const names = predictions.predictors.map(({ name }) => name);
  const repeated = names.find((name, i) => names.indexOf(name) < i);
  if (repeated !== undefined) {
    throw new HyperIQAError('ERR_INVALID_ARGUMENT', `Two predictors are called ${repeated}: rename one of the files.`);
  }
  if (predictors === undefined || predictors.length === 0) return predictions;
  const chosen = [...new Set(predictors.flatMap((wanted) => found(names, wanted)))];
  return {
    ...predictions,
    predictors: chosen.flatMap((index) => predictions.predictors[index] ?? []),
    rows: predictions.rows.map((row) => ({ ...row, scores: chosen.map((index) => row.scores[index] ?? null) })),
  };
}

/** The positions of a predictor that was named: by its name, or by its column in each file. */
function found(names: readonly string[], wanted: string): number[] {
  const exact = names.indexOf(wanted);
  if (exact >= 0) return [exact];
  const near = names.flatMap((name, i) => (normal(name) === normal(wanted) ? [i] : []));
  if (near.length > 0) return near;
  const columns = names.flatMap((name, i) => (name.endsWith(`:${wanted}`) ? [i] : []));
  if (columns.length > 0) return columns;
  throw new HyperIQAError('ERR_TABLE', `There is no predictor ${wanted}; there are ${listed(names)}.`);
}

/** Directions and scales, as told by options. */
function orient(predictions: Predictions, { lowerIsBetter = [], scales = {} }: PredictionsOptions): Predictions {
  const names = predictions.predictors.map(({ name }) => name);
  const lower = new Set(lowerIsBetter.flatMap((name) => found(names, name)));
  const ends = new Map<number, Scale>();
  for (const [name, [minimum, maximum]] of Object.entries(scales)) {
    if (!(Number.isFinite(minimum) && Number.isFinite(maximum) && minimum < maximum)) {
      throw new HyperIQAError(
        'ERR_INVALID_ARGUMENT',
        `The scale of ${name} must be two numbers, the lower first, not ${minimum} and ${maximum}.`,
      );
    }
    for (const index of found(names, name)) ends.set(index, { minimum, maximum, from: 'option' });
  }
  return {
    ...predictions,
    predictors: predictions.predictors.map((predictor, i) => ({
      ...predictor,
      higherIsBetter: predictor.higherIsBetter && !lower.has(i),
      scale: ends.get(i) ?? predictor.scale,
    })),
  };
}

/**
 * The results of `scoreAll` as predictions of one predictor, called as the model. Inputs are named by what they are:
 * paths and file URLs; failed ones are dropped with their error.
 *
 * @param items - What `iqa.scoreAll(paths)` gives.
 * @param info - `iqa.info`.
 */
export async function collectPredictions(
  items: AsyncIterable<ScoreAllItem<string | URL>>,
  info: Pick<Info, 'model'>,
): Promise<Predictions> {
  const { name, sha256, training, score } = info.model;
  const rows: PredictionRow[] = [];
  const dropped: DroppedRow[] = [];
  const seen = new Set<string>();
  const source = `${name} on images`;
  for await (const { input, result, error } of items) {
    const file = typeof input === 'string' ? input : decodeURIComponent(input.pathname);
    if (error) {
      const message = `${error.message} (${error.code})`;
      dropped.push({ source, line: null, file, reason: 'unreadable', predictor: null, message });
    } else if (seen.has(file)) {
      dropped.push({ source, line: null, file, reason: 'duplicate', predictor: null, message: 'named before' });
    } else {
      rows.push({ source, file, line: null, scores: [result.score], fields: {} });
    }
    seen.add(file);
  }
  return {
    sources: [],
    predictors: [
      {
        name,
        higherIsBetter: score.higherIsBetter,
        scale: { minimum: score.minimum, maximum: score.maximum, from: 'model' },
      },
    ],
    models: [{ name, sha256, trainedOn: training.dataset }],
    rows,
    dropped,
  };
}
