/** `export` and `models` as commands: what they print, and how they end. */
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { testCheckpoint, testModel } from '../helpers/models.js';
import { useOwnCache } from '../models/cache.js';
import { hyperiqa, photos, records, scratch, start } from './cli.js';

useOwnCache();
const checkpoint = testCheckpoint('legacy');

test('a checkpoint becomes a model', async () => {
  const output = join(scratch(), 'koniq.pt');
  const { code, stdout, stderr } = await hyperiqa(['export', checkpoint, '--dataset', 'koniq10k', '-o', output]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain(`written          ${output}, 109.9 MB\n`);
  expect(stdout).toMatch(/^model +hyperiqa-resnet50-koniq10k 1, license unknown$/m);
  expect(stdout).toMatch(/^self-check +passed/m);
  expect(stdout).toMatch(/^checkpoint .*official names, legacy format$/m);
  expect(statSync(output).size).toBeGreaterThan(109e6);
});

test('a model gets a name, and the name scores', async () => {
  const added = await hyperiqa(['models', 'add', testModel('lite0'), '--name', 'small']);
  expect({ code: added.code, stderr: added.stderr }).toEqual({ code: 0, stderr: '' });
  expect(added.stdout).toMatch(/^name +small\n(.*\n)+use it as +--model small\n$/);
  const listed = await hyperiqa(['models', 'list']);
  expect(listed.stdout).toMatch(
    /^NAME +SIZE +MODEL\nsmall +15\.8 MB +hyperiqa-test-lite0 1: .*\ndefault is the model of /,
  );
  const shown = await hyperiqa(['models', 'show', 'small', '--format', 'json']);
  const { sha256 } = JSON.parse(shown.stdout) as { sha256: string };

  const options = ['--crops', '1', '--device', 'cpu', '--graph-mode', 'freeze', '--provenance'];
  const scored = await hyperiqa(['score', join(photos, 'lake.jpg'), '--model', 'small', ...options]);
  expect({ code: scored.code, stderr: scored.stderr }).toEqual({ code: 0, stderr: '' });
  expect(records(scored.stdout)[0]!.provenance!.model.sha256).toBe(sha256);

  expect(await hyperiqa(['models', 'remove', 'small'])).toMatchObject({ code: 0, stdout: 'removed small\n' });
  expect((await hyperiqa(['models', 'list', '--format', 'json'])).stdout).toBe('[]\n');
  expect(await hyperiqa(['score', join(photos, 'lake.jpg'), '--model', 'small'])).toMatchObject({
    code: 2,
    stdout: '',
  });
});

test('an interrupted export leaves nothing behind', async () => {
  const folder = scratch();
  const { child, ended } = start(['export', checkpoint, '--dataset', 'koniq10k', '-o', join(folder, 'model.pt')]);
  // Stop as soon as the first, unfinished file exists.
  const timer = setInterval(() => {
    if (readdirSync(folder).length > 0) child.kill('SIGINT');
  }, 5);
  const { code, stderr } = await ended;
  clearInterval(timer);
  expect(code === 130 || code === null).toBe(true);
  if (code === 130) {
    expect(stderr).toBe('hyperiqa: interrupted; nothing was written\n');
    expect(readdirSync(folder)).toEqual([]);
  }
  expect(existsSync(join(folder, 'model.pt'))).toBe(false);
});

test.each([
  [['export'], /Missing required arguments: dataset, output/],
  [['export', '--dataset', 'koniq10k', '-o', 'm.pt'], /Name one checkpoint to export, not 0/],
  [['export', 'a', 'b', '--dataset', 'koniq10k', '-o', 'm.pt'], /Name one checkpoint to export, not 2/],
  [['export', 'a', '--dataset', 'imagenet', '-o', 'm.pt'], /dataset/],
  [['export', 'a', '--dataset', 'koniq10k', '-o', 'm.pt', '--sha265', 'x'], /Did you mean --sha256\?/],
  [['export', 'a', '--dataset', 'koniq10k', '-o', 'm.pt', '--sha256', 'x'], /64 hexadecimal digits/],
  [['models'], /list, add, show or remove\./],
  [['models', 'delete'], /list, add, show or remove, not delete/],
  [['models', 'list', 'koniq'], /takes nothing else, and 1 were given/],
  [['models', 'add', 'a.pt'], /Missing required argument: name/],
  [['models', 'add', '--name', 'm'], /takes one model file, and 0 were given/],
  [['models', 'add', 'a.pt', '--name', '../m'], /not "\.\.\/m"/],
  [['models', 'show'], /takes one name/],
])('%j is wrong usage', async (args, message) => {
  const { code, stdout, stderr } = await hyperiqa(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(message);
  expect(stderr).toContain('(ERR_INVALID_ARGUMENT)');
});

test('what cannot be done is said with its code', async () => {
  const folder = scratch();
  const page = join(folder, 'koniq_pretrained.pkl');
  writeFileSync(page, '<!DOCTYPE html>');
  const exported = await hyperiqa(['export', page, '--dataset', 'koniq10k', '-o', join(folder, 'm.pt')]);
  expect(exported).toMatchObject({ code: 2, stdout: '' });
  expect(exported.stderr).toMatch(/web page.*\(ERR_CHECKPOINT_FORMAT\)\n$/);
  const shown = await hyperiqa(['models', 'show', 'defalt']);
  expect(shown.stderr).toMatch(/Did you mean default\?.*\(ERR_MODEL_NOT_FOUND\)\n$/);
});
