/** Human scores: whose format it is, which column counts, which way is up and on what scale. */
import { HyperIQAError } from 'hyperiqa/add-on';
import { columnCalled, columnNamed, fileColumn, listed, nameIn, normal, numberIn } from './cells.js';
import { canonical } from './names.js';
import { readTable, type TableSource } from './read-table.js';
import { HumanScoreOfTable } from './rows.js';
import { tableError, type Table, type TableRow } from './table.js';
import type { DroppedRow, HumanRow, HumanScores, Scale } from './types.js';

/** Column name for the scores of a table without header. */
const PLAIN_SCORES = 'MOS';

/** Instructions for reading human scores if the header does not suffice. */
export interface HumanScoresOptions {
  /** Column of the scores. Default: MOS_zscore, else MOS, else DMOS. */
  column?: string;
  /** Column of the names of the images. Default: image_name, filename, … */
  nameColumn?: string;
  /**
   * True if higher scores are better. Default: true, except for a column called DMOS (KADID-10k's is better when
   * higher).
   */
  higherIsBetter?: boolean;
  /** Ends of the scale. Default: those of the data set, else the smallest and largest score. */
  scale?: readonly [number, number];
  /** Column of the standard deviations of the opinions. Default: known for KonIQ-10k, else none. */
  deviationColumn?: string;
  /** Factor from those deviations to the scale of the scores, such as 25 from 1–5 to 0–100. Default 1. */
  deviationFactor?: number;
  /** Number of opinions: a column, or one number for all images. Default: known for KonIQ-10k, else none. */
  opinions?: string | number;
}

/** Names of score columns in the order in which they are taken, as `normal` writes them. */
const scoreColumns = ['moszscore', 'mos', 'meanopinionscore', 'dmoszscore', 'dmos'];

interface Format {
  dataset: string | null;
  higherIsBetter: boolean;
  scale: readonly [number, number] | undefined;
  deviations: { column: string; factor: number; opinions: string } | undefined;
}

/**
 * Reads human scores. Known are the headers of KonIQ-10k (image_name, c1 … c5, c_total, MOS, SD, with or without
 * MOS_zscore), KADID-10k (dist_img, ref_img, dmos, var), SPAQ (Image name, MOS, Brightness, …) and TID2013's
 * `mos_with_names.txt`; of other tables the columns are found by their usual names or named by options.
 *
 * @throws HyperIQAError ERR_TABLE with file, line and column; ERR_INVALID_ARGUMENT for options out of range
 */
export async function readHumanScores(source: TableSource, options: HumanScoresOptions = {}): Promise<HumanScores> {
  checkOptions(options);
  const table = await readTable(source, PLAIN_SCORES);
  const names = fileColumn(table, options.nameColumn, '--mos-name-column');
  const candidates = scoreColumns.flatMap((wanted) => {
    const index = columnCalled(table, wanted);
    return index >= 0 ? [index] : [];
  });
  const taken = options.column === undefined ? candidates[0] : columnNamed(table, options.column, 'human scores');
  if (taken === undefined) {
    throw tableError(
      table.source,
      `, line 1: there is no column with human scores (such as MOS_zscore, MOS or DMOS); the columns are ` +
        `${listed(table.columns)}. Name it with --mos-column.`,
    );
  }
  const { reads, dropped } = readScores(table, names, taken);
  const format = formatOf(table, taken, reads);
  const deviations = deviationsOf(table, options, format);
  return {
    source: table.source,
    sha256: table.sha256,
    dataset: format.dataset,
    column: table.columns[taken] ?? '',
    otherColumns: candidates.filter((index) => index !== taken).map((index) => table.columns[index] ?? ''),
    higherIsBetter: options.higherIsBetter ?? format.higherIsBetter,
    scale: scaleOf(
      options.scale,
      format.scale,
      reads.flatMap(({ score }) => score ?? []),
    ),
    deviations: deviations?.source ?? null,
    rows: reads.map(({ file, score, row }) => {
      const { deviation, opinions } = deviations?.of(row) ?? { deviation: null, opinions: null };
      return new HumanScoreOfTable(table, row, file, score, deviation, opinions);
    }),
    dropped,
  };
}

/** Standard deviations: their source, and those of a row. */
function deviationsOf(
  table: Table,
  options: HumanScoresOptions,
  format: Format,
): { source: HumanScores['deviations']; of: (row: TableRow) => Pick<HumanRow, 'deviation' | 'opinions'> } | undefined {
  const known = options.deviationColumn === undefined ? format.deviations : undefined;
  const name = options.deviationColumn ?? known?.column;
  if (name === undefined) return undefined;
  const factor = options.deviationFactor ?? known?.factor ?? 1;
  const opinions = options.opinions ?? known?.opinions ?? null;
  const column = columnNamed(table, name, 'standard deviations');
  const counts = typeof opinions === 'string' ? columnNamed(table, opinions, 'numbers of opinions') : undefined;
  return {
    source: { column: table.columns[column] ?? '', factor, opinions },
    of(row) {
      const deviation = numberIn(table, row, column);
      if (deviation !== null && deviation < 0) {
        throw tableError(table.source, `, line ${row.line}, column ${name}: a standard deviation cannot be negative.`);
      }
      return {
        deviation: deviation === null ? null : deviation * factor,
        opinions: typeof opinions === 'number' ? opinions : counts === undefined ? null : numberIn(table, row, counts),
      };
    },
  };
}

