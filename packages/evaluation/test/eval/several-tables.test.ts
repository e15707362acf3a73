/** Several tables of predictions, each joined by itself; and an account of every row. */
import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compute } from '../../src/evaluation/compute.js';
import { assemble, prepare } from '../../src/evaluation/evaluate.js';
import { tableLabels } from '../../src/evaluation/table-labels.js';
import { uniteTables } from '../../src/evaluation/unite.js';
import { errorWith } from '../../../../test/helpers/errors.js';
import {
  readHumanScores,
  joinScores,
  readPredictions,
  type PredictionsOptions,
  type EvaluationOptions,
  type RatedImages,
} from '../../src/evaluation/index.js';

type Tables = Record<string, string>;
const sources = (tables: Tables) => Object.entries(tables).map(([name, data]) => ({ name, data }));

async function join(tables: Tables, mos: string, options?: PredictionsOptions): Promise<RatedImages> {
  const human = await readHumanScores({ name: 'mos.csv', data: mos });
  return joinScores(await readPredictions(sources(tables), options), human);
}

function evaluated(data: RatedImages, options: EvaluationOptions = {}) {
  const prepared = prepare(data, { replicates: 0, ...options });
  return assemble(data, prepared, compute(prepared.job));
}

const mos = 'image_name,MOS,kind\n1.jpg,10,x\n2.jpg,20,x\n3.jpg,30,y\n';

test('tables that name the same images otherwise are joined by themselves', async () => {
  const data = await join(
    {
      'ours.csv': 'file,score\nphotos/1.jpg,1\nphotos/2.jpg,2\nphotos/3.jpg,3\n',
      'theirs.csv': 'file,p,q\n3.jpg,6,\n1.jpg,4,7\n9.jpg,1,1\n',
    },
    mos,
  );
  expect(data.images.map(({ humanFile, file, matchedBy, scores }) => [humanFile, file, matchedBy, scores])).toEqual([
    ['1.jpg', 'photos/1.jpg', 'base-name', [1, 4, 7]],
    ['2.jpg', 'photos/2.jpg', 'base-name', [2, null, null]],
    ['3.jpg', 'photos/3.jpg', 'base-name', [3, 6, null]],
  ]);
  expect(
    data.tables.map(({ source, rows, matched, dropped, unpredicted }) => [source, rows, matched, dropped, unpredicted]),
  ).toEqual([
    ['ours.csv', 3, 3, {}, 0],
    ['theirs.csv', 3, 2, { 'no-match': 1 }, 1],
  ]);
  expect(data.matching).toMatchObject({ exact: 2, 'base-name': 3 });
  expect(data.dropped.map(({ source, line, reason, predictor }) => [source, line, reason, predictor])).toEqual([
    ['theirs.csv', 2, 'no-value', 'theirs:q'],
    ['theirs.csv', 4, 'no-match', null],
  ]);
  const { predictors } = evaluated(data);
  expect(predictors.map(({ name, source, overall }) => [name, source, overall.n])).toEqual([
    ['ours', 'ours.csv', 3],
    ['theirs:p', 'theirs.csv', 2],
    ['theirs:q', 'theirs.csv', 1],
  ]);
});

test('the columns of all tables can group the images; names of the language are columns as any other', async () => {
  const tables = {
    'a.csv': 'file,score\n1.jpg,1\n2.jpg,2\n',
    'b.csv': 'file,score,constructor\nx/2.jpg,4,s\nx/3.jpg,5,t\n',
  };
  const data = await join(tables, mos);
  const groups = (groupBy: string) =>
    evaluated(data, { groupBy }).predictors[1]!.groups.map(({ name, n }) => [name, n]);
  expect(groups('constructor')).toEqual([
    ['(none)', 0],
    ['s', 1],
    ['t', 1],
  ]);
  expect(() => groups('toString')).toThrow(/no column toString/);
  expect(() => groups('__proto__')).toThrow(/no column __proto__/);
});

