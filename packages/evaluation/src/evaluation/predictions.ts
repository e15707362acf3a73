/** Predictions: tables of ours or of anybody, or results of a scorer. */
import { HyperIQAError } from 'hyperiqa/add-on';
import type { Info, ScoreAllItem } from 'hyperiqa';
import {
  columnCalled,
  columnNamed,
  fileColumn,
  isMissing,
  listed,
  nameIn,
  normal,
  numberIn,
  parseNumber,
} from './cells.js';
import { canonical } from './names.js';
import { readTable, sourceName, type TableSource } from './read-table.js';
import { PredictionOfTable } from './rows.js';
import { tableLabels } from './table-labels.js';
import { checkSize, tableError, type Table, type TableRow } from './table.js';
import type { DroppedRow, PredictionModel, PredictionRow, Predictions, Predictor, Scale } from './types.js';

/** Options for reading predictions. */
export interface PredictionsOptions {
  /** Columns to evaluate. Default: `score`, `faceScore` and `*_predic_score` where they are, else all columns of numbers. */
  predictors?: readonly string[];
  /** Columns of which lower values are better. */
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

/** Predictors that one evaluation may have: each two are compared. */
const MAX_PREDICTORS = 1000;

/**
 * Reads predictions: records of `hyperiqa score` (JSON lines, JSON, CSV, `--columns study`), any table with a column of names
 * and columns of numbers, or two columns of names and numbers without a header. The table of the study,
 * `Model_name, filename, score`, has a predictor for each model. Of several files each adds its predictors, which are then
 * named after the file, with as much of its path as tells the files apart.
 *
 * @throws HyperIQAError ERR_TABLE with file, line and column; ERR_INVALID_ARGUMENT
 */
export async function readPredictions(
  sources: TableSource | readonly TableSource[],
  options: PredictionsOptions = {},
): Promise<Predictions> {
  const list = (Array.isArray(sources) ? sources : [sources]) as readonly TableSource[];
  if (list.length === 0) throw new HyperIQAError('ERR_INVALID_ARGUMENT', 'There is no file of predictions.');
  const labels = list.length === 1 ? [undefined] : tableLabels(list.map(sourceName));
  const tables: Candidates[] = [];
  for (const [i, source] of list.entries()) {
    const table = await readTable(source, 'score');
    const names = fileColumn(table, options.nameColumn, '--name-column');
    tables.push(
      isLong(table) ? longTable(table, names) : wideTable(table, names, wantedColumns(table, options, labels[i])),
    );
  }
  const all = tables.flatMap((table, k) =>
    table.predictors.map((column, position) => ({ table, position, ...named(column, table, labels[k]) })),
  );
  const chosen = choose(all, options.predictors).flatMap((index) => all[index] ?? []);
  checkNumber(list.map(sourceName).join(', '), chosen.length);
  const used = tables.filter((table) => chosen.some((one) => one.table === table));
  const read = used.map((table) => table.read(chosen.flatMap((one) => (one.table === table ? [one.position] : []))));
  return {
    sources: used.map(({ source, sha256 }) => ({ source, sha256 })),
    predictors: orient(chosen, options).map((scaling, i) => ({
      name: chosen[i]?.name ?? '',
      source: chosen[i]?.table.source ?? '',
      ...scaling,
    })),
    models: read.flatMap(({ models }) => models),
    rows: read.flatMap(({ rows }) => rows),
    dropped: read.flatMap(({ dropped }) => dropped),
  };
}

/** A table that was read, with what could be evaluated in it. */
interface Candidates {
  source: string;
  sha256: string;
  /** Names of columns or models. */
  predictors: readonly string[];
  /** @param chosen - Positions among the predictors, in the order in which the rows are to have them. */
  read: (chosen: readonly number[]) => Pick<Predictions, 'models' | 'rows' | 'dropped'>;
}

/** `Model_name, filename, score`: a row for each model and image. */
const isLong = (table: Table): boolean =>
  table.columns.some((column) => normal(column) === 'modelname') &&
  table.columns.some((column) => normal(column) === 'score');

function longTable(table: Table, names: number): Candidates {
  const model = columnNamed(table, 'Model_name', 'name of the model');
  const score = columnNamed(table, 'score', 'predictions');
  const positions = new Map<string, number>();
  for (const { cells } of table.rows) {
    const name = cells[model] ?? '';
    if (!positions.has(name)) positions.set(name, positions.size);
    checkNumber(table.source, positions.size);
  }
  const predictors = [...positions.keys()];
  return {
    source: table.source,
    sha256: table.sha256,
    predictors,
    read(chosen) {
      const rows = new Map<string, { row: PredictionOfTable; scores: (number | null)[] }>();
      const places = new Map(chosen.map((position, at) => [position, at]));
      const seen = new Seen(table);
      for (const row of table.rows) {
        const file = nameIn(table, row, names);
        const predictor = positions.get(row.cells[model] ?? '') ?? -1;
        const path = canonical(file);
        if (seen.repeats(row, file, `${predictor} ${path}`)) continue;
        const value = numberIn(table, row, score);
        const at = places.get(predictor);
        if (at === undefined) continue;
        let image = rows.get(path);
        if (image === undefined) {
          const scores = chosen.map((): number | null => null);
          image = { row: new PredictionOfTable(table, row, file, scores), scores };
          rows.set(path, image);
          checkSize(table.source, rows.size, chosen.length);
        }
        image.scores[at] = value;
      }
      return {
        models: chosen.map((index) => ({ name: predictors[index] ?? '', sha256: null, trainedOn: null })),
        rows: Array.from(rows.values(), ({ row }) => row),
        dropped: seen.dropped,
      };
    },
  };
}

function wideTable(table: Table, names: number, wanted: readonly string[] | undefined): Candidates {
  const columns = predictorColumns(table, names, wanted);
  checkNumber(table.source, columns.length);
  if (table.rows.length === 0) throw tableError(table.source, ' has a header and no rows.');
  return {
    source: table.source,
    sha256: table.sha256,
    predictors: columns.map((column) => table.columns[column] ?? ''),
    read(chosen) {
      const own = chosen.flatMap((index) => columns[index] ?? []);
      const rows: PredictionRow[] = [];
      const seen = new Seen(table);
      const error = ['errorcode', 'error.code'].map((name) => table.columns.findIndex((c) => c.toLowerCase() === name));
      const models = new Models(table);
      for (const row of table.rows) {
        const file = nameIn(table, row, names);
        if (seen.repeats(row, file, canonical(file))) continue;
        const code = error.map((index) => row.cells[index] ?? '').find((cell) => cell !== '');
        if (code !== undefined) {
          seen.drop(row, file, 'unreadable', `it could not be scored (${code})`);
          continue;
        }
        models.note(row);
        const scores = own.map((column) => numberIn(table, row, column));
        rows.push(new PredictionOfTable(table, row, file, scores));
      }
      return { models: models.found, rows, dropped: seen.dropped };
    },
  };
}

/** @throws HyperIQAError ERR_TABLE */
function checkNumber(source: string, predictors: number): void {
  if (predictors <= MAX_PREDICTORS) return;
  throw tableError(source, `: more than ${MAX_PREDICTORS} predictors; name those that are meant with --predictor.`);
}

/** The rows of a table that were there, and those that are dropped. */
class Seen {
  readonly dropped: DroppedRow[] = [];
  readonly #rows = new Map<string, { line: number; file: string }>();

