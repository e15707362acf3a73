/** The figures of an evaluation: against SciPy on KonIQ-10k, and on small columns that can be checked by hand. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compute } from '../../src/evaluation/compute.js';
import { assemble, prepare } from '../../src/evaluation/evaluate.js';
import { errorWith } from '../../../../test/helpers/errors.js';
import {
  readHumanScores,
  type HumanScoresOptions,
  joinScores,
  readPredictions,
  type PredictionsOptions,
  type Evaluation,
  type EvaluationOptions,
} from '../../src/evaluation/index.js';

interface Given extends EvaluationOptions {
  predictions?: PredictionsOptions;
  human?: HumanScoresOptions;
}

/** `evaluate` without its thread, for which the package would have to be built. */
async function evaluation(predictions: string, mos: string, given: Given = {}): Promise<Evaluation> {
  const { predictions: read, human, ...options } = given;
  const source = (text: string, name: string) => (text.includes('\n') ? { name, data: text } : text);
  const data = joinScores(
    await readPredictions(source(predictions, 'p.csv'), read),
    await readHumanScores(source(mos, 'mos.csv'), human),
  );
  const prepared = prepare(data, options);
  return assemble(data, prepared, compute(prepared.job));
}

const koniq = 'packages/evaluation/test/metrics/fixtures/koniq.csv';
type Scipy = Record<'srcc' | 'krcc' | 'plcc', number> & { logistic4: { plcc: number; rmse: number } };
const scipy = JSON.parse(readFileSync('packages/evaluation/test/metrics/fixtures/koniq.json', 'utf8')) as Record<
  'hyperiqa' | 'brisque',
  Record<'all' | 'test', Scipy>
>;

test("KonIQ-10k: the figures are SciPy's, over all images and on the official test split", async () => {
  const found = await evaluation(koniq, koniq, {
    predictions: { lowerIsBetter: ['brisque'] },
    groupBy: 'split',
    replicates: 0,
  });
  expect(found.images).toBe(10_073);
  for (const [name, sign] of [
    ['hyperiqa', 1],
    ['brisque', -1],
  ] as const) {
    const predictor = found.predictors.find((one) => one.name === name)!;
    const groups = { all: predictor.overall, test: predictor.groups.find((group) => group.name === 'test')! };
    for (const set of ['all', 'test'] as const) {
      const expected = scipy[name][set];
      expect(groups[set].raw.srcc).toBeCloseTo(sign * expected.srcc, 9);
      expect(groups[set].raw.krcc).toBeCloseTo(sign * expected.krcc, 9);
      expect(groups[set].raw.plcc).toBeCloseTo(sign * expected.plcc, 9);
      expect(groups[set].fitted.plcc).toBeCloseTo(expected.logistic4.plcc, 6);
      expect(groups[set].fitted.rmse).toBeCloseTo(expected.logistic4.rmse, 5);
    }
  }
  expect(found.predictors[0]!.groups.map(({ name, n }) => [name, n])).toEqual([
    ['test', 2015],
    ['training', 7058],
    ['validation', 1000],
  ]);
});

const mos = 'image_name,MOS,kind\na,10,x\nb,20,x\nc,30,x\nd,40,y\ne,50,y\nf,60,y\n';
const scores = 'image_name,p,q\na,12,6\nb,19,5\nc,33,4\nd,38,3\ne,52,1\nf,56,2\n';

test('errors, bias, slope of the gap and share in a band', async () => {
  const { predictors } = await evaluation(scores, mos, {
    predictions: { predictors: ['p'] },
    band: [20, 40],
    replicates: 50,
  });
  const { overall } = predictors[0]!;
  // Gaps: 2, -1, 3, -2, 2, -4.
  expect(overall.raw.mae).toBeCloseTo(14 / 6, 12);
  expect(overall.raw.mse).toBeCloseTo(38 / 6, 12);
  expect(overall.raw.rmse).toBeCloseTo(Math.sqrt(38 / 6), 12);
  expect(overall.bias.raw.value).toBeCloseTo(0, 12);
  // Centred human scores: -25, -15, -5, 5, 15, 25.
  expect(overall.gapSlope.raw.value).toBeCloseTo((-50 + 15 - 15 - 10 + 30 - 100) / 1750, 12);
  expect(overall.gapSlope.raw.interval!.lower).toBeLessThan(overall.gapSlope.raw.value!);
  expect(overall.band).toEqual({ predictions: 2 / 6, humanScores: 3 / 6 });
  expect(overall.intervals.raw.srcc).toEqual({ lower: expect.any(Number), upper: expect.any(Number) });
});

