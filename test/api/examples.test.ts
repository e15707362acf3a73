/** The programs in examples/, as a reader would run them. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

import { testModel } from '../helpers/models.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const model = testModel('lite0');
const run = (...args: string[]) => execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' });

test('score.mjs', () => {
  const output = run('examples/score.mjs', 'test/fixtures/images/tiny-100x80.jpg', model);
  expect(output).toMatch(/tiny-100x80\.jpg: \d+\.\d on a scale of 0 to 100\n/);
  expect(output).toMatch(/best part: 224×224 pixels at \d+, \d+ /);
});

test('rank-folder.mjs', () => {
  const lines = run('examples/rank-folder.mjs', 'examples/photos', model).trim().split('\n');
  const scores = lines.map(Number.parseFloat);
  expect(lines).toHaveLength(10);
  expect(scores).toEqual(scores.toSorted((a, b) => b - a));
});

test('worker-thread.mjs', () => {
  expect(run('examples/worker-thread.mjs', 'test/fixtures/images/tiny-100x80.jpg', model)).toMatch(
    /^test\/fixtures\/images\/tiny-100x80\.jpg: \d+\.\d\n$/,
  );
  const { status, stderr } = spawnSync(process.execPath, ['examples/worker-thread.mjs', 'nothing.jpg', model], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(stderr).toMatch(/^nothing\.jpg: ERR_IMAGE_NOT_FOUND: /);
  expect(status).toBe(1);
});

test('child-process.mjs', () => {
  const photos = ['test/fixtures/images/tiny-100x80.jpg', 'nothing.jpg', 'test/fixtures/images/exact-224.png'];
  const { status, stdout, stderr } = spawnSync(process.execPath, ['examples/child-process.mjs', ...photos], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(stdout).toMatch(/^test\S+tiny-100x80\.jpg: \d+\.\d\ntest\S+exact-224\.png: \d+\.\d\n$/);
  expect(stderr).toMatch(/^nothing\.jpg: ERR_IMAGE_NOT_FOUND: /);
  expect(status).toBe(1);
});

test('http-service.mjs', async () => {
  const service = spawn(process.execPath, ['examples/http-service.mjs', '0', model], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(service.stdout, 'data')) as [Buffer];
  const address = line.toString().trim();
  const post = async (body: Buffer | string) => {
    const response = await fetch(address, { method: 'POST', body });
    return [response.status, await response.json()];
  };
  const image = readFileSync(new URL('../fixtures/images/jpeg-420.jpg', import.meta.url));
  expect(await post(image)).toEqual([
    200,
    expect.objectContaining({ score: expect.any(Number) as number, width: 640 }),
  ]);
  expect(await post('text')).toEqual([415, { error: expect.objectContaining({ code: 'ERR_IMAGE_FORMAT' }) as object }]);
  expect(await post('')).toEqual([400, { error: expect.objectContaining({ code: 'ERR_IMAGE_EMPTY' }) as object }]);
  service.kill('SIGINT');
  const [exitCode] = (await once(service, 'exit')) as [number | null];
  expect(exitCode).toBe(0);
});
