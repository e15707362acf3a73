/** Every output format, held against the schema that the package ships. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { about, hyperiqa, photos, quick, records, root, score, scratch, scratchPhotos, text } from './cli.js';
import { LIBTORCH_VERSION } from '../helpers/libtorch.js';

const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true, strictRequired: false });
ajv.addSchema(JSON.parse(readFileSync(join(root, 'dist/schema/record.json'), 'utf8')));

function expectValid(reference: string, values: unknown[]): void {
  const validate = ajv.getSchema(`urn:hyperiqa:record:1${reference}`)!;
  expect(values.length).toBeGreaterThan(0);
  for (const value of values) {
    const valid = validate(value);
    expect(valid ? [] : validate.errors, JSON.stringify(value)).toEqual([]);
  }
}

const rows = (csv: string): Record<string, string>[] => parse(csv, { columns: true });
/** Two photographs around a file that is none. */
const mixed = [`${photos}/lake.jpg`, 'package.json', `${photos}/budgie.jpg`];

test('JSONL: one valid record a line, in the order of the input, a failed file among the others', async () => {
  const { code, stdout } = await score([...mixed, '--crops', '3', '--protocol', 'official']);
  expect(code).toBe(1);
  const all = records(stdout);
  expectValid('', all);
  expect(all.map(({ file }) => file)).toEqual(mixed);
  expect(all[1]).toEqual({
    file: 'package.json',
    error: { code: 'ERR_IMAGE_FORMAT', message: expect.any(String) },
  });
  expect(all[0]).toMatchObject({ width: 896, height: 504, resized: { width: 384, height: 512 }, warnings: [] });
  expect(all[0]!.crops).toHaveLength(3);
  const mean = all[0]!.crops.reduce((sum, crop) => sum + crop.score, 0) / 3;
  expect(all[0]!.score).toBeCloseTo(mean, 4);
  expect(all[0]).not.toHaveProperty('provenance');
  expect(all[0]).not.toHaveProperty('run');
});

test('JSONL with --provenance says what is needed to compute the score again', async () => {
  const { code, stdout } = await score([
    `${photos}/lake.jpg`,
    ...['--protocol', 'official', '--crops', '2', '--seed', '18446744073709551615', '--provenance'],
  ]);
  expect(code).toBe(0);
  const [record] = records(stdout);
  expectValid('', [record]);
  expect(record!.provenance).toMatchObject({
    seed: '18446744073709551615',
    device: ['cpu'],
    dtype: 'fp32',
    graphMode: 'freeze',
    protocol: { name: 'official', crops: { plan: 'random', count: 2 } },
    versions: { libtorch: expect.stringContaining(LIBTORCH_VERSION), node: process.versions.node },
  });
});

test('JSON: one array with the same records as JSONL, and a valid one when empty', async () => {
  const args = [...mixed, '--crops', 'center'];
  const [json, jsonl] = await Promise.all([
    score([...args, '--format', 'json']),
    score([...args, '--format', 'jsonl']),
  ]);
  const all = JSON.parse(json.stdout);
  expectValid('', all);
  expect(all).toEqual(about(records(jsonl.stdout)));
  const empty = await score(['-', '--format', 'json']);
  expect(JSON.parse(empty.stdout)).toEqual([]);
  expect(empty.code).toBe(0);
});

test('CSV: a header and a valid row a file', async () => {
  const { code, stdout } = await score([...mixed, '--crops', 'grid:1x2', '--format', 'csv']);
  expect(code).toBe(1);
  const all = rows(stdout);
  expectValid('#/$defs/csvRow', all);
  expect(all.map(({ file }) => file)).toEqual(mixed);
  expect(all[0]).toMatchObject({ crops: '2', standardError: '', width: '896', height: '504', errorCode: '' });
  expect(Number(all[0]!.spread)).toBeGreaterThanOrEqual(0);
  expect(all[1]).toMatchObject({ score: '', errorCode: 'ERR_IMAGE_FORMAT' });
});

