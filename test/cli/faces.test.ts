/** `hyperiqa faces` and `score --faces`: records, formats, crops, statuses and exit codes. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'csv-parse/sync';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';

import type { FacesRecord, FoundRecord } from '../../src/cli/records/faces-formats.js';
import { about, hyperiqa, records, root, score, scratch } from './cli.js';

const photos = 'examples/face-study/photos';
const one = `${photos}/portrait-11.jpg`;
const two = `${photos}/two-portraits.jpg`;
const none = 'examples/photos/lake.jpg';

const faces = (args: readonly string[]) => hyperiqa(['faces', ...args]);
const found = (text: string) =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as FacesRecord);
const rows = (csv: string): Record<string, string>[] => parse(csv, { columns: true });

const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true, strictRequired: false });
ajv.addSchema(JSON.parse(readFileSync(join(root, 'dist/schema/record.json'), 'utf8')));
function expectValid(reference: string, values: unknown[]): void {
  const validate = ajv.getSchema(`urn:hyperiqa:record:1${reference}`)!;
  for (const value of values) expect(validate(value) ? [] : validate.errors, JSON.stringify(value)).toEqual([]);
}

test('one record an image, in order, with a status each', async () => {
  const { code, stdout, stderr } = await faces([two, 'package.json', none, one, '--min-face-size', '150']);
  expect(code).toBe(1);
  const all = found(stdout);
  expect(all.map(({ file, status }) => [file, status])).toEqual([
    [two, 'ok'],
    ['package.json', 'error'],
    [none, 'no-face'],
    [one, 'ok'],
  ]);
  expect((all[0] as FoundRecord).faces.map(({ kept }) => kept)).toEqual([true, false]);
  expect(all[1]).toMatchObject({ error: { code: 'ERR_IMAGE_FORMAT' } });
  expect(all[3]).toMatchObject({ width: 426, height: 640, faces: [{ landmarks: { nose: {} }, kept: true }] });
  expect(all[3]).not.toHaveProperty('provenance');
  expectValid('#/$defs/facesRecord', all);
  expect(stderr).toContain('4 images: 2 ok, 1 no-face, 1 error');
});

test('exactly one face: crops with the names of the photographs, several and small ones without', async () => {
  const folder = join(scratch(), 'crops');
  const args = [
    one,
    two,
    `${photos}/bread-makers.jpg`,
    '--exactly-one',
    '--min-face-size',
    '60',
    '--crops',
    folder,
    '-q',
  ];
  const { code, stdout } = await faces(args);
  expect(code).toBe(0);
  const [first, ...others] = found(stdout) as FoundRecord[];
  expect(others.map(({ status }) => status)).toEqual(['several', 'too-small']);
  expect(readdirSync(folder)).toEqual(['portrait-11.png']);
  const face = first!.faces[0]!;
  expect(face.cropFile).toBe(join(folder, 'portrait-11.png'));
  const { x, y, width, height } = face.crop;
  const part = await sharp(join(root, one)).extract({ left: x, top: y, width, height }).raw().toBuffer();
  expect((await sharp(face.cropFile).raw().toBuffer()).equals(part)).toBe(true);
});

test('all faces: numbered crops; photographs of the same name do not overwrite each other', async () => {
  const folder = scratch();
  const copies = join(folder, 'copies');
  mkdirSync(copies);
  copyFileSync(join(root, one), join(copies, 'two-portraits.jpg'));
  const { stdout } = await faces([two, join(copies, 'two-portraits.jpg'), '--crops', join(folder, 'crops')]);
  const names = ['two-portraits-face1.png', 'two-portraits-face1~2.png', 'two-portraits-face2.png'];
  expect(readdirSync(join(folder, 'crops')).sort()).toEqual([...names].sort());
  expect((found(stdout) as FoundRecord[]).map(({ faces: list }) => list.length)).toEqual([2, 1]);
});

test('crops do not go among the photographs', async () => {
  const folder = scratch();
  copyFileSync(join(root, one), join(folder, 'a.png'));
  const { code, stderr } = await faces([join(folder, 'a.png'), '--exactly-one', '--crops', folder]);
  expect(code).toBe(2);
  expect(stderr).toContain('ERR_OUTPUT');
  expect(readdirSync(folder)).toEqual(['a.png']);
});

test('CSV has a row for each face, and one for an image without', async () => {
  const { stdout } = await faces([two, none, 'nowhere.jpg', '--format', 'csv', '--provenance', '-q']);
  const table = rows(stdout);
  expect(table.map(({ file, status, faces: n, face, kept }) => [file, status, n, face, kept])).toEqual([
    [two, 'ok', '2', '1', 'true'],
    [two, 'ok', '2', '2', 'true'],
    [none, 'no-face', '0', '', ''],
    ['nowhere.jpg', 'error', '', '', ''],
  ]);
  expect(Number(table[0]!.noseX)).toBeGreaterThan(Number(table[0]!.leftEyeX));
  expect(table[0]).toMatchObject({ model: 'mtcnn', minConfidence: '0.9' });
  expect(table[3]).toMatchObject({ errorCode: 'ERR_IMAGE_NOT_FOUND' });
});

test('JSON and table', async () => {
  const json = await faces([one, none, '--format', 'json', '--provenance', '-q']);
  expectValid('#/$defs/facesRecord', JSON.parse(json.stdout) as unknown[]);
  expect((JSON.parse(json.stdout) as FacesRecord[]).map(({ status }) => status)).toEqual(['ok', 'no-face']);
  const table = await faces([two, none, 'nowhere.jpg', '--format', 'table', '-q']);
  const lines = table.stdout.split('\n');
  expect(lines[0]).toMatch(/^STATUS +FOUND +KEPT +LARGEST +CONFIDENCE +FILE$/);
  expect(lines[1]).toMatch(/^ok +2 +2 +\d+x\d+ +[01]\.\d{3} .*two-portraits\.jpg$/);
  expect(lines[2]).toMatch(/^no-face +0 +0 +- +- .*lake\.jpg$/);
  expect(lines[3]).toMatch(/^error .*ERR_IMAGE_NOT_FOUND/);
});

test('an output file', async () => {
  const output = join(scratch(), 'faces.csv');
  const { code, stdout } = await faces([one, '--format', 'csv', '-o', output, '-q']);
  expect([code, stdout]).toEqual([0, '']);
  expect(rows(readFileSync(output, 'utf8'))).toHaveLength(1);
});

describe('--resume', () => {
  /** Photographs `a.jpg` (one face), `b.jpg` (two), `c.jpg` (none), and how to look at them. */
  function project() {
    const cwd = scratch();
    mkdirSync(join(cwd, 'photos'));
    for (const [name, photo] of [
      ['a.jpg', one],
      ['b.jpg', two],
      ['c.jpg', none],
    ] as const) {
      copyFileSync(join(root, photo), join(cwd, 'photos', name));
    }
    const output = join(cwd, 'faces.jsonl');
    const run = (...more: string[]) =>
      hyperiqa(['faces', 'photos', '-o', output, '--crops', 'crops', ...more], { cwd });
    return { cwd, output, run };
  }

  test('a run cut off anywhere ends as if it had not been', async () => {
    const { cwd, output, run } = project();
    expect((await run()).code).toBe(0);
    const whole = readFileSync(output, 'utf8');
    const records = found(whole);
    expectValid('#/$defs/facesRecord', records);
    expect(records.map(({ source, run: made }) => [typeof source?.size, typeof made])).toEqual(
      records.map(() => ['number', 'string']),
    );
    const crops = readdirSync(join(cwd, 'crops'));
    for (const length of [3, whole.indexOf('b.jpg'), whole.length - 1]) {
      truncateSync(output, length);
      const { code, stderr } = await run('--resume');
      expect(code, stderr).toBe(0);
      expect(found(readFileSync(output, 'utf8'))).toEqual(about(records));
    }
    expect((await run('--resume')).stderr).toBe('hyperiqa: 3 images: 2 ok, 1 no-face; 3 looked at before\n');
    expect(readdirSync(join(cwd, 'crops'))).toEqual(crops);
  });

  test('photographs that changed are looked at again, and write over nobody else’s crops', async () => {
    const { cwd, output, run } = project();
    expect((await run('--exactly-one')).code).toBe(0);
    expect(readdirSync(join(cwd, 'crops'))).toEqual(['a.png']);
    // A photograph of the same name that comes first, and b.jpg with another face count.
    mkdirSync(join(cwd, 'photos', 'A'));
    copyFileSync(join(root, one), join(cwd, 'photos', 'A', 'a.jpg'));
    copyFileSync(join(root, one), join(cwd, 'photos', 'b.jpg'));
    const { code, stderr } = await run('--exactly-one', '--resume', '--recursive');
    expect(code, stderr).toBe(0);
    expect(stderr).toBe('hyperiqa: 4 images: 3 ok, 1 no-face; 2 looked at before\n');
    const files = Object.fromEntries(
      (found(readFileSync(output, 'utf8')) as FoundRecord[]).map(({ file, faces: [face] }) => [file, face?.cropFile]),
    );
    expect(files).toEqual({
      'photos/A/a.jpg': 'crops/a~2.png',
      'photos/a.jpg': 'crops/a.png',
      'photos/b.jpg': 'crops/b.png',
      'photos/c.jpg': undefined,
    });
    // Its own crop, not a second one.
    utimesSync(join(cwd, 'photos', 'b.jpg'), 1e9, 1e9);
    expect((await run('--exactly-one', '--resume', '--recursive')).code).toBe(0);
    expect(readdirSync(join(cwd, 'crops')).sort()).toEqual(['a.png', 'a~2.png', 'b.png']);
  });

  test('what was made otherwise is refused and left alone', async () => {
    const { output, run } = project();
    expect((await run()).code).toBe(0);
    const before = readFileSync(output, 'utf8');
    for (const more of [['--exactly-one'], ['--min-confidence', '0.95'], ['--provenance']]) {
      const { code, stderr } = await run('--resume', ...more);
      expect(code, stderr).toBe(2);
      expect(stderr).toMatch(/made otherwise.*\(ERR_RESUME\)\n$/);
    }
    expect((await run('--resume', '--format', 'csv')).stderr).toContain('--resume continues jsonl files, not csv');
    expect((await run('--min-confidence', '7')).code).toBe(2);
    expect(readFileSync(output, 'utf8')).toBe(before);
  });
});

