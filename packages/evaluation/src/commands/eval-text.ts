/** An evaluation as text: a table for people, or CSV with one figure a row. */
import { stringify } from 'csv-stringify/sync';
import { count, inert, printable } from 'hyperiqa/add-on';
import {
  datasetTitle,
  droppedByReason,
  waysOfMatching,
  type Bounds,
  type Comparison,
  type Difference,
  type Estimate,
  type Evaluation,
  type FigureName,
  type GroupResult,
  type MatchedBy,
  type PredictorResult,
  type Scale,
} from '../evaluation/index.js';
import { explainUndefined } from '../metrics/index.js';

/** Figures in the order in which they are shown, with the names of the field. */
const figureTitles: Record<FigureName, string> = {
  srcc: 'SRCC',
  krcc: 'KRCC',
  plcc: 'PLCC',
  rmse: 'RMSE',
  mae: 'MAE',
  mse: 'MSE',
  outlierRatio: 'outlier ratio',
  epsilonInsensitiveRmse: 'RMSE*',
};
const figureNames = Object.keys(figureTitles) as FigureName[];

const ways: Record<MatchedBy, string> = {
  exact: 'by exact name',
  normalized: 'by the same path, written otherwise',
  'path-suffix': 'by the end of the path',
  'base-name': 'by base name',
  'ignoring-case': 'by name in any case',
  stem: 'by stem',
  'stem-ignoring-case': 'by stem in any case',
};

const waysOf = (matching: Evaluation['matching']): string =>
  waysOfMatching
    .filter((way) => matching[way] > 0)
    .map((way) => `${matching[way]} ${ways[way]}`)
    .join(', ') || 'none';

/** Four significant places for what is small, as correlations are; two decimals for the rest. */
function number(value: number | null | undefined): string {
  if (value === null || value === undefined) return '-';
  const size = Math.abs(value);
  return size >= 1e6 ? value.toExponential(4) : size >= 10 ? value.toFixed(2) : value.toFixed(4);
}

const bounds = (interval: Bounds | null | undefined): string =>
  interval ? `${number(interval.lower)} to ${number(interval.upper)}` : '-';

const scale = ({ minimum, maximum, from }: Scale): string =>
  `${Number(minimum.toFixed(4))} to ${Number(maximum.toFixed(4))}${from === 'observed' ? ' (as observed)' : ''}`;

const direction = (higherIsBetter: boolean): string => `${higherIsBetter ? 'higher' : 'lower'} is better`;

/** Rows of cells, the first column to the left and the others to the right, as wide as they need. */
function grid(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    rows.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), 0),
  );
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
    )
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/** Formats an evaluation as text for people. */
export function evaluationTable(evaluation: Evaluation): string {
  const { predictors, comparisons } = evaluation;
  return [head(evaluation), ...predictors.map((one) => predictorText(evaluation, one)), comparisonText(comparisons)]
    .filter((part) => part !== '')
    .join('\n');
}

/** Lines before the figures: the data compared, and the method. */
function evaluationFacts(evaluation: Evaluation): [string, string][] {
  const { humanScores: human, provenance, matching, tables, dropped, unpredicted, images } = evaluation;
  const { settings, trainedOn } = provenance;
  const dataset = human.dataset === null ? '' : ` (${datasetTitle(human.dataset)})`;
  const others = human.otherColumns.length > 0 ? `, taken before ${human.otherColumns.join(', ')}` : '';
  const percent = `${Number((settings.level * 100).toFixed(2))} %`;
  return [
    ['human scores', `column ${human.column} of ${provenance.humanScores.source}${dataset}${others}`],
    ['', `${human.higherIsBetter ? 'MOS' : 'DMOS'}: ${direction(human.higherIsBetter)}; scale ${scale(human.scale)}`],
    ...(human.deviations
      ? [['', `standard deviations: ${human.deviations.column} x ${human.deviations.factor}`] as [string, string]]
      : []),
    ['predictions', provenance.predictions.map(({ source }) => source).join(', ') || 'images scored now'],
    ['trained on', trainedOn.map(datasetTitle).join(', ') || 'not known (--trained-on)'],
    ['images', tables.length > 1 ? String(images) : `${images}: ${waysOf(matching)}`],
    ...(tables.length > 1
      ? tables.map(({ source, rows, matched, matching: ofTable }, i): [string, string] => [
          i === 0 ? 'matched' : '',
          `${matched} of ${count(rows, 'row')} of ${source}: ${waysOf(ofTable)}`,
        ])
      : []),
    ['dropped', dropped.length === 0 ? 'nothing' : `${dropped.length}: ${droppedByReason(dropped)}`],
    ...dropped
      .slice(0, 5)
      .map(({ file, message, predictor }): [string, string] => [
        '',
        `${file}${predictor === null ? '' : `, ${predictor}`}: ${message}`,
      ]),
    ...(dropped.length > 5 ? [['', `... and ${dropped.length - 5} more, in --format json`] as [string, string]] : []),
    ...(unpredicted.count > 0
      ? [['', `${count(unpredicted.count, 'human score')} without a prediction`] as [string, string]]
      : []),
    [
      'intervals',
      settings.replicates === 0
        ? 'none (--replicates 0)'
        : `${percent}, BCa bootstrap of ${settings.resampleBy === 'image' ? 'images' : `groups of ${settings.resampleBy}`}, ` +
          `${settings.replicates} replicates, seed ${settings.seed}`,
    ],
    ['fit', `${settings.fit}, of each group of images${settings.refit ? ', repeated in each replicate' : ''}`],
  ];
}