test('CSV with --provenance and --output has the columns for both', async () => {
  const output = join(scratch(), 'scores.csv');
  const { code, stdout } = await score([...mixed, '--format', 'csv', '--provenance', '--output', output]);
  expect(code).toBe(1);
  expect(stdout).toBe('');
  const all = rows(text(output));
  expectValid('#/$defs/csvRow', all);
  expect(all[0]).toMatchObject({ dtype: 'fp32', device: 'cpu', seed: '0' });
  expect(all[0]!.run).toContain(`model=${all[0]!.modelSha256}`);
});

test('names that a spreadsheet takes for formulas are made harmless in CSV', async () => {
  const names = ['=1+1.jpg', '@sum.jpg', '-2.jpg'];
  const cwd = scratchPhotos(...names);
  const options = ['--format', 'csv', '--crops', 'center'];
  const { code, stdout } = await hyperiqa(['score', ...quick(), ...options, '--', ...names], { cwd });
  expect(code).toBe(0);
  expect(rows(stdout).map(({ file }) => file)).toEqual(names.map((name) => `'${name}`));
});

test("the study's columns: base name and score, a failed file with an empty score and its reason on stderr", async () => {
  const { code, stdout, stderr } = await score([...mixed, '--columns', 'study', '--crops', 'center']);
  expect(code).toBe(1);
  expect(stdout.split('\n')[0]).toBe('Model_name,filename,score');
  const all = rows(stdout);
  expectValid('#/$defs/studyRow', all);
  expect(all.map(({ filename }) => filename)).toEqual(['lake.jpg', 'package.json', 'budgie.jpg']);
  expect(all.map((row) => row.score !== '')).toEqual([true, false, true]);
  expect(stderr).toMatch(/package\.json: .*\(ERR_IMAGE_FORMAT\)/);
});

test('the table shows a row a file, in order, on one line each', async () => {
  const cwd = scratchPhotos('a\nb\u001b[31m.jpg', 'c.jpg');
  const { code, stdout } = await score(['.', 'none.jpg', '--format', 'table', '--crops', 'center'], { cwd });
  expect(code).toBe(1);
  const lines = stdout.split('\n');
  expect(lines).toHaveLength(6);
  expect(lines[1]).toMatch(/SCORE +STD\.ERR +SPREAD +CROPS +SIZE +FILE$/);
  expect(lines[2]).toMatch(/^ +-?[\d.]+ +- +- +1 +224x336 {2}\.\/a\\nb\\u001b\[31m\.jpg$/);
  expect(lines[4]).toMatch(/failed .* none\.jpg: .*\(ERR_IMAGE_NOT_FOUND\)$/);
});

test('--output takes what would go to stdout, each JSONL record with its source and run', async () => {
  const output = join(scratch(), 'scores.jsonl');
  const args = [photos, 'none.jpg', '--crops', 'center'];
  const [toFile, toStdout] = await Promise.all([score([...args, '--output', output]), score(args)]);
  expect([toFile.code, toStdout.code]).toEqual([1, 1]);
  const all = records(text(output));
  expectValid('', all);
  expect(all.at(-1)!.source).toBeNull();
  expect(all.map((record) => ({ ...record, source: undefined, run: undefined }))).toEqual(
    about(records(toStdout.stdout)),
  );
  expect(all).toHaveLength(readdirSync(join(root, photos)).filter((name) => name.endsWith('.jpg')).length + 1);
});

test('--max-standard-error adds crops until the standard error is small enough, or says that it is not', async () => {
  const args = [`${photos}/lake.jpg`, '--crops', '4', '--protocol', 'official'];
  const [few] = records((await score(args)).stdout);
  const limit = few!.standardError! / 2;
  const [more] = records((await score([...args, '--max-standard-error', String(limit), '--max-crops', '200'])).stdout);
  expect(more!.standardError).toBeLessThan(limit);
  expect(more!.crops.length).toBeGreaterThan(4);
  expect(more!.crops.slice(0, 4)).toEqual(about(few!.crops));
  const [never] = records((await score([...args, '--max-standard-error', '1e-12', '--max-crops', '6'])).stdout);
  expect(never!.crops).toHaveLength(6);
  expect(never!.warnings.map(({ code }) => code)).toEqual(['WARN_STANDARD_ERROR_NOT_REACHED']);
});
