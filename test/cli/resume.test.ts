/** Runs that are continued: what is kept, what is scored again, and what is refused. */
import { appendFileSync, copyFileSync, readFileSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import { expect, test } from 'vitest';
import { testModel } from '../helpers/models.js';
import { about, csvRows, fixtures, hyperiqa, quick, records, root, score, scratchPhotos, text } from './cli.js';

const names = ['a.jpg', 'b "x".jpg', 'c\nd.jpg', 'e.jpg'];
const options = ['--protocol', 'official', '--crops', '2'];

/** Four photographs, and how to score them into a file. */
function project(format: 'jsonl' | 'csv') {
  const cwd = scratchPhotos(...names);
  const output = join(cwd, `scores.${format}`);
  const run = (...more: string[]) => score(['.', ...options, '--format', format, '--output', output, ...more], { cwd });
  return { cwd, output, run };
}

for (const format of ['jsonl', 'csv'] as const) {
  const read = format === 'csv' ? csvRows : records;

  test(`${format}: a run cut off anywhere ends as if it had not been`, async () => {
    const { output, run } = project(format);
    expect((await run()).code).toBe(0);
    const whole = readFileSync(output);
    const expected = about(read(whole.toString()));
    // Inside the header or the first record, inside a name with a line break, just before the end.
    const third = whole.indexOf('c\\nd.jpg') + 1 || whole.indexOf('c\nd.jpg') + 1;
    for (const length of [3, third + 2, whole.length - 1]) {
      writeFileSync(output, whole);
      truncateSync(output, length);
      const { code, stdout, stderr } = await run('--resume');
      expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: '' });
      expect(read(text(output)), `cut at ${length} of ${whole.length}`).toEqual(expected);
    }
    const again = await run('--resume');
    expect(again.stderr).toBe('hyperiqa: 4 images: 4 scored before\n');
  });

  test(`${format}: files that changed or failed are scored again, in their place`, async () => {
    const { cwd, output, run } = project(format);
    writeFileSync(join(cwd, 'b "x".jpg'), 'not yet an image');
    expect((await run()).code).toBe(1);
    copyFileSync(join(root, fixtures, 'jpeg-420.jpg'), join(cwd, 'b "x".jpg'));
    utimesSync(join(cwd, 'a.jpg'), 1e9, 1e9);
    const { code, stderr } = await run('--resume');
    expect(code).toBe(0);
    expect(stderr).toBe('hyperiqa: 4 images: 2 scored before\n');
    const resumed = read(text(output));
    expect((await run()).code).toBe(0);
    expect(resumed).toEqual(about(read(text(output))));
  });

  test(`${format}: records whose score is no number are made again`, async () => {
    const { output, run } = project(format);
    expect((await run()).code).toBe(0);
    const whole = text(output);
    const expected = about(read(whole));
    const wrong = format === 'csv' ? ['', 'NaN', 'Infinity', 'high'] : ['null', '"NaN"', '1e999', undefined];
    writeFileSync(output, withScores(format, whole, wrong));
    expect(text(output)).not.toBe(whole);
    const again = await run('--resume');
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(read(text(output))).toEqual(expected);
  });

  test(`${format}: files made otherwise are refused and left alone`, async () => {
    const { output, run } = project(format);
    expect((await run()).code).toBe(0);
    const before = text(output);
    const cases: [string[], string][] = [
      [['--seed', '8'], 'seed=0 (now seed=8)'],
      [['--dtype', 'bf16'], 'dtype=fp32 (now dtype=bf16)'],
      [['--max-standard-error', '1'], 'no max-standard-error (now max-standard-error=1)'],
      [['--provenance'], format === 'csv' ? 'columns' : 'provenance=false (now provenance=true)'],
    ];
    for (const [more, words] of cases) {
      const { code, stderr } = await run('--resume', ...more);
      expect(code).toBe(2);
      expect(stderr).toContain(words);
      expect(stderr).toMatch(/\(ERR_RESUME\)\n$/);
    }
    expect(text(output)).toBe(before);
  });
}

