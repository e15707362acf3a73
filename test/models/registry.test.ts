/** Models by name, through the public API and with the real engine. */
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { defaultModelPath, HyperIQA, type LoadOptions } from '../../src/index.js';
import { addModel, listModels, removeModel, verifyModel } from '../../src/models/index.js';
import { registryFolder } from '../../src/model-file/registered.js';
import { errorWith } from '../helpers/errors.js';
import { testModel } from '../helpers/models.js';
import { useOwnCache } from './cache.js';

useOwnCache();
const file = testModel('lite0');
const loading: LoadOptions = { device: 'cpu', graphMode: 'freeze', threads: 1, batchSize: 4 };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hyperiqa-registry-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  rmSync(registryFolder(), { recursive: true, force: true });
});

const loaded = async (model: string) => {
  await using iqa = await HyperIQA.load(model, loading);
  return iqa.info.model;
};

test('a model that was added loads by its name, whatever becomes of the file', async () => {
  const source = join(folder, 'model.pt');
  copyFileSync(file, source);
  const model = await addModel(pathToFileURL(source), { name: 'koniq' });
  expect(model).toMatchObject({
    name: 'koniq',
    size: readFileSync(file).length,
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    source,
    metadata: { name: 'hyperiqa-test-lite0', formatVersion: 1 },
  });
  expect(model.metadata).not.toHaveProperty('path');
  expect(Date.parse(model.added)).toBeLessThanOrEqual(Date.now());
  rmSync(source);
  expect(await loaded('koniq')).toMatchObject({ path: model.path, sha256: model.sha256 });
  expect(await listModels()).toEqual([{ name: 'koniq', model }]);
  expect(await verifyModel('koniq')).toEqual(model);
  await removeModel('koniq');
  expect(await listModels()).toEqual([]);
  expect(existsSync(model.path)).toBe(false);
  await expect(loaded('koniq')).rejects.toEqual(errorWith('ERR_MODEL_NOT_FOUND'));
});

test('a name is another one only after "replace"; the same file is no other one', async () => {
  const first = await addModel(file, { name: 'm' });
  expect(await addModel(file, { name: 'm' })).toEqual(first);
  await expect(addModel(defaultModelPath(), { name: 'm' })).rejects.toEqual(
    errorWith('ERR_MODEL_EXISTS', /hyperiqa-test-lite0 1, added from .*replace/),
  );
  const second = await addModel(defaultModelPath(), { name: 'm', replace: true });
  expect(second.sha256).not.toBe(first.sha256);
  expect((await loaded('m')).name).toBe(second.metadata.name);
  // The old file is gone, and nothing else stays behind.
  expect(readdirSync(join(registryFolder(), 'm'))).toHaveLength(2);
  expect(readdirSync(registryFolder())).toEqual(['m']);
});

test('what is no model, or fails its self-check, is not added', async () => {
  const text = join(folder, 'text.pt');
  writeFileSync(text, 'text');
  await expect(addModel(text, { name: 'm' })).rejects.toEqual(errorWith('ERR_MODEL_FORMAT'));
  await expect(addModel(folder, { name: 'm' })).rejects.toEqual(errorWith('ERR_MODEL_FORMAT'));
  await expect(addModel(join(folder, 'none.pt'), { name: 'm' })).rejects.toEqual(errorWith('ERR_MODEL_NOT_FOUND'));
  expect(existsSync(registryFolder()) ? readdirSync(registryFolder()) : []).toEqual([]);
});

test.each([
  '',
  '..',
  '../x',
  'a/b',
  'a\\b',
  '/etc',
  '.hidden',
  'x.',
  'x.pt',
  'Koniq',
  'größe',
  'a b',
  'a\0b',
  'x'.repeat(65),
  'default',
  'con',
  'nul.txt',
  'lpt1',
])('%j is no name', async (name) => {
  await expect(addModel(file, { name })).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT', /name has 1 to 64/));
  await expect(removeModel(name)).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT'));
  await expect(verifyModel(name)).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT'));
});

test('wrong options', async () => {
  await expect(addModel(file, {} as never)).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT'));
  await expect(addModel(file, { name: 'm', replace: 1 } as never)).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT'));
  await expect(addModel(3 as never, { name: 'm' })).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT'));
});

describe('a registry that was tampered with', () => {
  const entry = () => join(registryFolder(), 'm', 'entry.json');
  const change = (fields: object) => {
    writeFileSync(entry(), JSON.stringify({ ...(JSON.parse(readFileSync(entry(), 'utf8')) as object), ...fields }));
  };
  beforeEach(() => addModel(file, { name: 'm' }));

  test('another file in the place of the one that was added; it can be replaced', async () => {
    const { path } = await verifyModel('m');
    copyFileSync(defaultModelPath(), path);
    await expect(verifyModel('m')).rejects.toEqual(errorWith('ERR_MODEL_HASH', /not the one that was added/));
    await expect(loaded('m')).rejects.toEqual(errorWith('ERR_MODEL_HASH'));
    await addModel(file, { name: 'm', replace: true });
    expect((await loaded('m')).name).toBe('hyperiqa-test-lite0');
  });

  test.each([
    ['no JSON', () => { writeFileSync(entry(), '{'); }],
    ['nothing', () => { writeFileSync(entry(), ''); }],
    ['null', () => { writeFileSync(entry(), 'null'); }],
    ['a file elsewhere', () => { change({ file: '../../../secret.pt' }); }],
    ['no SHA-256', () => { change({ sha256: 'abc' }); }],
    ['a later format', () => { change({ formatVersion: 2 }); }],
  ])('%s in the entry', async (_, damage) => {
    damage();
    await expect(loaded('m')).rejects.toEqual(errorWith('ERR_MODEL_FORMAT'));
    // Others are listed all the same.
    await addModel(file, { name: 'other' });
    expect(await listModels()).toEqual([
      { name: 'm', error: errorWith('ERR_MODEL_FORMAT') },
      { name: 'other', model: expect.objectContaining({ name: 'other' }) as unknown },
    ]);
    await removeModel('m');
    expect((await listModels()).map(({ name }) => name)).toEqual(['other']);
  });

  test('no file', async () => {
    rmSync((await verifyModel('m')).path);
    await expect(loaded('m')).rejects.toEqual(errorWith('ERR_MODEL_NOT_FOUND', /is gone. Remove it/));
  });

  test('a file in the place of the registry', async () => {
    rmSync(registryFolder(), { recursive: true });
    writeFileSync(registryFolder(), '');
    expect(await listModels()).toEqual([]);
    await expect(addModel(file, { name: 'm' })).rejects.toEqual(errorWith('ERR_OUTPUT', /registry of models/));
  });
});
