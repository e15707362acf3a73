/** Models that nobody knows are loaded in a process of their own first. */
import type { ForkOptions } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';

import { HyperIQA, type LoadOptions } from '../../src/index.js';
import { FaceDetector } from '../../src/faces/index.js';
import { addModel, verifyModel } from '../../src/models/index.js';
import { sha256OfFile } from '../../src/files/sha256.js';
import { registryFolder } from '../../src/model-file/registered.js';
import { tryModel } from '../../src/model-file/trial.js';
import { cacheFolder } from '../../src/support/cache-folder.js';
import { errorWith } from '../helpers/errors.js';
import { faceModel, qualityModel, recordsOf, withForward, writeRecords } from './archives.js';
import { useOwnCache } from './cache.js';
import { findLibTorch } from '../helpers/libtorch.js';

/** Program to run instead of the trial's own; undefined: the trial's own. */
let instead: string | undefined;
let sea = false;
const started: ForkOptions[] = [];
vi.mock('node:child_process', async (original) => {
  const real = await original<typeof import('node:child_process')>();
  return {
    ...real,
    fork: (file: string, args: string[], options: ForkOptions) => {
      started.push(options);
      return real.fork(instead ?? file, args, options);
    },
  };
});
vi.mock('node:sea', () => ({ isSea: () => sea }));

useOwnCache();
const loading: LoadOptions = { device: 'cpu', graphMode: 'freeze', threads: 1, batchSize: 4 };
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hyperiqa-trial-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => {
  instead = undefined;
  sea = false;
  started.length = 0;
});

let copies = 0;
/** A copy of the package's model that no process knows: another top folder is another SHA-256. */
async function unknownModel(from = qualityModel): Promise<string> {
  const records = await recordsOf(from);
  return await writeRecords(join(folder, `unknown-${++copies}.pt`), records.set(`extra/${copies}`, Buffer.from('x')));
}

const load = async (path: string, options: LoadOptions = {}) => {
  await using iqa = await HyperIQA.load(path, { ...loading, ...options });
  return iqa.info.model.sha256;
};

/** A program that takes the place of the trial's. */
function program(text: string): string {
  const file = join(folder, 'instead.mjs');
  writeFileSync(file, text);
  return file;
}

test('an unknown model is tried once, and known by its content from then on', async () => {
  const path = await unknownModel();
  const sha256 = await load(path);
  expect(started).toHaveLength(1);
  const [list] = readdirSync(join(cacheFolder()!, 'models-tried'));
  expect(JSON.parse(readFileSync(join(cacheFolder()!, 'models-tried', list!), 'utf8'))).toEqual({
    formatVersion: 1,
    models: [sha256],
  });
  copyFileSync(path, join(folder, 'copy.pt'));
  await load(join(folder, 'copy.pt'));
  expect(started).toHaveLength(1);
  // Registered models have been tried, too.
  await addModel(path, { name: 'tried' });
  await load('tried');
  expect(started).toHaveLength(1);
  await load(await unknownModel());
  expect(started).toHaveLength(2);
});

test('the models of the package need no trial', async () => {
  await load(qualityModel);
  await (await FaceDetector.load(faceModel)).dispose();
  expect(started).toHaveLength(0);
});

test('an unknown face detector is tried as one', async () => {
  await (await FaceDetector.load(await unknownModel(faceModel))).dispose();
  expect(started).toHaveLength(1);
});

test.each(['not JSON', '{"formatVersion":1,"models":["x"]}', '{"formatVersion":2,"models":[]}', `"${'a'.repeat(100_000)}"`])(
  'a damaged list counts for nothing and is written anew: %.30s',
  async (text) => {
    const path = await unknownModel();
    const place = join(cacheFolder()!, 'models-tried');
    mkdirSync(place, { recursive: true });
    for (const list of readdirSync(place)) writeFileSync(join(place, list), text);
    const sha256 = await load(path);
    expect(started).toHaveLength(1);
    const [list, ...more] = readdirSync(place);
    expect(more).toEqual([]);
    expect(JSON.parse(readFileSync(join(place, list!), 'utf8'))).toMatchObject({ models: [sha256] });
  },
);

test('a process that crashes is an error, and nothing stays behind', async () => {
  const path = await unknownModel();
  instead = program(`process.send({ state: 'started' }, () => process.kill(process.pid, 'SIGSEGV'));`);
  const error = errorWith('ERR_MODEL_FORMAT', /the process that loaded it was ended \(SIGSEGV\)/);
  await expect(load(path)).rejects.toEqual(error);
  await expect(addModel(path, { name: 'crash' })).rejects.toEqual(error);
  expect(readdirSync(registryFolder()).filter((name) => name.startsWith('.new-') || name === 'crash')).toEqual([]);
  // It was not remembered as good.
  instead = undefined;
  await load(path);
  expect(started).toHaveLength(3);
});

test('what the process says at its end is in the message', async () => {
  instead = program(`console.error('out of luck'); process.exit(7);`);
  await expect(load(await unknownModel())).rejects.toEqual(
    errorWith('ERR_MODEL_FORMAT', /was ended \(exit code 7\); it said: out of luck/),
  );
});