test('a scale that is told maps the bias by its ends, else least squares do', async () => {
  const at = async (scales: Record<string, [number, number]>) =>
    (
      await evaluation('image_name,p\na,0.1\nb,0.2\nc,0.4\n', 'image_name,MOS\na,10\nb,20\nc,30\n', {
        predictions: { scales },
        human: { scale: [0, 100] },
        replicates: 0,
      })
    ).predictors[0]!;
  const scaled = await at({ p: [0, 1] });
  expect(scaled.linearMap).toEqual({ method: 'scale-ends', slope: 100, intercept: 0 });
  expect(scaled.overall.bias.scaled.value).toBeCloseTo(10 / 3, 10);
  const unscaled = await at({});
  expect(unscaled.linearMap!.method).toBe('least-squares');
  expect(unscaled.overall.bias.scaled.value).toBeCloseTo(0, 10);
});

test('lower-better predictors and DMOS: correlations are positive where predictor and people agree', async () => {
  const srcc = async (given: Given) => {
    const { predictors } = await evaluation(scores, mos, { ...given, replicates: 0 });
    return predictors.map(({ overall }) => Math.sign(overall.raw.srcc!));
  };
  expect(await srcc({})).toEqual([1, -1]);
  expect(await srcc({ predictions: { lowerIsBetter: ['q'] } })).toEqual([1, 1]);
  expect(await srcc({ predictions: { lowerIsBetter: ['q'] }, human: { higherIsBetter: false } })).toEqual([-1, -1]);
});

test('undefined figures are null with a reason, in groups too', async () => {
  const { predictors, warnings } = await evaluation('image_name,p\na,1\nb,1\nc,1\nd,2\n', mos, {
    groupBy: 'kind',
    replicates: 20,
  });
  const [x, y] = predictors[0]!.groups;
  expect(x).toMatchObject({ name: 'x', n: 3, raw: { srcc: null }, fitted: { plcc: null } });
  expect(x!.undefined).toMatchObject({ 'raw.srcc': 'constant-predictions', 'fitted.plcc': 'too-few' });
  expect(x!.raw.mae).not.toBeNull();
  expect(y!.undefined).toMatchObject({ 'raw.srcc': 'too-few' });
  expect(y!.bias.raw.value).toBe(2 - 40);
  expect(warnings.filter(({ code }) => code === 'WARN_FIT').length).toBeLessThanOrEqual(1);
  expect(JSON.stringify(predictors)).not.toContain('NaN');
});

test('two predictors are compared on the images that both have', async () => {
  const { comparisons } = await evaluation(`${scores}g,60,\n`, `${mos}g,70,y\n`, {
    predictions: { lowerIsBetter: ['q'] },
    replicates: 200,
  });
  expect(comparisons).toHaveLength(1);
  const [{ first, second, n, srcc }] = comparisons as [Evaluation['comparisons'][number]];
  expect([first, second, n]).toEqual(['p', 'q', 6]);
  // p orders perfectly, q has one neighbouring pair exchanged: 1 - 6·2/(6·35).
  expect(srcc.first).toBeCloseTo(1, 12);
  expect(srcc.second).toBeCloseTo(1 - 12 / 210, 12);
  expect(srcc.bootstrap.value).toBeCloseTo(12 / 210, 12);
  expect(srcc.mengRosenthalRubin).toMatchObject({ z: null, undefinedBecause: 'perfect-correlation' });
});

test('the same seed gives the same intervals, another one others', async () => {
  const interval = async (seed: number) =>
    (await evaluation(scores, mos, { seed, replicates: 100 })).predictors[1]!.overall.intervals.raw.plcc;
  expect(await interval(7)).toEqual(await interval(7));
  expect(await interval(7)).not.toEqual(await interval(8));
});

test('standard deviations bring outlier ratio, RMSE* and the analysis of pairs', async () => {
  const head = 'image_name,c1,c2,c3,c4,c5,c_total,MOS,SD,set\n';
  const rows = [10, 30, 50, 70, 90].map((value, i) => `${i}.jpg,0,0,0,0,0,100,${value},0.4,test\n`).join('');
  const predictions = 'image_name,p\n0.jpg,12\n1.jpg,55\n2.jpg,50\n3.jpg,71\n4.jpg,89\n';
  const { predictors } = await evaluation(predictions, head + rows, { pairs: true, replicates: 20 });
  const { overall } = predictors[0]!;
  // σ is 0.4·25 = 10, of which one error (25) is more than twice; its CI95 is 1.96·10/√100.
  expect(overall.raw.outlierRatio).toBe(1 / 5);
  expect(overall.raw.epsilonInsensitiveRmse).toBeCloseTo(Math.sqrt(((25 - 1.96) ** 2 + 0.04 ** 2) / 4), 10);
  expect(overall.pairs).toMatchObject({ differentPairs: 10, similarPairs: 0, aucDifferentSimilar: null });
  expect(overall.pairs!.correctBetterWorse).toBe(9 / 10);
  await expect(evaluation(scores, mos, { pairs: true })).rejects.toEqual(
    errorWith('ERR_INVALID_ARGUMENT', /standard deviations/),
  );
});

