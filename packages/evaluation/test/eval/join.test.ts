/** Tests which prediction belongs to which human score, and the account of the others. */
import { expect, test } from 'vitest';
import { HyperIQAError } from 'hyperiqa/add-on';
import type { ScoreAllItem, ScoreResult } from 'hyperiqa';
import { errorWith } from '../../../../test/helpers/errors.js';
import {
  readHumanScores,
  joinScores,
  koniqSplit,
  collectPredictions,
  readPredictions,
  type PredictionsOptions,
} from '../../src/evaluation/index.js';

const table = (data: string, name: string) => ({ name, data });

async function join(predictions: string | string[], human: string, options?: PredictionsOptions) {
  const list = [predictions].flat().map((data, i) => table(data, `p${i + 1}.csv`));
  return joinScores(await readPredictions(list, options), await readHumanScores(table(human, 'mos.csv')));
}

test('exact name, then base name, then any case, then stem, then both', async () => {
  const { images, matching } = await join(
    'file,score\nset/a.jpg,1\nphotos/b.jpg,2\nphotos\\c.png,3\nD.BMP,4\nE.JPG,5\n',
    'image_name,MOS\nset/a.jpg,10\nb.jpg,20\nc.jpg,30\nd.bmp,40\ne.png,50\n',
  );
  expect(images.map(({ file, humanFile, matchedBy, mos }) => [file, humanFile, matchedBy, mos])).toEqual([
    ['set/a.jpg', 'set/a.jpg', 'exact', 10],
    ['photos/b.jpg', 'b.jpg', 'base-name', 20],
    ['photos\\c.png', 'c.jpg', 'stem', 30],
    ['D.BMP', 'd.bmp', 'ignoring-case', 40],
    ['E.JPG', 'e.png', 'stem-ignoring-case', 50],
  ]);
  expect(matching).toEqual({
    ...{ exact: 1, normalized: 0, 'path-suffix': 0, 'base-name': 1 },
    ...{ 'ignoring-case': 1, stem: 1, 'stem-ignoring-case': 1 },
  });
});

test('every row that is not evaluated is told with its reason and line', async () => {
  const { images, dropped, unpredicted } = await join(
    [
      'file,score,errorCode',
      'a.jpg,1,',
      'a.jpg,9,',
      'b.jpg,,ERR_IMAGE_DECODE',
      'c.jpg,nan,',
      'd.jpg,4,',
      'e.jpg,5,',
      'f.jpg,6,',
      'x/g.jpg,7,',
      'a.png,8,',
      'y/h.jpg,1,',
      'z/h.jpg,2,',
    ].join('\n'),
    'image_name,MOS\na.jpg,1\nb.jpg,2\nc.jpg,3\nd.jpg,\nf.jpg,6\n1/g.jpg,7\n2/g.jpg,8\nh.jpg,3\nunused.jpg,1\n',
  );
  expect(images.map(({ file }) => file)).toEqual(['a.jpg', 'f.jpg']);
  expect(dropped.map(({ line, file, reason, predictor }) => [line, file, reason, predictor])).toEqual([
    [3, 'a.jpg', 'duplicate', null],
    [4, 'b.jpg', 'unreadable', null],
    [5, 'c.jpg', 'no-value', 'score'],
    [6, 'd.jpg', 'no-human-score', null],
    [7, 'e.jpg', 'no-match', null],
    [9, 'x/g.jpg', 'ambiguous', null],
    [10, 'a.png', 'duplicate', null],
    [11, 'y/h.jpg', 'ambiguous', null],
    [12, 'z/h.jpg', 'ambiguous', null],
  ]);
  expect(dropped[0]!.message).toContain('line 3 repeats line 2');
  expect(dropped[1]!.message).toContain('ERR_IMAGE_DECODE');
  // These have a human score and no row that certainly means them.
  expect(unpredicted).toEqual({ count: 5, examples: ['b.jpg', '1/g.jpg', '2/g.jpg', 'h.jpg', 'unused.jpg'] });
});

test('nothing in common is an error that shows names of both kinds', async () => {
  await expect(join('file,score\na.jpg,1\n', 'image_name,MOS\nx.jpg,1\n')).rejects.toEqual(
    errorWith('ERR_TABLE', /names like a\.jpg.*names like x\.jpg/),
  );
  await expect(join('file,score\na.jpg,nan\n', 'image_name,MOS\na.jpg,1\n')).rejects.toEqual(
    errorWith('ERR_TABLE', /a prediction that is a number.*\(1 no-value; a\.jpg: line 2: there is no number\)/),
  );
});