/** The records with other scores, as they might stand in the file; undefined: none at all. */
function withScores(format: 'jsonl' | 'csv', whole: string, scores: (string | undefined)[]): string {
  if (format === 'csv') {
    const rows = parse<Record<string, string>>(whole, { columns: true });
    return stringify(
      rows.map((row, i) => ({ ...row, score: scores[i] })),
      { header: true },
    );
  }
  let i = 0;
  return whole.replaceAll(/"score":[\d.]+,"standardError"/g, () => {
    const score = scores[i++];
    return score === undefined ? '"standardError"' : `"score":${score},"standardError"`;
  });
}

test('another model is refused', async () => {
  const { cwd, output, run } = project('jsonl');
  expect((await run()).code).toBe(0);
  const copy = join(cwd, 'model.pt');
  copyFileSync(testModel('lite0'), copy);
  const args = ['score', '.', ...options, '--output', output, '--resume', '--device', 'cpu', '--graph-mode', 'freeze'];
  expect((await hyperiqa([...args, '--model', copy], { cwd })).code).toBe(0);
  const { code, stderr } = await hyperiqa([...args, '--model', testModel('resnet50')], { cwd });
  expect(code).toBe(2);
  expect(stderr).toMatch(/model=.*\(ERR_RESUME\)\n$/);
});

test('a file that is not ours is refused and left alone', async () => {
  const { output, run } = project('jsonl');
  for (const content of ['notes', 'some notes\n', '{"file":"a.jpg","score":1}\n', '[]\n', 'null\n']) {
    writeFileSync(output, content);
    const { code, stderr } = await run('--resume');
    expect(code).toBe(2);
    expect(stderr).toMatch(/(record 1|it) was not written by this command.*\(ERR_RESUME\)\n$/);
    expect(text(output)).toBe(content);
  }
});

test('--resume without a file yet is a first run', async () => {
  const { output, run } = project('jsonl');
  expect((await run('--resume')).code).toBe(0);
  expect(records(text(output))).toHaveLength(names.length);
});

test('records of images that are not named this time stay, and do not count', async () => {
  const { cwd, output } = project('jsonl');
  const run = (...args: string[]) => score([...args, ...options, '--output', output, '--resume'], { cwd });
  expect((await run('none.jpg', 'e.jpg')).code).toBe(1);
  expect((await run('a.jpg')).code).toBe(0);
  expect(records(text(output)).map(({ file }) => file)).toEqual(['none.jpg', 'e.jpg', 'a.jpg']);
});

test('an image named twice has two records before and after', async () => {
  const { cwd, output } = project('jsonl');
  const run = () => score(['a.jpg', 'e.jpg', 'a.jpg', ...options, '--output', output, '--resume'], { cwd });
  await run();
  const before = text(output);
  truncateSync(output, before.length - 5);
  await run();
  expect(records(text(output))).toEqual(about(records(before)));
});

test('the gate looks at kept records too', async () => {
  const { run } = project('jsonl');
  expect((await run()).code).toBe(0);
  expect((await run('--resume', '--fail-below', '1e9')).code).toBe(3);
});

test('a torn record is cut off before anything is added', async () => {
  const { cwd, output, run } = project('jsonl');
  expect((await run()).code).toBe(0);
  appendFileSync(output, '{"file":"./z.jpg","score":12.3');
  copyFileSync(join(root, fixtures, 'jpeg-420.jpg'), join(cwd, 'z.jpg'));
  expect((await run('--resume')).code).toBe(0);
  expect(records(text(output)).map(({ file }) => file)).toEqual([...names, 'z.jpg'].map((name) => `./${name}`));
});

test('what is no regular file cannot be continued', async () => {
  const { code, stderr } = await hyperiqa(['score', 'x.jpg', '--output', '/dev/null', '--resume', ...quick()]);
  expect(code).toBe(2);
  expect(stderr).toContain('ERR_RESUME');
});
