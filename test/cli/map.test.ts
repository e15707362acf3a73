/** `hyperiqa map`: files, records and exit codes. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';

import type { QualityMap } from '../../src/maps/index.js';
import { hyperiqa, photos, quick, scratch } from './cli.js';

const map = (args: readonly string[]) => hyperiqa(['map', ...args, ...quick()]);

test('a picture and the patches of each image, with a record', async () => {
  const folder = join(scratch(), 'maps');
  const inputs = [`${photos}/lake.jpg`, 'nowhere.jpg'];
  const { code, stdout, stderr } = await map([...inputs, '-o', folder, '--stride', '100', '--range', '20,80']);
  expect(code).toBe(1);
  const [first, second] = stdout
    .split('\n')
    .slice(0, 2)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(first).toMatchObject({
    file: inputs[0],
    map: join(folder, 'lake-map.png'),
    json: join(folder, 'lake-map.json'),
  });
  expect(second).toMatchObject({ file: 'nowhere.jpg', error: { code: 'ERR_IMAGE_NOT_FOUND' } });
  expect(stderr).toContain('2 images: 1 failed');
  expect(readdirSync(folder).sort()).toEqual(['lake-map.json', 'lake-map.png']);
  const stored = JSON.parse(readFileSync(join(folder, 'lake-map.json'), 'utf8')) as QualityMap & { file: string };
  expect(stored.patches).toHaveLength(stored.rows * stored.columns);
  expect(stored).toMatchObject({ file: inputs[0], width: 896, score: first!.score });
  expect((await sharp(join(folder, 'lake-map.png')).metadata()).width).toBe(896 + 96);
});

test('JSON only, and a table', async () => {
  const folder = scratch();
  const args = [`${photos}/lake.jpg`, '-o', folder, '--stride', '150', '--no-picture', '--format', 'table'];
  const { code, stdout } = await map(args);
  expect(code).toBe(0);
  expect(readdirSync(folder)).toEqual(['lake-map.json']);
  expect(stdout).toMatch(/^ +MEAN +LOWEST +HIGHEST +PATCHES +FILE\n +[\d.]+ +[\d.]+ +[\d.]+ +\d+x\d+ .*lake\.jpg -> /);
});

test('a picture that may not be written leaves no patches behind either', async () => {
  const folder = scratch();
  writeFileSync(join(folder, 'lake-map.png'), 'not of this program');
  const { code, stderr } = await map([`${photos}/lake.jpg`, '-o', folder, '--stride', '150']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/lake-map\.png cannot be written: .*hyperiqa did not write it.*\(ERR_OUTPUT\)/);
  expect(readdirSync(folder)).toEqual(['lake-map.png']);
});

test('--json gives one array', async () => {
  const { code, stdout } = await map([
    `${photos}/lake.jpg`,
    '-o',
    scratch(),
    '--stride',
    '150',
    '--no-picture',
    '--json',
  ]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject([{ file: `${photos}/lake.jpg` }]);
});

test.each([
  [[`${photos}/lake.jpg`], /--output FOLDER/],
  [['-o', 'maps'], /Name the images/],
  [[`${photos}/lake.jpg`, '-o', 'maps', '--range', '80,20'], /--range must be auto, or two numbers/],
  [[`${photos}/lake.jpg`, '-o', 'package.json'], /package\.json cannot be used/],
  [[`${photos}/lake.jpg`, '-o', 'build/maps', '--stride', '1'], /stride must be an integer from 4/],
])('refuses %j', async (args, message) => {
  const { code, stderr } = await map(args);
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});
