/** Tests which file a text means. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { defaultModelPath } from '../../src/index.js';
import { locateModel } from '../../src/model-file/locate.js';
import { registryFolder, Staged } from '../../src/model-file/registered.js';
import { errorWith } from '../helpers/errors.js';
import { useOwnCache } from './cache.js';

useOwnCache();
const before = process.cwd();
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hyperiqa-locate-'));
  process.chdir(folder);
  writeFileSync('source', 'a model');
  await using staged = await Staged.copy('source');
  const entry = { size: 7, sha256: 'a'.repeat(64), trusted: false, added: '2026-01-01', source: 'source', metadata: {} as never };
  expect(await staged.publish('koniq', entry)).toBe(true);
});
afterEach(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
  rmSync(registryFolder(), { recursive: true, force: true });
});

const registered = { name: 'koniq', sha256: 'a'.repeat(64) };

test('nothing, and "default", is the model of the package', async () => {
  writeFileSync('default', '');
  expect(await locateModel(undefined)).toEqual({ path: defaultModelPath() });
  expect(await locateModel('default')).toEqual({ path: defaultModelPath() });
});

test('a registered name comes before a file of that name in the current folder', async () => {
  writeFileSync('koniq', '');
  expect(await locateModel('koniq')).toMatchObject({ registered });
});

test.each(['./koniq', 'sub/koniq', '/koniq', 'koniq.pt', 'KONIQ.PT', '.\\koniq'])(
  '%s is a path, whether it is there or not',
  async (model) => {
    expect(await locateModel(model)).toEqual({ path: resolve(model) });
  },
);

test('a word that is not registered is a file, if there is one', async () => {
  writeFileSync('other', '');
  mkdirSync('Folder');
  expect(await locateModel('other')).toEqual({ path: resolve('other') });
  expect(await locateModel('Folder')).toEqual({ path: resolve('Folder') });
});

test('file URLs', async () => {
  expect(await locateModel(pathToFileURL(resolve('koniq')))).toEqual({ path: resolve('koniq') });
});

test('what is neither gives the name that may be meant, or all names', async () => {
  await expect(locateModel('konik')).rejects.toEqual(
    errorWith('ERR_MODEL_NOT_FOUND', /neither a registered one nor a file.*Did you mean koniq\?.*models add/),
  );
  await expect(locateModel('something')).rejects.toEqual(
    errorWith('ERR_MODEL_NOT_FOUND', /Registered are: default, koniq\./),
  );
});

test.each([null, '', 3, {}, new URL('https://example.org/koniq.pt')])('%s is no model', async (model) => {
  await expect(locateModel(model)).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT'));
});