const head = (evaluation: Evaluation): string =>
  evaluationFacts(evaluation)
    .map(([name, value]) => `${name.padEnd(14)}${printable(value)}\n`)
    .join('');

function predictorText({ provenance }: Evaluation, predictor: PredictorResult): string {
  const { overall, groups, linearMap } = predictor;
  const known = predictor.scale ? `, scale ${scale(predictor.scale)}` : '';
  const percent = `${Number((provenance.settings.level * 100).toFixed(2))} %`;
  const figures = figureNames.filter((name) => name in overall.raw);
  const lines = [
    ['', 'RAW', percent, 'FITTED', percent],
    ...figures.map((name) => [
      figureTitles[name],
      figureText(overall, 'raw', name),
      bounds(overall.intervals.raw[name]),
      figureText(overall, 'fitted', name),
      bounds(overall.intervals.fitted[name]),
    ]),
    ['PLCC (Fisher)', '', bounds(overall.intervals.raw.plccFisher), '', bounds(overall.intervals.fitted.plccFisher)],
  ];
  const map =
    linearMap === null
      ? ''
      : linearMap.method === 'scale-ends'
        ? 'by the ends of the scales'
        : 'by least squares over all images';
  const gaps = [
    ['', 'RAW', percent, 'SCALED', percent],
    ['bias', ...estimates(overall.bias)],
    ['gap per MOS', ...estimates(overall.gapSlope)],
  ];
  return (
    `${printable(predictor.name)}: ${direction(predictor.higherIsBetter)}${known}; n = ${overall.n}\n` +
    grid(lines) +
    grid(gaps) +
    (map ? `scaled: ${map}\n` : '') +
    bandText(overall) +
    pairsText(overall) +
    (groups.length > 0 ? `\n${groupTable(groups, provenance.settings.groupBy ?? '', percent)}` : '')
  );
}

function figureText(group: GroupResult, kind: 'raw' | 'fitted', name: FigureName): string {
  const value = group[kind][name];
  const reason = group.undefined[`${kind}.${name}`];
  return value === null && reason !== undefined ? `undefined: ${explainUndefined(reason)}` : number(value);
}

const estimates = ({ raw, scaled }: { raw: Estimate; scaled: Estimate }): string[] =>
  [raw, scaled].flatMap(({ value, interval }) => [number(value), bounds(interval)]);

const share = (value: number | null): string => (value === null ? '-' : `${(value * 100).toFixed(1)} %`);

const bandText = ({ band }: GroupResult): string =>
  band
    ? `in the band: ${share(band.predictions)} of the predictions, ${share(band.humanScores)} of the human scores\n`
    : '';

const pairsText = ({ pairs }: GroupResult): string =>
  pairs
    ? `AUC different/similar ${number(pairs.aucDifferentSimilar)}, better/worse ${number(pairs.aucBetterWorse)}, ` +
      `${share(pairs.correctBetterWorse)} of ${pairs.differentPairs} different pairs in the right order\n`
    : '';

