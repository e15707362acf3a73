/** Measurements of a load: when they are made, by which of several processes, where they are kept, how they are left out. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { HyperIQA, type Info, type LoadOptions } from '../../src/index.js';
import { openLocked } from '../../src/locks/file-lock.js';
import { errorWith } from '../helpers/errors.js';
import { testModel } from '../helpers/models.js';
import { findLibTorch } from '../helpers/libtorch.js';

// Found before the cache folder, where it may lie, is another one.
const libtorch = findLibTorch().path;
const root = fileURLToPath(new URL('../../', import.meta.url));
const open: LoadOptions = { device: 'cpu', threads: 2, selfCheck: false, trustModel: true };
// Quicker: only the threads a worker and the batch size are measured.
const loading: LoadOptions = { ...open, graphMode: 'freeze' };

let cache: string;
const tuningFile = () => join(cache, 'tuning', 'graph-modes.json');
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'hyperiqa-'));
  vi.stubEnv('HYPERIQA_CACHE', cache);
  vi.stubEnv('HYPERIQA_LIBTORCH', libtorch);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true });
});

/** `info` of a load in a process of its own, which has measured nothing before. */
async function infoInProcess(options: LoadOptions): Promise<Info> {
  const script = `const { HyperIQA } = await import(${JSON.stringify(join(root, 'dist/index.js'))});
    const iqa = await HyperIQA.load(${JSON.stringify(testModel('lite0'))}, ${JSON.stringify(options)});
    console.log(JSON.stringify(iqa.info));
    await iqa.dispose();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    env: process.env,
    cwd: root,
    timeout: 280_000,
  });
  return JSON.parse(stdout) as Info;
}

const settings = ({ graphMode, workers, threadsPerWorker, batchSize }: Info) => ({
  graphMode,
  workers,
  threadsPerWorker,
  batchSize,
});

test(
  'of three processes with one empty cache one measures, and all use what it found',
  { timeout: 300_000 },
  async () => {
    const infos = await Promise.all([1, 2, 3].map(() => infoInProcess(open)));
    expect(infos.map(({ tuning }) => tuning).sort()).toEqual(['cached', 'cached', 'measured']);
    expect(infos.map(settings)).toEqual([1, 2, 3].map(() => settings(infos[0]!)));
    expect(infos.flatMap(({ warnings }) => warnings)).toEqual([]);
    expect(readdirSync(join(cache, 'tuning')), 'no lock is left behind').toEqual(['graph-modes.json']);
  },
);

test('a cache that cannot be written serves what it has, without a warning', { timeout: 300_000 }, async () => {
  const measured = await infoInProcess(loading);
  expect(measured.tuning).toBe('measured');
  const folders = [cache, join(cache, 'tuning')];
  const state = () => [readFileSync(tuningFile(), 'utf8'), ...folders.map((folder) => statSync(folder).mtimeMs)];
  const before = state();
  for (const folder of folders) chmodSync(folder, 0o555);
  try {
    const cached = await infoInProcess(loading);
    expect(cached).toMatchObject({ tuning: 'cached', warnings: [] });
    expect(settings(cached)).toEqual(settings(measured));
    // Also for root, whom modes do not bind, nothing is written.
    expect(state()).toEqual(before);
  } finally {
    for (const folder of folders) chmodSync(folder, 0o755);
  }
});

test('what cannot be stored is measured all the same, and info says so', { timeout: 150_000 }, async () => {
  // A folder is where the file should be.
  mkdirSync(join(tuningFile(), 'in-the-way'), { recursive: true });
  const info = await infoInProcess(loading);
  expect(info.tuning).toBe('not-stored');
  expect(info.warnings).toEqual([
    { code: 'WARN_NO_CACHE', message: expect.stringMatching(/measured at this load are not kept.*HYPERIQA_CACHE/) },
  ]);
});

test('tuning: false measures nothing and leaves the cache alone', async () => {
  vi.stubEnv('HYPERIQA_CACHE', process.platform === 'linux' ? '/proc/x' : join(cache, 'file'));
  const iqa = await HyperIQA.load(testModel('lite0'), { ...open, tuning: false });
  try {
    expect(iqa.info).toMatchObject({ tuning: 'default', graphMode: 'freeze', workers: 2, batchSize: 4, warnings: [] });
    const { provenance } = await iqa.score({
      data: new Uint8Array(300 * 300 * 3),
      width: 300,
      height: 300,
      channels: 3,
    });
    expect(provenance.graphMode).toBe('freeze');
  } finally {
    await iqa.dispose();
  }
  const given = await HyperIQA.load(testModel('lite0'), {
    ...open,
    tuning: false,
    graphMode: 'onednn',
    batchSize: 2,
  });
  expect(given.info).toMatchObject({ tuning: 'default', graphMode: 'onednn', batchSize: 2, warnings: [] });
  await given.dispose();
  expect(readdirSync(cache)).toEqual([]);
  await expect(HyperIQA.load(testModel('lite0'), { tuning: 1 as never })).rejects.toEqual(
    errorWith('ERR_INVALID_ARGUMENT', /tuning must be true or false/),
  );
});

test('where the options leave nothing open nothing is measured', async () => {
  const iqa = await HyperIQA.load(testModel('lite0'), { ...loading, threads: 1, batchSize: 2 });
  expect(iqa.info).toMatchObject({ tuning: 'default', warnings: [] });
  await iqa.dispose();
  expect(readdirSync(cache)).toEqual([]);
});

test('a signal ends the wait for another process, and the next load can measure', { timeout: 150_000 }, async () => {
  mkdirSync(join(cache, 'tuning'));
  const { handle } = await openLocked(`${tuningFile()}.measuring`);
  const controller = new AbortController();
  const load = HyperIQA.load(testModel('lite0'), { ...loading, signal: controller.signal });
  let isOver = false;
  load.catch(() => undefined).finally(() => (isOver = true));
  await sleep(2_000);
  expect(isOver, 'it waits').toBe(false);
  controller.abort();
  await expect(load).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  await handle.close();
  const iqa = await HyperIQA.load(testModel('lite0'), loading);
  expect(iqa.info.tuning).toBe('measured');
  await iqa.dispose();
});