function checkOptions({ scale, deviationFactor, opinions }: HumanScoresOptions): void {
  const wrong =
    scale !== undefined && !(Number.isFinite(scale[0]) && Number.isFinite(scale[1]) && scale[0] < scale[1])
      ? `scale must be two numbers, the lower first, not ${scale.join(', ')}.`
      : deviationFactor !== undefined && !(deviationFactor > 0 && deviationFactor < Infinity)
        ? `deviationFactor must be a number above 0, not ${deviationFactor}.`
        : typeof opinions === 'number' && !(Number.isInteger(opinions) && opinions >= 1)
          ? `opinions must be a column or a whole number from 1, not ${opinions}.`
          : undefined;
  if (wrong !== undefined) throw new HyperIQAError('ERR_INVALID_ARGUMENT', wrong);
}

/** A row with its name and score. */
interface Read {
  file: string;
  score: number | null;
  row: TableRow;
}

function readScores(table: Table, names: number, scores: number): { reads: Read[]; dropped: DroppedRow[] } {
  const reads = new Map<string, Read>();
  const dropped: DroppedRow[] = [];
  for (const row of table.rows) {
    const file = nameIn(table, row, names);
    const score = numberIn(table, row, scores);
    const path = canonical(file);
    const earlier = reads.get(path);
    if (earlier === undefined) {
      reads.set(path, { file, score, row });
      continue;
    }
    const name = earlier.file === file ? '' : ` (${earlier.file})`;
    if (earlier.score !== score) {
      throw tableError(
        table.source,
        `, line ${row.line}, column ${table.columns[names] ?? ''}: ${file} is there twice with different scores, ` +
          `${earlier.score ?? 'none'} in line ${earlier.row.line}${name} and ${score ?? 'none'} here.`,
      );
    }
    const message = `line ${row.line} repeats line ${earlier.row.line}${name}`;
    dropped.push({ source: table.source, line: row.line, file, reason: 'duplicate', predictor: null, message });
  }
  if (reads.size === 0) throw tableError(table.source, ' has a header and no rows.');
  return { reads: [...reads.values()], dropped };
}

/** Recognises the data set by its header and names. */
function formatOf(table: Table, taken: number, rows: readonly Read[]): Format {
  const has = (...names: string[]) => names.every((name) => table.columns.some((column) => normal(column) === name));
  const called = normal(table.columns[taken] ?? '');
  const defaults: Format = {
    dataset: null,
    higherIsBetter: !called.startsWith('dmos'),
    scale: undefined,
    deviations: undefined,
  };
  if (has('c1', 'c2', 'c3', 'c4', 'c5', 'ctotal')) {
    // The same column name has two scales: KonIQ's first table gives MOS on 1 to 5, the one with the split on 0 to 100.
    const largest = rows.reduce((most, { score }) => Math.max(most, score ?? -Infinity), -Infinity);
    const hundred = called === 'moszscore' || largest > 5;
    const known = called === 'moszscore' || called === 'mos';
    return {
      dataset: 'koniq10k',
      higherIsBetter: true,
      scale: known ? (hundred ? [0, 100] : [1, 5]) : undefined,
      deviations: known && has('sd') ? { column: 'SD', factor: hundred ? 25 : 1, opinions: 'c_total' } : undefined,
    };
  }
  // KADID-10k calls its scores DMOS, and a higher one is better.
  if (has('distimg', 'refimg', 'dmos')) {
    return { ...defaults, dataset: 'kadid10k', higherIsBetter: true, scale: called === 'dmos' ? [1, 5] : undefined };
  }
  if (has('mos', 'brightness', 'colorfulness', 'contrast')) {
    return { ...defaults, dataset: 'spaq', scale: called === 'mos' ? [0, 100] : undefined };
  }
  if (rows.every(({ file }) => /^(.*[\\/])?i\d\d_\d\d_\d\.\w+$/i.test(file)) && normal(PLAIN_SCORES) === called) {
    return { ...defaults, dataset: 'tid2013', scale: [0, 9] };
  }
  return defaults;
}

function scaleOf(
  given: readonly [number, number] | undefined,
  known: readonly [number, number] | undefined,
  scores: readonly number[],
): Scale {
  const [from, ends] = given ? (['option', given] as const) : (['format', known] as const);
  if (ends !== undefined) return { minimum: ends[0], maximum: ends[1], from };
  let [minimum, maximum] = [Infinity, -Infinity];
  for (const score of scores) {
    minimum = Math.min(minimum, score);
    maximum = Math.max(maximum, score);
  }
  return {
    minimum: Number.isFinite(minimum) ? minimum : 0,
    maximum: Number.isFinite(maximum) ? maximum : 0,
    from: 'observed',
  };
}