  constructor(private readonly table: Table) {}

  /** Tests whether another row has the key; the row is then dropped. */
  repeats(row: TableRow, file: string, key: string): boolean {
    const earlier = this.#rows.get(key);
    if (earlier === undefined) {
      this.#rows.set(key, { line: row.line, file });
      return false;
    }
    const name = earlier.file === file ? '' : ` (${earlier.file})`;
    this.drop(row, file, 'duplicate', `repeats line ${earlier.line}${name}; the first one counts`, '');
    return true;
  }

  drop(row: TableRow, file: string, reason: 'duplicate' | 'unreadable', why: string, colon = ':'): void {
    const message = `line ${row.line}${colon} ${why}`;
    this.dropped.push({ source: this.table.source, line: row.line, file, reason, predictor: null, message });
  }
}

/** Collects the models that hyperiqa's records name, in JSON (`provenance.model.name`) and in CSV (`model`). */
class Models {
  readonly #known = new Map<string, PredictionModel>();
  readonly #sha256: readonly number[];
  readonly #run: number;

  constructor(private readonly table: Table) {
    this.#sha256 = this.#columns('sha256', 'modelSha256');
    this.#run = table.columns.indexOf('run');
  }

  get found(): PredictionModel[] {
    return [...this.#known.values()];
  }

  note(row: TableRow): void {
    // A resumable file without --provenance still has the hash of the model.
    const run = row.cells[this.#run] ?? '';
    const sha256 = this.#cell(row, this.#sha256) ?? /^model=([0-9a-f]{64}) /.exec(run)?.[1];
    if (sha256 === undefined || this.#known.has(sha256)) return;
    this.#known.set(sha256, {
      name: this.#cell(row, this.#columns('name', 'model')) ?? 'unknown',
      sha256,
      trainedOn: this.#cell(row, this.#columns('trainedOn', 'trainedOn')) ?? null,
    });
  }

  #columns(json: string, csv: string): number[] {
    return [`provenance.model.${json}`, csv].map((name) => this.table.columns.indexOf(name));
  }