test.each([
  [[], /Name the images/],
  [['--min-confidence', 'high', one], /--min-confidence must be a number/],
  [['--min-confidence', '7', one], /--min-confidence must be a number from 0 to 1/],
  [['--margins', '1', one], /Did you mean --margin\?/],
  [['-o', 'faces.png', one], /name of an image/],
  [['--device', 'cpu,cuda', one], /one device/],
  [['--face-model', 'nowhere.pt', one], /no model file/],
])('refuses %j', async (args, message) => {
  const { code, stderr } = await faces(args);
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
  expect(existsSync(join(root, 'faces.png'))).toBe(false);
});

test('score --faces: the score of the crop beside that of the image', async () => {
  const folder = join(scratch(), 'crops');
  await faces([one, '--exactly-one', '--crops', folder, '-q']);
  const { stdout: ofCrop } = await score([join(folder, 'portrait-11.png')]);
  const { code, stdout } = await score([one, two, none, 'nowhere.jpg', '--faces', '--exactly-one', '--provenance']);
  expect(code).toBe(1);
  const all = records(stdout);
  expectValid('', all);
  expect(all.map(({ faces: part }) => part?.status)).toEqual(['ok', 'several', 'no-face', undefined]);
  expect(all[0]!.faces!.faces[0]!.score).toBeCloseTo(records(ofCrop)[0]!.score, 2);
  expect(all[0]!.faces!.faces[0]!.enlarged).toBe(true);
  expect(all[1]!.faces!.faces.map(({ score: value }) => value)).toEqual([null, null]);
  expect(all[0]!.faces!.provenance!.model.name).toBe('mtcnn');
});