test('a model that computes for ever is ended', async () => {
  // Twelve seconds and more of matrix products, which are all on the list.
  const product = 'y = torch.bmm(y, y)\n'.repeat(1500);
  const path = await withForward(
    join(folder, 'slow.pt'),
    `y = torch.view(torch.slice(torch.flatten(torch.to(patches, 6)), 0, 0, 147456), [1, 384, 384])\ny = torch.bmm(y, y)\nz = torch.cat([y, y, y, y], 1)\ny = torch.cat([z, z, z, z], 2)\n${product}`,
    'torch.mean(y, [1, 2])',
  );
  const trial = { path, kind: 'quality', libtorch: findLibTorch().path } as const;
  await expect(tryModel(trial, undefined, { milliseconds: 6000, memory: 2 ** 32 })).rejects.toEqual(
    errorWith('ERR_MODEL_FORMAT', /did not end within 6 seconds/),
  );
});

test('a model that takes much memory is ended', async () => {
  const path = await withForward(
    join(folder, 'large.pt'),
    `y = torch.unsqueeze(torch.slice(torch.flatten(torch.to(patches, 6)), 0, 0, 40000), 1)\nz = torch.add(y, torch.view(y, [1, 40000]))`,
    'torch.mean(z, [1])',
  );
  const trial = { path, kind: 'quality', libtorch: findLibTorch().path } as const;
  await expect(tryModel(trial, undefined, { milliseconds: 60_000, memory: 2 ** 30 })).rejects.toEqual(
    errorWith('ERR_OUT_OF_MEMORY', /takes more than 1\.1 GB/),
  );
});

test('an aborted load ends the process', async () => {
  const path = await unknownModel();
  const file = join(folder, 'pid');
  instead = program(`
    import { writeFileSync } from 'node:fs';
    writeFileSync(${JSON.stringify(file)}, String(process.pid));
    process.send({ state: 'started' });
    setInterval(() => undefined, 1000);`);
  const controller = new AbortController();
  const failed = expect(load(path, { signal: controller.signal })).rejects.toEqual(errorWith('ERR_ABORTED'));
  const pid = await vi.waitFor(() => Number(readFileSync(file, 'utf8')), 30_000);
  controller.abort();
  await failed;
  await vi.waitFor(() => { expect(() => process.kill(pid, 0)).toThrow('ESRCH'); }, 10_000);
});

test('where no process can be started, an unknown model is refused, and a trusted one is loaded', async () => {
  const path = await unknownModel();
  sea = true;
  await expect(load(path)).rejects.toEqual(errorWith('ERR_MODEL_UNTRUSTED', /a single executable application.*trustModel/));
  expect(started).toHaveLength(0);
  await load(path, { trustModel: true });
  await load(qualityModel);
});

test('the process has few variables of the environment, and no flags of this one', async () => {
  vi.stubEnv('SECRET_TOKEN', 'secret');
  vi.stubEnv('NODE_OPTIONS', '--no-warnings');
  try {
    await load(await unknownModel());
  } finally {
    vi.unstubAllEnvs();
  }
  const [{ env, execArgv }] = started as [ForkOptions];
  expect(env).toMatchObject({ HYPERIQA_CACHE: cacheFolder() });
  // Every variable that decides on LibTorch, addon and cache is passed on.
  const source = new URL('../../src/', import.meta.url);
  const libtorch = readdirSync(new URL('libtorch/', source)).filter((name) => name.endsWith('.ts'));
  const sources = [...libtorch.map((name) => `libtorch/${name}`), 'support/cache-folder.ts'].map((name) =>
    readFileSync(new URL(name, source), 'utf8'),
  );
  const read = sources.join().match(/(?<=\benv(?:ironment)?\.)[A-Z_]+/g) ?? [];
  expect(read.length).toBeGreaterThan(3);
  expect(Object.keys(env ?? {})).toEqual(expect.arrayContaining(read));
  expect(env).not.toHaveProperty('SECRET_TOKEN');
  expect(env).not.toHaveProperty('NODE_OPTIONS');
  expect(execArgv).toEqual([]);
});

test('trust is asked for, kept with the name, and changed only by replacing', async () => {
  const path = await withForward(join(folder, 'printing.pt'), 'print("printed")', 'torch.mean(torch.to(patches, 6), [1, 2, 3])');
  await expect(load(path)).rejects.toEqual(errorWith('ERR_MODEL_UNTRUSTED', /it calls print/));
  await expect(addModel(path, { name: 'printing' })).rejects.toEqual(errorWith('ERR_MODEL_UNTRUSTED'));
  // Its scores are not its own: that it runs is what counts.
  await expect(load(path, { trustModel: true })).rejects.toEqual(errorWith('ERR_MODEL_SELF_CHECK'));

  const good = await unknownModel();
  expect(await addModel(good, { name: 'good', trustModel: true })).toMatchObject({ trusted: true });
  await load('good');
  // Only the two without trust.
  expect(started).toHaveLength(2);
  expect(await verifyModel('good')).toMatchObject({ trusted: true });
  await expect(addModel(good, { name: 'good' })).rejects.toEqual(errorWith('ERR_MODEL_EXISTS', /as a trusted model/));
  expect(await addModel(good, { name: 'good', replace: true })).toMatchObject({ trusted: false });
  expect(await sha256OfFile(good)).toBe((await verifyModel('good')).sha256);
});
