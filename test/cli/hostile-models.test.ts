/** Model files from strangers on the command line. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { withForward } from '../models/archives.js';
import { hyperiqa } from './cli.js';
import { findLibTorch } from '../helpers/libtorch.js';

let folder: string;
let env: NodeJS.ProcessEnv;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hyperiqa-hostile-cli-'));
  env = { HYPERIQA_CACHE: join(folder, 'cache'), HYPERIQA_LIBTORCH: findLibTorch().path };
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('a model that nests 100,000 parentheses is an error of the command, and nothing stays behind', async () => {
  const path = await withForward(join(folder, 'deep.pt'), `y = ${'('.repeat(100_000)}1${')'.repeat(100_000)}`);
  for (const args of [
    ['info', '--model', path],
    ['models', 'add', path, '--name', 'deep'],
  ]) {
    const { code, signal, stdout, stderr } = await hyperiqa(args, { env });
    expect({ code, signal, stdout }).toEqual({ code: 2, signal: null, stdout: '' });
    expect(stderr).toMatch(/brackets nest more than 64 deep.*ERR_MODEL_FORMAT/s);
  }
  const registry = join(folder, 'cache', 'models');
  expect(existsSync(registry) ? readdirSync(registry) : []).toEqual([]);
});

test('what a model does that none needs is named, and done only with --trust-model', async () => {
  const path = await withForward(
    join(folder, 'printing.pt'),
    'print("a model speaks")',
    'torch.mean(torch.to(patches, 6), [1, 2, 3])',
  );
  const args = ['self-check', '--model', path, '--device', 'cpu', '--graph-mode', 'freeze'];
  const refused = await hyperiqa(args, { env });
  expect(refused).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(/it calls print.*--trust-model/s),
  });
  const trusted = await hyperiqa([...args, '--trust-model'], { env });
  // Its scores are not its own, which is what self-check says.
  expect(trusted).toMatchObject({ code: 1, stdout: expect.stringContaining('a model speaks') });
});

test('the help of models add says what trust means', async () => {
  const { stdout } = await hyperiqa(['models', 'add', '--help'], { env });
  expect(stdout.replace(/\s+/g, ' ')).toMatch(/A model file is a program.*--trust-model.*do whatever you can/);
});
