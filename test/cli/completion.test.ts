/** Completion of words by the shell. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { addOnCommands } from '../../src/cli/add-ons.js';
import { hyperiqa } from './cli.js';

const completed = async (...words: string[]) => {
  const { code, stdout, stderr } = await hyperiqa(['--get-yargs-completions', 'hyperiqa', ...words]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.split('\n').filter((line) => line !== '');
};

test('the script is one that bash can read', async () => {
  const { code, stdout } = await hyperiqa(['completion'], { env: { SHELL: '/bin/bash' } });
  expect(code).toBe(0);
  execFileSync('bash', ['-n'], { input: stdout });
});

test('commands are completed, those of add-ons too', async () => {
  expect(await completed('')).toEqual(expect.arrayContaining(['score', 'models', ...Object.keys(addOnCommands)]));
});

test.each([
  ['score', '--fail-below'],
  ['map', '--no-picture'],
  ['eval', '--group-by'],
  ['report', '--no-picture'],
  ['serve', '--token-file'],
])('options of %s are completed', async (command, option) => {
  expect(await completed(command, '--')).toContain(option);
});

test.each([
  [
    ['score', '--format'],
    ['table', 'csv', 'json', 'jsonl'],
  ],
  [
    ['eval', '--fit'],
    ['logistic4', 'logistic5'],
  ],
  [
    ['serve', '--log-level'],
    ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
  ],
])('values of %j are completed', async (words, values) => {
  expect(await completed(...words, '')).toEqual(values);
});
