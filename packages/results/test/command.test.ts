/** `hyperiqa merge` as a command: wrong usage, and its memory. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hyperiqa, main, root, text } from '../../../test/cli/cli.js';
import { csvOf, linesOf, numbered, scratch, writeFile, writeShards } from './made.js';

test.each([
  ['no results', ['-o', 'x.csv'], 'Name the results', 2],
  ['no output', ['a.jsonl'], 'Name the file to write', 2],
  ['another format', ['a.jsonl', '-o', 'x.txt'], 'x.txt must end with .jsonl', 2],
  ['another format of a file', ['x.txt', '-o', 'x.csv'], 'x.txt', 2],
  ['nothing of that name', ['none.jsonl', '-o', 'x.csv'], 'none.jsonl: it cannot be read', 2],
  ['a folder without results', ['empty', '-o', 'x.csv'], 'the folder has no files of results', 2],
  ['JSON lines of a table', ['a.csv', '-o', 'x.jsonl'], 'JSON lines cannot be made of a.csv', 2],
  ['CSV beside others', ['a.csv', 'a.jsonl', '-o', 'x.parquet'], 'CSV may write names otherwise', 2],
  ['an output that is read', ['a.jsonl', '-o', 'a.jsonl'], 'ERR_OUTPUT', 2],
  ['an output in the folder that is read', ['.', '-o', 'a.csv'], 'ERR_OUTPUT', 2],
  ['a list that is the output', ['a.jsonl', '-o', 'list.csv', '--expect', 'list.csv'], 'ERR_OUTPUT', 2],
  ['a list that is not there', ['a.jsonl', '-o', 'x.csv', '--expect', 'none.txt'], 'none.txt cannot be read', 2],
  ['a folder that is not there', ['a.jsonl', '-o', 'none/x.csv'], 'ERR_OUTPUT', 2],
])('hyperiqa merge with %s', async (_, args, words, code) => {
  const cwd = scratch();
  mkdirSync(join(cwd, 'empty'));
  writeFile(cwd, 'a.jsonl', linesOf(numbered(3)));
  writeFile(cwd, 'a.csv', csvOf(numbered(3)));
  writeFile(cwd, 'list.csv', 'photos/000000.jpg\n');
  const before = readdirSync(cwd).map((name) => (statSync(join(cwd, name)).isFile() ? text(cwd, name) : ''));
  const ended = await hyperiqa(['merge', ...args], { cwd });
  expect(ended).toMatchObject({ code, stdout: '' });
  expect(ended.stderr).toContain(words);
  expect(readdirSync(cwd).map((name) => (statSync(join(cwd, name)).isFile() ? text(cwd, name) : ''))).toEqual(before);
});

test('memory does not grow with the number of results', () => {
  const cwd = scratch();
  const heap = 96;
  const records = 80_000;
  // Two thousand bytes each, as of some thirty crops.
  const crops = Array.from({ length: 30 }, () => ({ x: 100, y: 100, width: 224, height: 224, score: 50 }));
  const list = numbered(records).map((record) => ('error' in record ? record : { ...record, crops }));
  // Half of the names in order, the others backwards.
  writeFile(cwd, 'a.jsonl', linesOf(list.filter((_, i) => i % 2 === 0)));
  writeFile(cwd, 'b.jsonl', linesOf(list.filter((_, i) => i % 2 === 1).reverse()));
  const { status, stderr } = spawnSync(
    process.execPath,
    [`--max-old-space-size=${heap}`, main, 'merge', 'a.jsonl', 'b.jsonl', '-o', 'all.jsonl'],
    { cwd, encoding: 'utf8' },
  );
  const failed = records / 10;
  expect({ status, stderr }).toEqual({
    status: 0,
    stderr: `hyperiqa: ${records} images from 2 files: ${failed} failed\n`,
  });
  expect(text(cwd, 'all.jsonl')).toBe(linesOf(list));
  expect(statSync(join(cwd, 'all.jsonl')).size).toBeGreaterThan(heap * 1.2 * 2 ** 20);
});

test('a reader of the missing names that goes away changes nothing', async () => {
  const cwd = scratch();
  writeFile(cwd, 'a.jsonl', linesOf(numbered(3)));
  writeFile(cwd, 'list.txt', Array.from({ length: 50_000 }, (_, i) => `photos/none-${i}.jpg\n`).join(''));
  const { code, stderr } = await hyperiqa(['merge', 'a.jsonl', '-o', 'b.jsonl', '--expect', 'list.txt'], {
    cwd,
    wrap: 'set -o pipefail; "$@" | head -n 1 > first.txt',
  });
  expect(code).toBe(1);
  expect(stderr).toContain('50000 images of the list have no result');
  expect(text(cwd, 'first.txt')).toBe('photos/none-0.jpg\n');
});

test('the programs of the guide and of the README run', () => {
  const cwd = scratch();
  symlinkSync(join(root, 'node_modules'), join(cwd, 'node_modules'));
  mkdirSync(join(cwd, 'shards'));
  writeShards(join(cwd, 'shards'), numbered(20), 2);
  const programs = ['docs/scale.md', 'packages/results/README.md']
    .flatMap((page) => [...text(root, page).matchAll(/```js\n([^`]*)```/g)].map(([, program]) => program!))
    .filter((program) => program.includes("from '@hyperiqa/results'"));
  expect(programs).toHaveLength(2);
  for (const program of programs) {
    writeFile(cwd, 'program.mjs', program);
    const { status, stdout, stderr } = spawnSync(process.execPath, ['program.mjs'], { cwd, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    if (program.includes('console.log')) expect(stdout).toContain('photos/000001.jpg 17.919\n');
    expect(statSync(join(cwd, 'scores.parquet')).size).toBeGreaterThan(0);
  }
});