test('a predictor without any image has a warning that says why, and the others their figures', async () => {
  const data = await join(
    { 'a.csv': 'file,score\n1.jpg,1\n2.jpg,2\n3.jpg,4\n', 'b.csv': 'file,score\nx.jpg,1\ny.jpg,2\n' },
    mos,
  );
  const { predictors, warnings, tables } = evaluated(data);
  expect(predictors.map(({ overall }) => [overall.n, overall.raw.srcc])).toEqual([
    [3, 1],
    [0, null],
  ]);
  expect(tables[1]).toMatchObject({ rows: 2, matched: 0, dropped: { 'no-match': 2 } });
  expect(warnings.filter(({ code }) => code === 'WARN_NO_IMAGES')).toEqual([
    {
      code: 'WARN_NO_IMAGES',
      message:
        'b has no figures: of the 2 rows of b.csv none has both a human score and a number of it (2 no-match); ' +
        'x.jpg: line 2: no human score has this name.',
    },
  ]);
});

test('predictors are chosen by column, by file, or both', async () => {
  const tables = { 'a.csv': 'file,score\n1.jpg,1\n', 'b.csv': 'file,p,q\n1.jpg,2,3\n' };
  const names = async (...predictors: string[]) =>
    (await readPredictions(sources(tables), { predictors })).predictors.map(({ name }) => name);
  expect(await names('b', 'a')).toEqual(['b:p', 'b:q', 'a']);
  expect(await names('b:p', 'b:q', 'a:score')).toEqual(['b:p', 'b:q', 'a']);
  expect(await names('q', 'a')).toEqual(['b', 'a']);
  expect(await names('b:q', 'score')).toEqual(['b', 'a']);
  await expect(names('a', 'r')).rejects.toEqual(errorWith('ERR_TABLE', /no column a, r \(predictor\)/));
});

test.each([
  [
    ['a.csv', 'b.csv'],
    ['a', 'b'],
  ],
  [
    ['x/scores.csv', 'y\\scores.csv'],
    ['x/scores', 'y/scores'],
  ],
  [
    ['/r/x/s.csv', '/r/y/s.csv', '/q/y/s.csv'],
    ['r/x/s', 'r/y/s', 'q/y/s'],
  ],
  [
    ['a.csv', 'a.jsonl'],
    ['a.csv', 'a.jsonl'],
  ],
])('tables %j are called %j', (names, labels) => {
  expect(tableLabels(names)).toEqual(labels);
});

test('a table that is named twice is refused', async () => {
  const twice = [0, 1].map(() => ({ name: 'a.csv', data: 'file,score\n1.jpg,1\n' }));
  await expect(readPredictions(twice)).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT', /a\.csv is named twice/));
});

