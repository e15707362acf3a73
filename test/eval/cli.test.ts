/** `hyperiqa eval` as a command: output, exit codes, messages. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Evaluation } from '../../src/evaluation/index.js';
import { csvRows, fixtures, hyperiqa, photos, quick, records, score, scratch } from '../cli/cli.js';

const koniq = 'test/metrics/fixtures/koniq.csv';

function files(content: Record<string, string>): Record<string, string> {
  const folder = scratch();
  return Object.fromEntries(
    Object.entries(content).map(([name, text]) => {
      writeFileSync(join(folder, name), text);
      return [name, join(folder, name)];
    }),
  );
}

const small = () =>
  files({
    'p.csv': 'image_name,p,q,kind\na.jpg,1,9,x\nb.jpg,2,7,x\nc.jpg,3,8,y\nd.jpg,5,5,y\ne.jpg,4,6,y\n',
    'mos.csv': 'image_name,MOS\na.jpg,10\nb.jpg,20\nc.jpg,30\nd.jpg,40\ne.jpg,50\n',
  }) as { 'p.csv': string; 'mos.csv': string };

test('JSON on KonIQ-10k: unrounded figures for all images and each group, warnings on stderr, exit code 0', async () => {
  const { code, stdout, stderr } = await hyperiqa([
    ...['eval', koniq, '--mos', koniq, '--predictor', 'hyperiqa', '--group-by', 'set'],
    ...['--replicates', '20', '--format', 'json'],
  ]);
  expect(code).toBe(0);
  const { predictors, humanScores, provenance } = JSON.parse(stdout) as Evaluation;
  expect(predictors.map(({ name }) => name)).toEqual(['hyperiqa']);
  const [{ overall, groups }] = predictors as [Evaluation['predictors'][number]];
  // SciPy 1.17.1; test/metrics/make_fixtures.py
  expect(overall.raw.srcc).toBeCloseTo(0.9468158658134705, 9);
  expect(overall.raw.plcc).toBeCloseTo(0.956413267770053, 9);
  expect(groups.find(({ name }) => name === 'test')!.raw.srcc).toBeCloseTo(0.9030508184806078, 9);
  for (const group of [overall, ...groups]) {
    for (const mapping of ['raw', 'fitted'] as const) {
      expect(Object.keys(group[mapping])).toEqual(['srcc', 'krcc', 'plcc', 'rmse', 'mae', 'mse']);
      for (const name of ['srcc', 'krcc', 'plcc', 'rmse', 'mae', 'mse'] as const) {
        const { lower, upper } = group.intervals[mapping][name]!;
        expect(lower).toBeLessThan(upper);
      }
    }
  }
  expect(humanScores.column).toBe('MOS');
  expect(provenance.humanScores.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(stderr).toContain('WARN_SPLIT_GAP');
});

test('the table states what was taken, direction, scale, matching, dropped rows and figures', async () => {
  const { 'p.csv': p, 'mos.csv': mos } = small();
  writeFileSync(p, `${readFileSync(p, 'utf8')}x.jpg,7,7,x\n`);
  const { code, stdout } = await hyperiqa([
    ...['eval', p, '--mos', mos, '--predictor', 'p', 'q', '--lower-better', 'q', '--mos-scale', '0:100'],
    ...['--band', '2:4', '--replicates', '100', '--group-by', 'kind'],
  ]);
  expect(code).toBe(0);
  expect(stdout).toContain(`column MOS of ${mos}`);
  expect(stdout).toContain('MOS: higher is better; scale 0 to 100');
  expect(stdout).toContain('5: 5 by exact name');
  expect(stdout).toMatch(/dropped +1: 1 no-match\n +x\.jpg: line 7: no human score has this name/);
  expect(stdout).toMatch(/^p: higher is better; n = 5$/m);
  expect(stdout).toMatch(/^q: lower is better; n = 5$/m);
  expect(stdout).toMatch(/^SRCC +0\.9000 +\S+ to \S+ +0\.9000/m);
  expect(stdout).toContain('in the band: 60.0 % of the predictions');
  expect(stdout).toMatch(/^KIND +N +SRCC/m);
  expect(stdout).toMatch(/^p - q +5 +SRCC/m);
});

test('CSV has a figure a row', async () => {
  const { 'p.csv': p, 'mos.csv': mos } = small();
  const { code, stdout } = await hyperiqa([
    ...['eval', p, '--mos', mos, '--predictor', 'p', '--format', 'csv', '--replicates', '0', '--group-by', 'kind'],
  ]);
  expect(code).toBe(0);
  const rows = csvRows(stdout);
  const find = (group: string, figure: string) =>
    rows.find((row) => row.group === group && row.mapping === 'raw' && row.figure === figure);
  expect(find('', 'srcc')).toMatchObject({ predictor: 'p', n: 5, value: 0.9, undefinedBecause: '' });
  expect(find('x', 'srcc')).toMatchObject({ n: 2, value: '', undefinedBecause: 'too-few' });
});

test('--strict: exit code 1 where rows were dropped or there is a warning, else 0', async () => {
  const { 'p.csv': p, 'mos.csv': mos } = small();
  const run = (...more: string[]) =>
    hyperiqa(['eval', p, '--mos', mos, '--predictor', 'p', '--replicates', '0', ...more]).then(({ code }) => code);
  expect(await run('--strict')).toBe(0);
  writeFileSync(p, `${readFileSync(p, 'utf8')}a.jpg,1,1,x\n`);
  expect(await run()).toBe(0);
  expect(await run('--strict')).toBe(1);
});

test.each([
  [
    'a number that is none',
    'image_name;p\r\na.jpg;1\r\nb.jpg;"x"\r\nc.jpg;2\r\n',
    /p\.csv, line 3, column p: "x" is not/,
  ],
  ['a column that is missing', '\ufeffimage_name,p\na.jpg,1\nb.jpg\n', /p\.csv, line 3: .*column p is missing/],
  ['columns of the same name', 'image_name,p,p\na.jpg,1,2\n', /line 1: columns 2 and 3 have the same name, p/],
])('%s: exit code 2 and a message with line and column', async (_, content, message) => {
  const { 'p.csv': p = '', 'mos.csv': mos = '' } = files({ 'p.csv': content, 'mos.csv': 'image_name,MOS\na.jpg,1\n' });
  const { code, stdout, stderr } = await hyperiqa(['eval', p, '--mos', mos]);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toMatch(message);
  expect(stderr).toContain('(ERR_TABLE)');
});

test.each([
  [['eval'], /Name the predictions/],
  [['eval', koniq], /Name the human scores: --mos FILE/],
  [
    ['eval', '--predictor', 'hyperiqa', koniq, '--mos', koniq],
    /Name the predictions.*before options that take several/,
  ],
  [['eval', koniq, '--mos', koniq, '--band', '40:20'], /--band must be two numbers/],
  [['eval', koniq, '--mos', koniq, '--scale', '0:1'], /--scale must be COLUMN=LOW:HIGH/],
  [['eval', koniq, '--mos', koniq, '--group-by', 'camera'], /no column camera/],
  [['eval', koniq, '--mos', koniq, '--mos', koniq], /--mos is given more than once/],
  [['eval', koniq, '--mos', koniq, '--predictr', 'x'], /Did you mean --predictor/],
  [['eval', koniq, `${photos}/lake.jpg`, '--mos', koniq], /tables of predictions or images, not both/],
  [['eval', photos, '--mos', koniq, '--predictor', 'x'], /Images have no columns/],
])('%j is refused', async (args, message) => {
  const { code, stderr } = await hyperiqa(args);
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});

test('our own records from standard input, with their provenance; and images scored on the spot, unreadable ones dropped', async () => {
  const { 'mos.csv': mos = '' } = files({
    'mos.csv': 'filename,MOS\nkitten.jpg,70\nkitten-blurred.jpg,20\nbudgie.jpg,80\nlake.jpg,60\ntext.jpg,1\n',
  });
  const images = ['kitten', 'kitten-blurred', 'budgie', 'lake'].map((name) => `${photos}/${name}.jpg`);
  const inputs = [...images, `${fixtures}/broken/text.jpg`];
  const options = ['--crops', 'center', '--protocol', 'native'];
  const scored = await score([...inputs, ...options, '--provenance']);
  const args = ['--mos', mos, '--format', 'json', '--replicates', '0'];
  const [piped, spot] = await Promise.all([
    hyperiqa(['eval', '-', ...args], { input: scored.stdout }),
    hyperiqa(['eval', ...inputs, ...args, ...options, ...quick()]),
  ]);
  expect([piped.code, spot.code]).toEqual([0, 0]);
  const [a, b] = [piped, spot].map(({ stdout }) => JSON.parse(stdout) as Evaluation) as [Evaluation, Evaluation];
  expect(a.images).toBe(4);
  expect(a.dropped).toMatchObject([{ reason: 'unreadable', file: `${fixtures}/broken/text.jpg` }]);
  expect(b.dropped).toMatchObject([{ reason: 'unreadable', file: `${fixtures}/broken/text.jpg` }]);
  expect(a.matching['base-name']).toBe(4);
  const { provenance } = records(scored.stdout)[0]!;
  expect(a.provenance.models[0]).toMatchObject({ sha256: provenance!.model.sha256 });
  expect(a.provenance.trainedOn).toEqual(b.provenance.trainedOn);
  expect(b.predictors[0]!.scale).toMatchObject({ minimum: 0, maximum: 100, from: 'model' });
  expect(a.predictors[0]!.overall.raw.plcc).toBeCloseTo(b.predictors[0]!.overall.raw.plcc!, 4);
  expect(a.predictors[0]!.overall.raw.srcc).not.toBeNull();
});

test('--output writes the file and keeps standard output empty', async () => {
  const { 'p.csv': p, 'mos.csv': mos } = small();
  const output = join(scratch(), 'evaluation.json');
  const { code, stdout, stderr } = await hyperiqa([
    ...['eval', p, '--mos', mos, '--predictor', 'p', '--format', 'json', '--replicates', '0', '-o', output],
  ]);
  expect([code, stdout]).toEqual([0, '']);
  expect(stderr).toContain('human scores are taken from the column MOS');
  expect((JSON.parse(readFileSync(output, 'utf8')) as Evaluation).images).toBe(5);
});

test('the evaluation of the package runs in a thread and can be aborted', async () => {
  const { evaluate, joinScores, readHumanScores, readPredictions } = await import('../../dist/evaluation/index.js');
  const data = joinScores(await readPredictions(koniq), await readHumanScores(koniq));
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  const { predictors } = await evaluate(data, { replicates: 0, compare: false });
  clearInterval(timer);
  expect(predictors[0]!.overall.raw.srcc).toBeCloseTo(0.9468158658134705, 9);
  expect(ticks).toBeGreaterThan(0);
  await expect(evaluate(data, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ code: 'ERR_ABORTED' });
});
