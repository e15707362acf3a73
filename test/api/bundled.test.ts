/** Code of the package that a bundler has moved into another file says so. (npm/proof does it with real bundlers.) */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { ownFolder } from '../../src/support/bundled.js';
import { errorWith } from '../helpers/errors.js';

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
const require = createRequire(import.meta.url);
const refused = errorWith('ERR_BUNDLED', /was bundled into .*bundle\.mjs.*serverExternalPackages: \['hyperiqa'\]/);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hyperiqa-bundled-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/**
 * `support/package.js` with what it imports of `support`, in one file as a bundler writes it.
 *
 * @param url - What stands in place of `import.meta.url`.
 */
async function bundle(url = 'import.meta.url', at = 'bundle.mjs'): Promise<unknown> {
  const read = (name: string) => readFileSync(join(dist, 'support', name), 'utf8');
  const text = `${read('bundled.js')}\n${read('package.js')}`
    .replace(/^import .*'\.\/bundled\.js';$/m, '')
    .replace(/^import (.*) from '\.\.\/errors\.js';$/gm, '')
    .replaceAll('import.meta.url', url);
  const errors = `import { HyperIQAError, toHyperIQAError } from ${JSON.stringify(pathToFileURL(join(dist, 'errors.js')))};\n`;
  const file = join(folder, at);
  writeFileSync(file, errors + text);
  return import(pathToFileURL(file).href);
}

test('as an ES module (esbuild, Rollup)', async () => {
  await expect(bundle()).rejects.toEqual(refused);
});

test('as CommonJS, where import.meta has no address (esbuild)', async () => {
  await expect(bundle('undefined')).rejects.toEqual(refused);
});

test('with the address that the file once had (webpack, Turbopack)', async () => {
  await expect(bundle(JSON.stringify(pathToFileURL(join(dist, 'support/package.js')).href))).rejects.toEqual(refused);
});

test('under the names that the files once had, beside the package.json of a program', async () => {
  mkdirSync(join(folder, 'dist/support'), { recursive: true });
  const at = 'dist/support/bundled.js';
  const elsewhere = errorWith('ERR_BUNDLED', /was bundled/);
  writeFileSync(join(folder, 'package.json'), '{"name":"a-program","type":"module"}');
  await expect(bundle(undefined, at)).rejects.toEqual(elsewhere);
});

test('evaluated from a text (webpack in development)', () => {
  const url = pathToFileURL(join(dist, 'support/package.js')).href;
  const running = 'webpack-internal:///(rsc)/./node_modules/hyperiqa/dist/support/bundled.js';
  expect(() => ownFolder(url, running)).toThrow(errorWith('ERR_BUNDLED', /was bundled into webpack-internal:/));
});

test('in its own place it loads, whatever a program has made of the texts of stacks', () => {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- is put back, not called
  const before = Error.prepareStackTrace;
  try {
    Error.prepareStackTrace = (error) => `${error.name}: nothing`;
    expect(require(join(dist, 'support/bundled.js'))).toHaveProperty('ownFolder');
    const { ownFolder } = require(join(dist, 'support/bundled.js')) as { ownFolder: (url: string) => string };
    expect(ownFolder(pathToFileURL(join(dist, 'support/package.js')).href)).toBe(join(dist, '..'));
  } finally {
    Error.prepareStackTrace = before;
  }
});