test('one image in two ways of writing counts once in a table, and two human scores of it are refused', async () => {
  const { dropped, tables } = await join({ 'a.csv': 'file,score\n1.jpg,1\n./1.jpg,5\n' }, mos);
  expect(dropped).toMatchObject([
    { file: './1.jpg', reason: 'duplicate', message: 'line 3 repeats line 2 (1.jpg); the first one counts' },
  ]);
  expect(tables[0]).toMatchObject({ rows: 2, matched: 1, dropped: { duplicate: 1 } });
  const human = (score: number) =>
    readHumanScores({ name: 'mos.csv', data: `image_name,MOS\nZu\u0308rich.jpg,1\nZ\u00fcrich.jpg,${score}\n` });
  await expect(human(2)).rejects.toEqual(
    errorWith('ERR_TABLE', /twice with different scores, 1 in line 2 \(Zu\u0308rich/),
  );
  expect((await human(1)).dropped).toMatchObject([{ file: 'Z\u00fcrich.jpg', reason: 'duplicate' }]);
});

test('without human scores the tables make one list of images', async () => {
  const { images, dropped } = uniteTables(
    await readPredictions(
      sources({
        'a.csv': 'file,score\np/1.jpg,1\np/2.jpg,2\nq/2.jpg,3\n',
        'b.csv': 'file,score\n1.jpg,4\n2.jpg,5\n3.jpg,6\n',
      }),
    ),
  );
  expect(images).toEqual([
    { file: 'p/1.jpg', scores: [1, 4] },
    { file: 'p/2.jpg', scores: [2, null] },
    { file: 'q/2.jpg', scores: [3, null] },
    { file: '3.jpg', scores: [null, 6] },
  ]);
  expect(dropped).toMatchObject([{ source: 'b.csv', file: '2.jpg', reason: 'ambiguous' }]);
});

test('more predictors than can be compared are refused, columns and models', async () => {
  const names = Array.from({ length: 1001 }, (_, i) => `p${i}`);
  const wide = `file,${names.join(',')}\na.jpg,${names.map(() => '1').join(',')}\n`;
  const long = `Model_name,filename,score\n${names.map((name) => `${name},a.jpg,1\n`).join('')}`;
  for (const data of [wide, long]) {
    await expect(readPredictions({ name: 'a.csv', data })).rejects.toEqual(
      errorWith('ERR_TABLE', /more than 1000 predictors.*--predictor/),
    );
  }
  expect((await readPredictions({ name: 'a.csv', data: wide }, { predictors: ['p7'] })).predictors).toHaveLength(1);
});

const part = fc.constantFrom('a', 'b', 'x', 'É', 'é');
const file = fc.constantFrom('1.jpg', '2.jpg', '3.png', '1.JPG', '1', '__proto__');
const name = fc.tuple(fc.array(part, { maxLength: 2 }), file).map(([folders, last]) => [...folders, last].join('/'));
const cell = fc.constantFrom('1', '2.5', '-3', '', 'nan');
const predictions = fc.array(fc.record({ name, p: cell, q: cell }), { minLength: 1, maxLength: 20 });
const humans = fc.uniqueArray(fc.record({ name, score: cell }), {
  selector: (row) => row.name,
  minLength: 1,
  maxLength: 20,
});

const csv = (rows: readonly object[]) => stringify([...rows], { header: true });

test('every row is evaluated or dropped for one reason, in any order of rows and tables', async () => {
  await fc.assert(
    fc.asyncProperty(predictions, predictions, humans, async (first, second, human) => {
      const human_ = csv(human.map(({ name: image_name, score }) => ({ image_name, MOS: score })));
      const one = { 'a.csv': csv(first), 'b.csv': csv(second) };
      let data: RatedImages;
      try {
        data = await join(one, human_, { predictors: ['p', 'q'] });
      } catch (error) {
        expect(error).toEqual(errorWith('ERR_TABLE', /Nothing can be evaluated/));
        return;
      }
      for (const [i, rows] of [first, second].entries()) {
        const source = ['a.csv', 'b.csv'][i];
        const { rows: all, matched, dropped, matching } = data.tables[i]!;
        expect(all).toBe(rows.length);
        const sum = (counts: object) => Object.values(counts as Record<string, number>).reduce((a, b) => a + b, 0);
        expect(matched + sum(dropped)).toBe(all);
        expect(sum(matching)).toBe(matched);
        const lines = data.dropped.filter((row) => row.source === source).map(({ line }) => line);
        const lost = new Set(
          data.dropped.filter((row) => row.source === source && row.predictor === null).map(({ line }) => line),
        );
        expect(lines.every((line) => line !== null && line >= 2 && line <= rows.length + 1)).toBe(true);
        expect(lost.size + matched + (dropped['no-value'] ?? 0)).toBe(all);
      }
      // An image has the numbers of the row whose line is not dropped; both tables may have it.
      const reversed = await join({ 'b.csv': one['b.csv'], 'a.csv': one['a.csv'] }, human_, { predictors: ['p', 'q'] });
      const pairs = ({ images, predictions: { predictors } }: RatedImages) =>
        images
          .flatMap(({ humanFile, scores }) => scores.map((score, i) => `${humanFile} ${predictors[i]!.name} ${score}`))
          .filter((text) => !text.endsWith('null'))
          .sort();
      expect(pairs(reversed)).toEqual(pairs(data));
    }),
    { seed: 11, numRuns: 200 },
  );
});