test('score --faces in tables', async () => {
  const csv = rows((await score([two, none, '--faces', '--format', 'csv', '-q'])).stdout);
  expectValid('#/$defs/csvRow', csv);
  expect(csv[0]).toMatchObject({ faceStatus: 'ok', faces: '2', facesKept: '2', faceEnlarged: 'true' });
  expect(csv[1]).toMatchObject({ faceStatus: 'no-face', faceScore: '', faceEnlarged: '' });
  const study = rows((await score([one, none, '--faces', '--columns', 'study', '-q'])).stdout);
  expectValid('#/$defs/studyRow', study);
  expect(study.map(({ filename, Face_predic_score }) => [filename, Face_predic_score === ''])).toEqual([
    ['portrait-11.jpg', false],
    ['lake.jpg', true],
  ]);
  const table = (await score([two, none, '--faces', '--exactly-one', '--format', 'table', '-q'])).stdout.split('\n');
  expect(table[1]).toMatch(/SCORE +FACE/);
  expect(table[2]).toMatch(/several/);
});

test('score --faces is resumed with the same faces only', async () => {
  const output = join(scratch(), 'scores.jsonl');
  const first = await score([one, '--faces', '-o', output, '-q']);
  expect(first.code).toBe(0);
  const again = await score([one, '--faces', '-o', output, '--resume']);
  expect(again.stderr).toContain('1 scored before');
  const other = await score([one, '--faces', '--exactly-one', '-o', output, '--resume']);
  expect(other.code).toBe(2);
  expect(other.stderr).toContain('ERR_RESUME');
});

test('options about faces need --faces', async () => {
  const { code, stderr } = await score([one, '--exactly-one']);
  expect(code).toBe(2);
  expect(stderr).toContain('--exactly-one is about faces: add --faces');
});