  #cell({ cells }: TableRow, columns: readonly number[]): string | undefined {
    return columns.map((column) => cells[column] ?? '').find((cell) => cell !== '');
  }
}

/** The columns of a table that are asked for; undefined: those that look like predictions. */
function wantedColumns(
  table: Table,
  { predictors }: PredictionsOptions,
  label: string | undefined,
): readonly string[] | undefined {
  if (predictors === undefined || predictors.length === 0) return undefined;
  // The name of the file alone means its predictors, unless a column is called so.
  const file = predictors.some((name) => label !== undefined && normal(name) === normal(label));
  if (file && columnCalled(table, normal(label ?? '')) < 0) return undefined;
  return predictors.flatMap((name) => [name, name.slice(name.lastIndexOf(':') + 1)]);
}

/** The columns to read: those that are asked for and are here, else those that look like predictions. */
function predictorColumns(table: Table, names: number, predictors: readonly string[] | undefined): number[] {
  const indices = [...table.columns.keys()].filter((index) => index !== names);
  const called = (wanted: (name: string) => boolean) =>
    indices.filter((index) => wanted(normal(table.columns[index] ?? '')));
  if (predictors !== undefined) {
    const wanted = new Set(predictors.map(normal));
    const found = called((name) => wanted.has(name));
    if (found.length > 0) return found;
    throw tableError(
      table.source,
      ` has no column ${[...new Set(predictors)].join(', ')} (predictor); its columns are ${listed(table.columns)}.`,
    );
  }
  const scores = called((name) => name === 'score' || name === 'facescore' || name.endsWith('predicscore'));
  // Photographs without faces have no face score: a column without any number is no predictor beside others.
  const filled = scores.filter((index) => table.rows.some(({ cells }) => !isMissing(cells[index] ?? '')));
  if (filled.length > 0) return filled;
  if (scores.length > 0) return scores;
  const numeric = indices.filter((index) => {
    const column = table.columns[index] ?? '';
    if (otherColumns.has(normal(column)) || column.startsWith('provenance.')) return false;
    let [cells, numbers] = [0, 0];
    for (const row of table.rows) {
      const cell = row.cells[index] ?? '';
      if (isMissing(cell)) continue;
      cells++;
      if (parseNumber(cell) !== undefined) numbers++;
    }
    // Mostly numbers: the odd one out is then a mistake that is worth a message.
    return numbers > cells / 2;
  });
  if (numeric.length > 0) return numeric;
  throw tableError(
    table.source,
    ` has no column of predictions; its columns are ${listed(table.columns)}. Name it with --predictor.`,
  );
}

