/** Opening LibTorch's libraries keeps nobody waiting, and ends with whatever asked for it. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

import { addonFile, loaderFile } from './setup.js';
import { findLibTorch, libraryFiles, LIBTORCH_VERSION } from '../helpers/libtorch.js';

const script = fileURLToPath(new URL('fixtures/opening.mjs', import.meta.url));
const run = (how: string) =>
  execFileSync(process.execPath, [script, how, loaderFile, addonFile, ...libraryFiles(findLibTorch().path)], {
    encoding: 'utf8',
  }).trim();

test('the event loop turns while the libraries are opened', () => {
  // Opened on the event loop, it would be nearly all of the time.
  expect(Number(run('delay'))).toBeLessThan(0.5);
});

test('they may be asked for twice at once', () => {
  expect(run('twice')).toContain(LIBTORCH_VERSION);
});

test.each(['exit', 'worker'])('they are being opened when it ends: %s', (how) => {
  expect(run(how)).toBe('');
});