function groupTable(groups: readonly GroupResult[], column: string, percent: string): string {
  const banded = groups.some(({ band }) => band !== null);
  return grid([
    [
      printable(column).toUpperCase(),
      ...['N', 'SRCC', percent, 'KRCC', 'PLCC', 'PLCC FIT', percent, 'RMSE', 'RMSE FIT', 'MAE', 'MAE FIT', 'BIAS'],
      ...(banded ? ['IN BAND'] : []),
    ],
    ...groups.map(({ name, n, raw, fitted, intervals, bias, band }) => [
      printable(name),
      String(n),
      number(raw.srcc),
      bounds(intervals.raw.srcc),
      number(raw.krcc),
      number(raw.plcc),
      number(fitted.plcc),
      bounds(intervals.fitted.plcc),
      number(raw.rmse),
      number(fitted.rmse),
      number(raw.mae),
      number(fitted.mae),
      number(bias.scaled.value),
      ...(banded ? [share(band?.predictions ?? null)] : []),
    ]),
  ]);
}

/** p as people write it. */
const p = (value: number | null): string => (value === null ? '-' : value < 0.001 ? '<0.001' : value.toFixed(3));

function comparisonText(comparisons: readonly Comparison[]): string {
  if (comparisons.length === 0) return '';
  const row = (names: string, n: number, title: string, difference: Difference): string[] => [
    printable(names),
    String(n),
    title,
    number(difference.bootstrap.value),
    bounds(difference.bootstrap.interval),
    p(difference.bootstrap.pValue),
    number(difference.mengRosenthalRubin.z),
    p(difference.mengRosenthalRubin.pValue),
  ];
  return grid([
    ['COMPARISON', 'N', '', 'DIFFERENCE', 'INTERVAL', 'P (BOOTSTRAP)', 'MENG Z', 'P (MENG)'],
    ...comparisons.flatMap(({ first, second, n, srcc, plcc, plccFitted }) => [
      row(`${first} - ${second}`, n, 'SRCC', srcc),
      row('', n, 'PLCC', plcc),
      row('', n, 'PLCC fit', plccFitted),
    ]),
  ]);
}

/** Items of a list that are written at once. */
const CHUNK = 10_000;

/**
 * Everything, as `JSON.stringify` with an indentation of 2 writes it, in pieces: with millions of dropped rows it is longer
 * than a string can be.
 */
export function* evaluationJson(evaluation: Evaluation): Generator<string, void, undefined> {
  let separator = '{\n  ';
  for (const [name, value] of Object.entries(evaluation)) {
    yield `${separator}${JSON.stringify(name)}: `;
    separator = ',\n  ';
    if (!Array.isArray(value) || value.length === 0) {
      yield indented(value, 1);
      continue;
    }
    for (let from = 0; from < value.length; from += CHUNK) {
      const items = value.slice(from, from + CHUNK).map((item) => indented(item, 2));
      yield `${from === 0 ? '[' : ','}\n    ${items.join(',\n    ')}`;
    }
    yield '\n  ]';
  }
  yield '\n}\n';
}

const indented = (value: unknown, depth: number): string =>
  JSON.stringify(value, null, 2).replaceAll('\n', `\n${'  '.repeat(depth)}`);

/** One figure a row, unrounded. */
export function evaluationCsv({ predictors }: Evaluation): string {
  const columns = ['predictor', 'group', 'n', 'mapping', 'figure', 'value', 'lower', 'upper', 'undefinedBecause'];
  const rows = predictors.flatMap(({ name, overall, groups }) =>
    [overall, ...groups].flatMap((group, i) => {
      // A group may be called overall, too: all images have no group.
      const start = [inert(name), i === 0 ? '' : inert(group.name), group.n];
      return [
        ...(['raw', 'fitted'] as const).flatMap((mapping) =>
          figureNames
            .filter((figure) => figure in group[mapping])
            .map((figure) => {
              const interval = group.intervals[mapping][figure];
              const reason = group.undefined[`${mapping}.${figure}`];
              return [...start, mapping, figure, group[mapping][figure], interval?.lower, interval?.upper, reason];
            }),
        ),
        ...(['bias', 'gapSlope'] as const).flatMap((figure) =>
          (['raw', 'scaled'] as const).map((mapping) => {
            const { value, interval, undefinedBecause } = group[figure][mapping];
            return [...start, mapping, figure, value, interval?.lower, interval?.upper, undefinedBecause];
          }),
        ),
        ...(group.band ? [[...start, 'raw', 'shareInBand', group.band.predictions]] : []),
      ].map((row) => columns.map((_, k) => row[k]));
    }),
  );
  return stringify([columns, ...rows]);
}