/** A predictor as it may be named. */
interface Named {
  name: string;
  column: string;
  /** The name of the file and `file:column`, of several files. */
  label?: string;
  full?: string;
}

/** The predictor under the name of its file, where there are several: that alone for one predictor, else `file:column`. */
function named(column: string, table: Candidates, label: string | undefined): Named {
  if (label === undefined) return { name: column, column };
  const full = `${label}:${column}`;
  return { name: table.predictors.length === 1 ? label : full, column, label, full };
}

/** The positions of the predictors that are asked for, in that order. */
function choose(all: readonly Named[], wanted: readonly string[] | undefined): number[] {
  const seen = new Set<string>();
  for (const { name } of all) {
    if (seen.has(name)) {
      throw new HyperIQAError('ERR_INVALID_ARGUMENT', `Two predictors are called ${name}: rename one of them.`);
    }
    seen.add(name);
  }
  if (wanted === undefined || wanted.length === 0) return [...all.keys()];
  return [...new Set(wanted.flatMap((name) => found(all, name)))];
}

/** The positions of a predictor that was named: by its name, its file, or its column in each file. */
function found(all: readonly Named[], wanted: string): number[] {
  const plain = normal(wanted);
  const ways: ((one: Named) => boolean)[] = [
    ({ name }) => name === wanted,
    ({ full }) => full === wanted,
    ({ label }) => label === wanted,
    ({ name }) => normal(name) === plain,
    ({ full = '' }) => normal(full) === plain,
    ({ column }) => normal(column) === plain,
  ];
  for (const way of ways) {
    const positions = all.flatMap((one, i) => (way(one) ? [i] : []));
    if (positions.length > 0) return positions;
  }
  const names = listed(all.map(({ name }) => name));
  throw new HyperIQAError('ERR_TABLE', `There is no predictor ${wanted}; there are ${names}.`);
}

/** Directions and scales of predictors, as told by options. */
function orient(
  all: readonly Named[],
  { lowerIsBetter = [], scales = {} }: PredictionsOptions,
): Pick<Predictor, 'higherIsBetter' | 'scale'>[] {
  const lower = new Set(lowerIsBetter.flatMap((name) => found(all, name)));
  const ends = new Map<number, Scale>();
  for (const [name, [minimum, maximum]] of Object.entries(scales)) {
    if (!(Number.isFinite(minimum) && Number.isFinite(maximum) && minimum < maximum)) {
      throw new HyperIQAError(
        'ERR_INVALID_ARGUMENT',
        `The scale of ${name} must be two numbers, the lower first, not ${minimum} and ${maximum}.`,
      );
    }
    for (const index of found(all, name)) ends.set(index, { minimum, maximum, from: 'option' });
  }
  return all.map((_, i) => ({ higherIsBetter: !lower.has(i), scale: ends.get(i) ?? null }));
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
    } else if (seen.has(canonical(file))) {
      dropped.push({ source, line: null, file, reason: 'duplicate', predictor: null, message: 'named before' });
    } else {
      rows.push({ source, file, line: null, scores: [result.score], fields: {} });
    }
    seen.add(canonical(file));
  }
  return {
    sources: [],
    predictors: [
      {
        name,
        source,
        higherIsBetter: score.higherIsBetter,
        scale: { minimum: score.minimum, maximum: score.maximum, from: 'model' },
      },
    ],
    models: [{ name, sha256, trainedOn: training.dataset }],
    rows,
    dropped,
  };
}
