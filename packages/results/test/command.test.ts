/** `hyperiqa merge` as a command: wrong usage, and its memory. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hyperiqa, main, text } from '../../../test/cli/cli.js';
import { csvOf, linesOf, numbered, scratch, writeFile } from './made.js';

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
  const records = 300_000;
  for (let i = 0; i < 3; i++) {
    const part = numbered(records / 3).map((record, k) => ({
      ...record,
      file: `photos/${(k * 7919) % records}-${i}.jpg`,
    }));
    writeFile(cwd, `${i}.jsonl`, linesOf(part));
  }
  const size = [0, 1, 2].reduce((sum, i) => sum + statSync(join(cwd, `${i}.jsonl`)).size, 0);
  expect(size).toBeGreaterThan(heap * 1.3 * 2 ** 20);
  const { status, stderr } = spawnSync(
    process.execPath,
    [`--max-old-space-size=${heap}`, main, 'merge', '0.jsonl', '1.jsonl', '2.jsonl', '-o', 'all.parquet'],
    { cwd, encoding: 'utf8' },
  );
  expect({ status, stderr }).toEqual({
    status: 0,
    stderr: `hyperiqa: ${records} images from 3 files: ${records / 10} failed\n`,
  });
});
