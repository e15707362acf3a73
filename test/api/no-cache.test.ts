/** Without a cache folder, or with one that cannot be written: scoring works, and what needs a place says so. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

import { makeFolder } from '../../src/files/make-folder.js';
import { findLibTorch } from '../helpers/libtorch.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const linux = process.platform === 'linux';

/** Runs a module with the entries of the package as `hyperiqa`; what the script returns comes back. */
async function inProcess<T>(script: string, environment: NodeJS.ProcessEnv, options: string[] = []): Promise<T> {
  const entries = ['index.js', 'models/index.js', 'runtime/index.js'].map((name) => join(root, 'dist', name));
  const code = `const hyperiqa = Object.assign({}, ...(await Promise.all(${JSON.stringify(entries)}.map((name) => import(name)))));
    const failure = (work) => work.then(() => null, ({ code, message }) => ({ code, message }));
    console.log(JSON.stringify(await (async () => { ${script} })()));`;
  const env = { ...process.env, HYPERIQA_LIBTORCH: findLibTorch().path, ...environment };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...options, '--input-type=module', '--eval', code],
    // A hang is what the test is about.
    { env, cwd: root, timeout: 120_000 },
  );
  return JSON.parse(stdout) as T;
}

const load = `const iqa = await hyperiqa.HyperIQA.load(undefined, { device: 'cpu', graphMode: 'freeze' });
  const { score, warnings } = await iqa.score({ data: new Uint8Array(300 * 300 * 3), width: 300, height: 300, channels: 3 });
  await iqa.dispose();
  return { isScored: Number.isFinite(score), info: iqa.info.warnings, warnings };`;
const noHome = ['--import', join(root, 'test/fixtures/no-home.mjs')];
const unset = { HYPERIQA_CACHE: undefined, XDG_CACHE_HOME: undefined };

interface Outcome {
  isScored: boolean;
  info: { code: string; message: string }[];
  warnings: unknown[];
}

test('a user without a home folder can score; info has a warning', { timeout: 150_000 }, async () => {
  const { isScored, info, warnings } = await inProcess<Outcome>(load, unset, noHome);
  expect(isScored).toBe(true);
  expect(info.map(({ code }) => code)).toEqual(['WARN_NO_CACHE']);
  expect(info[0]!.message).toContain('HYPERIQA_CACHE');
  // A matter of the load, not of each image.
  expect(warnings).toEqual([]);
});

test('a user without a home folder: what must be kept says where it could be', { timeout: 150_000 }, async () => {
  const outcome = await inProcess<Record<string, unknown>>(
    `return {
      folder: (await hyperiqa.listRuntimes()).folder,
      models: await hyperiqa.listModels(),
      install: await failure(hyperiqa.installRuntime('cpu')),
      use: await failure(hyperiqa.useRuntime('cpu')),
      add: await failure(hyperiqa.addModel('models/hyperiqa-lite0.pt', { name: 'x', trustModel: true })),
      remove: await failure(hyperiqa.removeModel('x')),
    };`,
    unset,
    noHome,
  );
  const naming = (code: string) => ({ code, message: expect.stringMatching(/no cache folder.*Set HYPERIQA_CACHE/) });
  expect(outcome).toMatchObject({
    folder: null,
    models: [],
    install: naming('ERR_RUNTIME_CACHE'),
    use: { code: 'ERR_RUNTIME_NOT_INSTALLED' },
    add: naming('ERR_OUTPUT'),
    remove: { code: 'ERR_MODEL_NOT_FOUND' },
  });
});

test.runIf(linux)('a cache folder below /proc neither hangs a load nor ends it', { timeout: 150_000 }, async () => {
  const { isScored, info } = await inProcess<Outcome>(load, { HYPERIQA_CACHE: '/proc/x' });
  expect(isScored).toBe(true);
  expect(info).toEqual([{ code: 'WARN_NO_CACHE', message: expect.stringMatching(/\/proc\/x cannot be written/) }]);
});

test.runIf(linux)('folders that cannot be made are an error, below /proc as anywhere', async () => {
  await expect(makeFolder('/proc/x/a/b')).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(makeFolder('/proc/self')).resolves.toBeUndefined();
  const folder = mkdtempSync(join(tmpdir(), 'hyperiqa-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  await Promise.all([1, 2, 3].map(() => makeFolder(join(folder, 'a/b/c'))));
  expect(statSync(join(folder, 'a/b/c')).isDirectory()).toBe(true);
  writeFileSync(join(folder, 'file'), '');
  await expect(makeFolder(join(folder, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeFolder(join(folder, 'file/a'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  expect(readdirSync(folder).sort()).toEqual(['a', 'file']);
});

test.runIf(linux)('installing below /proc is an error that names the remedy', { timeout: 150_000 }, async () => {
  const error = await inProcess(`return failure(hyperiqa.installRuntime('cpu', { from: 'x.whl' }));`, {
    HYPERIQA_CACHE: '/proc/x',
  });
  expect(error).toEqual({ code: 'ERR_RUNTIME_CACHE', message: expect.stringContaining('set HYPERIQA_CACHE') });
});
