/** `info` and `self-check`. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { testModel } from '../helpers/models.js';
import { hyperiqa, quick, scratch } from './cli.js';
import { LIBTORCH_VERSION } from '../../src/libtorch/version.js';
import { withMetadata } from './model-file.js';

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
