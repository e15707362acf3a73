/** `info`, `warm-up` and `self-check`. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { testModel } from '../helpers/models.js';
import { hyperiqa, quick, scratch } from './cli.js';
import { withMetadata } from './model-file.js';
import { findLibTorch, LIBTORCH_VERSION } from '../helpers/libtorch.js';

test('info shows model, LibTorch, devices and versions', async () => {
  const { code, stdout, stderr } = await hyperiqa(['info', ...quick()]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^model +\S+/);
  expect(stdout).toMatch(/^weights SHA-256 +[0-9a-f]{64}$/m);
  expect(stdout).toMatch(/^device +cpu/m);
  expect(stdout).toMatch(/^LibTorch +2\.13\.0/m);
  expect(stdout).toMatch(/^self-check +passed/m);
  expect(stdout).toContain(testModel('lite0'));
});

test('info --format json holds the same for programs', async () => {
  const { code, stdout } = await hyperiqa(['info', ...quick(), '--format', 'json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    model: { formatVersion: 1, path: testModel('lite0'), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    devices: [{ id: 'cpu' }],
    dtype: 'fp32',
    selfCheck: { passed: true },
    libtorch: { version: expect.stringContaining(LIBTORCH_VERSION) },
    cuda: { available: expect.any(Boolean) },
    versions: { node: process.versions.node },
  });
});

test('info --no-tuning measures nothing', async () => {
  const env = { HYPERIQA_CACHE: scratch() };
  const options = ['info', ...quick(), '--threads', '2', '--no-tuning'];
  const { code, stdout, stderr } = await hyperiqa(options, { env: { ...env, HYPERIQA_LIBTORCH: findLibTorch().path } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^tuning +nothing to measure$/m);
  expect(stdout).toMatch(/^workers +2, 1 threads each$/m);
});

test('warm-up measures and stores, and finds it the next time', async () => {
  const cache = scratch();
  const env = { HYPERIQA_CACHE: cache, HYPERIQA_LIBTORCH: findLibTorch().path };
  const options = [...quick(), '--threads', '2'];
  const first = await hyperiqa(['warm-up', ...options], { env });
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toMatch(/^tuning +measured now and stored in the cache$/m);
  expect(first.stdout).toContain(`cache       ${cache}\n`);
  // The model is not the package's own: that it has been tried is kept, too.
  expect(readdirSync(cache).sort()).toEqual(['models-tried', 'tuning']);
  const second = await hyperiqa(['warm-up', ...options, '--json'], { env });
  expect(second.code).toBe(0);
  expect(JSON.parse(second.stdout)).toMatchObject({ tuning: 'cached', cache, device: ['cpu'], graphMode: 'freeze' });
  const load = await hyperiqa(['info', ...options, '--json'], { env });
  expect(JSON.parse(load.stdout)).toMatchObject({ tuning: 'cached', warnings: [] });
});

test('warm-up fails where nothing can be stored', async () => {
  const file = join(scratch(), 'file');
  writeFileSync(file, '');
  const env = { HYPERIQA_CACHE: join(file, 'cache'), HYPERIQA_LIBTORCH: findLibTorch().path };
  const { code, stdout, stderr } = await hyperiqa(['warm-up', ...quick(), '--threads', '2'], { env });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr.replace(/\s+/g, ' ')).toMatch(/cache folder .* cannot be written.*HYPERIQA_CACHE.*\(ERR_OUTPUT\)/);
  const contradiction = await hyperiqa(['warm-up', '--no-tuning']);
  expect(contradiction).toMatchObject({ code: 2, stderr: expect.stringContaining('no-tuning') });
});

test('self-check passes with the differences it found', async () => {
  const { code, stdout, stderr } = await hyperiqa(['self-check', ...quick()]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/PATCH +EXPECTED +HERE +DIFFERENCE\n( +\d(?: +\S+){3}\n){4}passed: largest difference/);
});

test('self-check fails for a model whose values are not those of its weights; score refuses it', async () => {
  const model = join(scratch(), 'wrong.pt');
  withMetadata(testModel('lite0'), model, (metadata) => {
    const { scores } = metadata.selfCheck;
    scores[2] = Number((scores[2]! + 1).toFixed(4));
  });
  const options = ['--model', model, '--device', 'cpu', '--graph-mode', 'freeze'];
  const { code, stdout } = await hyperiqa(['self-check', ...options, '--format', 'json']);
  expect(code).toBe(1);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({ passed: false, device: ['cpu'], dtype: 'fp32' });
  expect(report.largestDifference).toBeCloseTo(1, 3);
  const table = await hyperiqa(['self-check', ...options]);
  expect(table.code).toBe(1);
  expect(table.stdout).toContain('FAILED');
  const score = await hyperiqa(['score', 'examples/photos/lake.jpg', ...options]);
  expect(score).toMatchObject({ code: 2, stdout: '' });
  expect(score.stderr).toMatch(/\(ERR_MODEL_SELF_CHECK\)\n$/);
});