test('KADID-10k and TID2013: distortions are told by names, and whole references are drawn', async () => {
  const names = ['I01_01_1', 'I01_09_2', 'I02_01_1', 'I02_09_2', 'I03_01_1', 'I03_09_2'];
  const { predictors, provenance } = await evaluation(
    `file,score\n${names.map((name, i) => `${name}.png,${i}\n`).join('')}`,
    names.map((name, i) => `${i + (i % 2)} ${name}.bmp\n`).join(''),
    { groupBy: 'distortion', replicates: 50 },
  );
  expect(predictors[0]!.groups.map(({ name, n }) => [name, n])).toEqual([
    ['Additive Gaussian noise', 3],
    ['Image denoising', 3],
  ]);
  expect(provenance.settings.resampleBy).toBe('reference');
});

test('options are checked', async () => {
  const refused = (options: object, message: RegExp) =>
    expect(evaluation(scores, mos, options)).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT', message));
  await refused({ groupBy: 'camera' }, /no column camera to group by; there are .*kind/);
  await refused({ groupBy: 'split' }, /names do not tell it/);
  await refused({ replicates: 1 }, /replicates/);
  await refused({ level: 1 }, /level/);
  await refused({ fit: 'cubic' }, /fit/);
  await refused({ band: [3, 2] }, /band/);
  await refused({ groupby: 'kind' }, /no field "groupby"/);
});

test('images of the training split are warned of: by what is told, by provenance, or by the figures', async () => {
  const codes = (found: Evaluation) => found.warnings.map(({ code }) => code);
  const hyperiqa = { predictions: { predictors: ['hyperiqa'] }, replicates: 0 };
  const trained = await evaluation(koniq, koniq, { ...hyperiqa, trainedOn: 'KonIQ-10k' });
  expect(trained.warnings).toMatchObject([{ code: 'WARN_TRAINING_IMAGES' }]);
  expect(trained.warnings[0]!.message).toMatch(
    /10073 images evaluated 7058 to the training split and 1000 to the validation/,
  );
  expect(codes(await evaluation(koniq, koniq, hyperiqa))).toEqual(['WARN_SPLIT_GAP']);

  const model = { name: 'm', sha256: 'a'.repeat(64), trainedOn: 'koniq10k' };
  const record = (file: string, score: number) => `${JSON.stringify({ file, score, provenance: { model } })}\n`;
  const human = 'image_name,MOS\n10004473376.jpg,77\n10007357496.jpg,68\n10007903636.jpg,78\n';
  const seen = await evaluation(record('10004473376.jpg', 1) + record('10007357496.jpg', 2), human, { replicates: 0 });
  expect(codes(seen)).toContain('WARN_TRAINING_IMAGES');
  expect(seen.provenance.models).toEqual([model]);
  const unseen = await evaluation(record('10007357496.jpg', 2) + record('x.jpg', 1), human, { replicates: 0 });
  expect(codes(unseen)).not.toContain('WARN_TRAINING_IMAGES');
});

test('other warnings: direction, missing fit, the data set of the training, several models', async () => {
  const codes = async (...args: Parameters<typeof evaluation>) =>
    (await evaluation(...args)).warnings.map(({ code }) => code);
  expect(await codes(scores, mos, { replicates: 0 })).toContain('WARN_DIRECTION');
  expect(await codes('image_name,p\na,1\nb,2\nc,3\n', mos, { replicates: 0 })).toContain('WARN_FIT');
  const kadid = 'dist_img,ref_img,dmos,var\nI01_01_01.png,I01.png,4,1\nI01_01_02.png,I01.png,3,1\n';
  const predictions = 'file,score\nI01_01_01.png,1\nI01_01_02.png,2\n';
  expect(await codes(predictions, kadid, { trainedOn: 'kadid10k', replicates: 0 })).toContain('WARN_TRAINING_DATASET');
  for (const trainedOn of ['kadid-synthetic', 'kadid-synthetic-livec']) {
    expect(await codes(predictions, kadid, { trainedOn, replicates: 0 })).toContain('WARN_TRAINING_DATASET');
  }
  expect(await codes(predictions, kadid, { trainedOn: 'koniq10k', replicates: 0 })).not.toContain(
    'WARN_TRAINING_DATASET',
  );
  const record = (file: string, sha256: string) =>
    `${JSON.stringify({ file, score: 1, provenance: { model: { name: sha256, sha256, trainedOn: 't' } } })}\n`;
  expect(await codes(record('a', '1') + record('b', '2'), mos, { replicates: 0 })).toContain('WARN_SEVERAL_MODELS');
});