test('without names of predictors: score where there is one, else the columns of numbers that are no human scores', async () => {
  const mos = 'image_name,MOS\na.jpg,1\n';
  const named = async (csv: string, options?: PredictionsOptions) =>
    (await join(csv, mos, options)).predictions.predictors.map(({ name }) => name);
  expect(await named('file,score,width\na.jpg,1,2\n')).toEqual(['score']);
  expect(await named('image_name,MOS,SD,set,niqe,brisque\na.jpg,1,2,test,3,4\n')).toEqual(['niqe', 'brisque']);
  expect(await named('image_name,MOS_zscore,Image_predic_score,Face_predic_score\na.jpg,1,2,3\n')).toEqual([
    'Image_predic_score',
    'Face_predic_score',
  ]);
  expect(await named('image_name,niqe,brisque\na.jpg,3,4\n', { predictors: ['BRISQUE', 'niqe'] })).toEqual([
    'brisque',
    'niqe',
  ]);
  await expect(named('image_name,note\na.jpg,fine\n')).rejects.toEqual(
    errorWith('ERR_TABLE', /no column of predictions/),
  );
});

test('records with faces have the score of the largest face that is kept as a second predictor', async () => {
  const face = (kept: boolean, score: number | null) => ({ kept, score, box: { x: 1 } });
  const line = (file: string, score: number, faces: object[]) =>
    `${JSON.stringify({ file, score, faces: { status: 'ok', faces } })}\n`;
  const { predictions, images } = await join(
    line('a.jpg', 60, [face(false, null), face(true, 31), face(true, 12)]) + line('b.jpg', 50, []),
    'image_name,MOS\na.jpg,1\nb.jpg,2\n',
  );
  expect(predictions.predictors.map(({ name }) => name)).toEqual(['score', 'faceScore']);
  expect(images.map(({ scores }) => scores)).toEqual([
    [60, 31],
    [50, null],
  ]);
});

test("the study's long table has a predictor for each model", async () => {
  const { predictions, images } = await join(
    'Model_name,filename,score\nm1,a.jpg,1\nm1,b.jpg,2\nm2,a.jpg,3\nm2,b.jpg,\n',
    'image_name,MOS\na.jpg,1\nb.jpg,2\n',
  );
  expect(predictions.predictors.map(({ name }) => name)).toEqual(['m1', 'm2']);
  expect(images.map(({ scores }) => scores)).toEqual([
    [1, 3],
    [2, null],
  ]);
});

test('predictors of several files are named after them; directions and scales go by column or name', async () => {
  const { predictions, images } = await join(
    ['file,score\na.jpg,1\n', 'file,score,other\na.jpg,2,3\nb.jpg,4,5\n'],
    'image_name,MOS\na.jpg,1\nb.jpg,2\n',
    { predictors: ['p1', 'other', 'score'], lowerIsBetter: ['other'], scales: { p1: [0, 5] } },
  );
  expect(predictions.predictors.map(({ name, higherIsBetter }) => [name, higherIsBetter])).toEqual([
    ['p1', true],
    ['p2:other', false],
    ['p2:score', true],
  ]);
  expect(predictions.predictors[0]!.scale).toEqual({ minimum: 0, maximum: 5, from: 'option' });
  expect(images.map(({ scores }) => scores)).toEqual([
    [1, 3, 2],
    [null, 5, 4],
  ]);
  await expect(join('file,score\na.jpg,1\n', 'image_name,MOS\na.jpg,1\n', { lowerIsBetter: ['x'] })).rejects.toEqual(
    errorWith('ERR_TABLE', /no predictor x; there are score/),
  );
});

test('our own CSV writes an apostrophe before names like formulas, which is no part of the name', async () => {
  const { matching } = await join("file,score\n'=1.jpg,1\n", 'image_name,MOS\n=1.jpg,1\n');
  expect(matching.exact).toBe(1);
});

test('results of a scorer become predictions, failures are dropped', async () => {
  // eslint-disable-next-line @typescript-eslint/require-await -- an iterable of results, as scoreAll gives
  async function* items(): AsyncGenerator<ScoreAllItem<string>> {
    yield { input: 'a.jpg', index: 0, result: { score: 61 } as ScoreResult };
    yield { input: 'b.jpg', index: 1, error: new HyperIQAError('ERR_IMAGE_DECODE', 'damaged') };
  }
  const model = {
    name: 'm',
    sha256: 'f00',
    training: { dataset: 'koniq10k' },
    score: { minimum: 0, maximum: 100, higherIsBetter: true },
  };
  const predictions = await collectPredictions(items(), { model } as never);
  expect(predictions).toMatchObject({
    predictors: [{ name: 'm', scale: { minimum: 0, maximum: 100, from: 'model' } }],
    models: [{ name: 'm', trainedOn: 'koniq10k' }],
    rows: [{ file: 'a.jpg', scores: [61] }],
    dropped: [{ file: 'b.jpg', reason: 'unreadable', message: 'damaged (ERR_IMAGE_DECODE)' }],
  });
});

test("KonIQ-10k's official split is that of the published table", async () => {
  const { readFile } = await import('node:fs/promises');
  const lines = (await readFile('packages/evaluation/test/metrics/fixtures/koniq.csv', 'utf8'))
    .trim()
    .split('\n')
    .slice(1);
  const wrong = lines.filter((line) => {
    const [name = '', set] = line.split(',');
    return koniqSplit(`some/folder/${name}`) !== set;
  });
  expect(lines).toHaveLength(10_073);
  expect(wrong).toEqual([]);
  expect(koniqSplit('photo.jpg')).toBeUndefined();
});
