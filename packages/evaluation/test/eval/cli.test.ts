/** `hyperiqa eval` as a command: output, exit codes, messages. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, linkSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { csvRows, fixtures, hyperiqa, main, photos, quick, records, score, scratch } from '../../../../test/cli/cli.js';
import type { Evaluation } from '../../src/evaluation/index.js';

const koniq = 'packages/evaluation/test/metrics/fixtures/koniq.csv';

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
    ...['--replicates', '20', '--json'],
  ]);
  expect(code).toBe(0);
  const { predictors, humanScores, provenance } = JSON.parse(stdout) as Evaluation;
  expect(predictors.map(({ name }) => name)).toEqual(['hyperiqa']);
  const [{ overall, groups }] = predictors as [Evaluation['predictors'][number]];
  // SciPy 1.17.1; packages/evaluation/test/metrics/make_fixtures.py
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
  [['eval', koniq, '--mos', koniq, '--json', '--format', 'csv'], /--json and --format csv cannot both be/],
  [['eval', koniq, '--mos', koniq, '--scale', '0:1'], /--scale must be COLUMN=LOW:HIGH/],
  [['eval', koniq, '--mos', koniq, '--group-by', 'camera'], /no column camera/],
  [['eval', koniq, '--mos', koniq, '--mos', koniq], /--mos is given more than once/],
  [['eval', koniq, '--mos', koniq, '--predictr', 'x'], /Did you mean --predictor/],
  [['eval', koniq, `${photos}/lake.jpg`, '--mos', koniq], /tables of predictions or images, not both/],
  [['eval', photos, '--mos', koniq, '--predictor', 'x'], /Images have no columns/],
  [['eval', '-', '-', '--mos', koniq], /"-" reads standard input and can be given once only/],
  [['eval', koniq, koniq, '--mos', koniq], /koniq\.csv is named twice/],
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

const tables = 'packages/evaluation/test/eval/fixtures';

test.each([
  [['ours.jsonl', 'brisque.csv'], 'mos.csv', { ours: 40, brisque: 40 }],
  [['ours.jsonl', 'brisque.csv'], 'mos-folder.csv', { ours: 40, brisque: 40 }],
  [['ours.jsonl'], 'mos-excel-empty-rows.csv', { score: 40 }],
  [['pyiqa-out.csv'], 'mos.csv', { score: 40 }],
  [['ab-dot.jsonl'], 'mos-ab.csv', { score: 16 }],
  [['nfd-half.jsonl'], 'mos-nfc.csv', { score: 10 }],
])('%j with %s: every image is found', async (predictions, mos, expected) => {
  const { code, stdout } = await hyperiqa([
    ...['eval', ...predictions.map((name) => `${tables}/${name}`), '--mos', `${tables}/${mos}`],
    ...['--replicates', '0', '--format', 'json'],
  ]);
  expect(code).toBe(0);
  const { predictors, dropped, tables: accounts } = JSON.parse(stdout) as Evaluation;
  expect(Object.fromEntries(predictors.map(({ name, overall }) => [name, overall.n]))).toEqual(expected);
  expect(predictors[0]!.overall.raw.srcc).toBeGreaterThan(0.8);
  expect(dropped).toEqual([]);
  expect(accounts.map(({ rows, matched }) => [rows, matched])).toEqual(Object.values(expected).map((n) => [n, n]));
});

test('a predictor without any image: exit code 1, said in every output, and the others have their figures', async () => {
  const { 'p.csv': p, 'mos.csv': mos } = small();
  const { 'other.csv': other = '' } = files({ 'other.csv': 'image_name,score\nx.jpg,1\ny.jpg,2\n' });
  const args = [p, other, '--mos', mos, '--predictor', 'p', 'score', '--replicates', '0'];
  const [json, table, csv, quiet] = await Promise.all([
    hyperiqa(['eval', ...args, '--format', 'json']),
    hyperiqa(['eval', ...args]),
    hyperiqa(['eval', ...args, '--format', 'csv']),
    hyperiqa(['eval', ...args, '-q']),
  ]);
  expect([json.code, table.code, csv.code, quiet.code]).toEqual([1, 1, 1, 1]);
  const { predictors, warnings } = JSON.parse(json.stdout) as Evaluation;
  expect(predictors.map(({ overall }) => [overall.n, overall.raw.srcc])).toEqual([
    [5, expect.closeTo(0.9, 9)],
    [0, null],
  ]);
  expect(warnings.map(({ code }) => code)).toContain('WARN_NO_IMAGES');
  expect(table.stdout).toMatch(
    /matched +5 of 5 rows of .*p\.csv: 5 by exact name\n +0 of 2 rows of .*other\.csv: none/,
  );
  expect(table.stdout).toMatch(/dropped +2: 2 no-match/);
  expect(csvRows(csv.stdout).some((row) => row.predictor === 'other' && row.n === 0)).toBe(true);
  for (const { stderr } of [json, table, csv])
    expect(stderr).toMatch(/other has no figures.*2 no-match.*WARN_NO_IMAGES/);
  for (const { stderr } of [json, csv]) expect(stderr).toContain('2 rows dropped (2 no-match)');
  expect(quiet.stderr).toBe('');
});

test('JSON is what JSON.stringify writes, also where it is written in pieces', async () => {
  const names = Array.from({ length: 10_003 }, (_, i) => `${i}.jpg`);
  const { 'p.csv': p = '', 'mos.csv': mos = '' } = files({
    'p.csv': `image_name,p\n${names.map((name, i) => `${name},${i % 7}\n`).join('')}`,
    'mos.csv': 'image_name,MOS\n1.jpg,10\n2.jpg,20\n3.jpg,30\n',
  });
  const { code, stdout } = await hyperiqa(['eval', p, '--mos', mos, '--format', 'json', '--replicates', '0', '-q']);
  expect(code).toBe(0);
  const evaluation = JSON.parse(stdout) as Evaluation;
  expect(evaluation.dropped).toHaveLength(10_000);
  expect(evaluation.tables[0]).toMatchObject({ rows: 10_003, matched: 3, dropped: { 'no-match': 10_000 } });
  expect(stdout).toBe(`${JSON.stringify(evaluation, null, 2)}\n`);
});

test('an output that is an input is refused under any name, and the input stays as it was', async () => {
  const { 'p.csv': p, 'mos.csv': mos } = small();
  const folder = dirname(p);
  symlinkSync(p, join(folder, 'symbolic.csv'));
  linkSync(mos, join(folder, 'hard.csv'));
  symlinkSync(folder, join(folder, 'folder'));
  const before = [p, mos].map((path) => readFileSync(path, 'utf8'));
  const cases: [string[], string][] = [
    [['eval', p, '--mos', mos, '-o', p], p],
    [['eval', p, '--mos', mos, '-o', mos], mos],
    [['eval', p, '--mos', mos, '-o', join(folder, 'symbolic.csv'), '--format', 'json'], 'symbolic.csv'],
    [['eval', p, '--mos', mos, '-o', join(folder, 'hard.csv')], 'hard.csv'],
    [['eval', p, '--mos', mos, '-o', join(folder, 'folder', 'p.csv'), '--format', 'csv'], 'p.csv'],
    [['eval', join(folder, 'nowhere.csv'), '--mos', mos, '-o', join(folder, 'folder', 'nowhere.csv')], 'nowhere.csv'],
    [['report', p, '--mos', mos, '-o', p], p],
    [['report', p, '-o', join(folder, 'symbolic.csv')], 'symbolic.csv'],
  ];
  for (const [args, name] of cases) {
    const { code, stdout, stderr } = await hyperiqa(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/is read|is the same file as/);
    expect(stderr).toContain(name);
    expect(stderr).toContain('(ERR_OUTPUT)');
  }
  expect([p, mos].map((path) => readFileSync(path, 'utf8'))).toEqual(before);
  expect(existsSync(join(folder, 'nowhere.csv'))).toBe(false);
});

test('redirections and images count as inputs, too', async () => {
  const { 'p.csv': p, 'mos.csv': mos } = small();
  const before = readFileSync(p, 'utf8');
  const shell = (command: string) =>
    spawnSync('sh', ['-c', command, 'sh', process.execPath, main, p, mos], { encoding: 'utf8' });
  for (const command of ['"$1" "$2" eval - --mos "$4" -o "$3" <"$3"', '"$1" "$2" eval "$3" --mos "$4" >>"$3"']) {
    const { status, stderr } = shell(command);
    expect(status).toBe(2);
    expect(stderr).toMatch(/is the same file as .*ERR_OUTPUT/);
  }
  expect(readFileSync(p, 'utf8')).toBe(before);

  const image = join(dirname(p), 'a');
  copyFileSync(`${photos}/lake.jpg`, `${image}.jpg`);
  linkSync(`${image}.jpg`, image);
  const bytes = readFileSync(image);
  const { code, stderr } = await hyperiqa(['eval', `${image}.jpg`, '--mos', mos, '-o', image, ...quick()]);
  expect(code).toBe(2);
  expect(stderr).toContain('(ERR_OUTPUT)');
  const named = await hyperiqa(['eval', p, '--mos', mos, '-o', `${image}.jpg`]);
  expect(named.stderr).toContain('has the name of an image');
  expect(readFileSync(image).equals(bytes)).toBe(true);
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
  const { evaluate, joinScores, readHumanScores, readPredictions } = await import('@hyperiqa/evaluation');
  const data = joinScores(await readPredictions(koniq), await readHumanScores(koniq));
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  const { predictors } = await evaluate(data, { replicates: 0, compare: false });
  clearInterval(timer);
  expect(predictors[0]!.overall.raw.srcc).toBeCloseTo(0.9468158658134705, 9);
  expect(ticks).toBeGreaterThan(0);
  await expect(evaluate(data, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ code: 'ERR_ABORTED' });
});
