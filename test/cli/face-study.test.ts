/** The example examples/face-study, as a reader would run it, on stand-in scores that no human gave. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';

import { quick, root, scratch } from './cli.js';

const example = join(root, 'examples/face-study');
const column = 'STAND_IN_not_a_human_score';

test('from photographs to the report', { timeout: 600_000 }, () => {
  const folder = scratch();
  execFileSync(process.execPath, [join(example, 'make-stand-in.mjs'), folder]);
  const made = readdirSync(join(folder, 'images'));
  expect(made).toHaveLength(75);
  expect(readFileSync(join(folder, 'stand-in.csv'), 'utf8').split('\n', 1)).toEqual([`image_name,${column}`]);

  // Four portraits and the one with two people, in five versions each.
  const images = join(folder, 'images', '{portrait-0[1-4],two-portraits}_*.jpg');
  const output = join(folder, 'study');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(example, 'study.mjs'),
      ...[images, '--mos', join(folder, 'stand-in.csv'), '--mos-column', column, '--output', output],
      ...['--title', 'Stand-in scores, which no human gave', '--', ...quick()],
    ],
    { cwd: root, encoding: 'utf8' },
  );
  expect(status, stderr).toBe(0);
  expect(stdout).toContain('25 photographs, ');
  expect(stdout).toContain(column);
  expect(stdout).toMatch(/PLCC/);

  const table = (name: string): Record<string, string>[] => parse(readFileSync(join(output, name)), { columns: true });
  const faces = table('faces.csv');
  expect(faces.filter(({ file }) => file!.includes('two-portraits')).map(({ kept }) => kept)).not.toContain('true');
  expect(Object.keys(table('scores.csv')[0]!)).toEqual([
    'Model_name',
    'filename',
    'Image_predic_score',
    'Face_predic_score',
  ]);
  const pairs = table('pairs.csv');
  expect(pairs.length).toBeGreaterThan(9);
  expect(pairs.filter(({ filename }) => filename!.startsWith('two-portraits'))).toEqual([]);
  expect(readdirSync(join(output, 'faces'))).toHaveLength(pairs.length);

  const evaluation = JSON.parse(readFileSync(join(output, 'evaluation.json'), 'utf8')) as object;
  expect(JSON.stringify(evaluation)).toContain('Face_predic_score');
  const page = readFileSync(join(output, 'report.html'), 'utf8');
  expect(page).toContain('Stand-in scores, which no human gave');
  expect(existsSync(join(output, 'pictures'))).toBe(true);
});

test('says how it is used', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(example, 'study.mjs')], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([2, expect.stringContaining('usage: study.mjs')]);
});
