/** The registry under processes and calls that change the same name at the same time. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';

import { defaultModelPath } from '../../src/index.js';
import { listModels } from '../../src/models/index.js';
import { registryFolder, removeStored, Staged, storedModel } from '../../src/model-file/registered.js';
import { hyperiqa } from '../cli/cli.js';
import { testModel } from '../helpers/models.js';
import { useOwnCache } from './cache.js';

useOwnCache();
afterEach(() => {
  rmSync(registryFolder(), { recursive: true, force: true });
});

test('of processes that add different models under one name, one wins and the others hear of it', async () => {
  const files = [testModel('lite0'), defaultModelPath(), testModel('lite0'), defaultModelPath()];
  const ended = await Promise.all(files.map((file) => hyperiqa(['models', 'add', file, '--name', 'm'])));
  const [listed] = await listModels();
  const winner = listed!.model!.source;
  for (const [i, { code, stderr }] of ended.entries()) {
    expect({ file: files[i], code, stderr }).toEqual({
      file: files[i],
      code: files[i] === winner ? 0 : 2,
      stderr: files[i] === winner ? '' : (expect.stringContaining('ERR_MODEL_EXISTS') as string),
    });
  }
  expect(readdirSync(registryFolder())).toEqual(['m']);
});

test('whoever looks sees a whole model or none, while others add, replace and remove', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hyperiqa-storm-'));
  const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  let changing = 4;
  const change = async (): Promise<void> => {
    for (let round = 0; round < 25; round++) {
      const bytes = randomBytes(50_000);
      const source = join(folder, `${changing}-${round}-${sha256(bytes).slice(0, 8)}`);
      writeFileSync(source, bytes);
      await using staged = await Staged.copy(source);
      const entry = { size: bytes.length, sha256: sha256(bytes), trusted: false, added: '', source, metadata: {} as never };
      if (round % 5 === 4) await removeStored('m');
      // Written in the way of addModel.
      else if (!(await staged.publish('m', entry)) && !(await staged.replace('m', entry))) round--;
    }
    changing--;
  };
  const seen = new Set<string>();
  const look = async (): Promise<void> => {
    while (changing > 0) {
      const model = await storedModel('m');
      // The file may be replaced before it is read; it is never another one than the entry says.
      const bytes = model && (await readFile(model.path).catch(() => undefined));
      if (!bytes) continue;
      expect(sha256(bytes)).toBe(model.sha256);
      seen.add(model.sha256);
    }
  };
  await Promise.all([change(), change(), change(), change(), look(), look()]);
  expect(seen.size).toBeGreaterThan(1);
  expect(readdirSync(registryFolder()).filter((name) => name.startsWith('.'))).toEqual([]);
  rmSync(folder, { recursive: true });
});

test('what a killed process left is taken away after a day, not before', async () => {
  const place = (name: string) => join(registryFolder(), name);
  await mkdir(place('.new-old'), { recursive: true });
  await mkdir(place('.old-old'));
  await mkdir(place('.new-now'));
  const yesterday = new Date(Date.now() - 25 * 3600 * 1000);
  for (const name of ['.new-old', '.old-old']) utimesSync(place(name), yesterday, yesterday);
  await using staged = await Staged.copy(testModel('lite0'));
  expect(staged.path).toContain('.new-');
  expect(readdirSync(registryFolder())).toContain('.new-now');
  expect(readdirSync(registryFolder()).filter((name) => name.endsWith('-old'))).toEqual([]);
});
