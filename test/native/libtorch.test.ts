/** Finding LibTorch and the addon: the order of places, wrong versions, missing files; scripts and sources agree. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { provideLibTorch } from '../../src/libtorch/install/provide.js';
import { cacheFolder } from '../../src/support/cache-folder.js';
import { cachedLibTorch, inspectLibTorch, LIBTORCH_SOURCES } from '../../src/libtorch/locate.js';
import { root } from './setup.js';
import { HyperIQAError, type ErrorCode } from '../../src/index.js';
import { findLibTorch, libraryFiles, LIBTORCH_VERSION } from '../helpers/libtorch.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hyperiqa-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
  rmSync(folder, { recursive: true });
});

/** A folder that looks like LibTorch from outside. */
function fake(name: string, mark?: [file: string, text: string]): string {
  const path = join(folder, name);
  mkdirSync(join(path, 'lib'), { recursive: true });
  for (const file of libraryFiles(path)) writeFileSync(file, 'not a library');
  if (mark) {
    mkdirSync(join(path, mark[0], '..'), { recursive: true });
    writeFileSync(join(path, mark[0]), mark[1]);
  }
  return path;
}
const right: [string, string] = ['build-version', `${LIBTORCH_VERSION}+cpu\n`];

function failure(call: () => unknown): HyperIQAError {
  try {
    call();
  } catch (error) {
    if (error instanceof HyperIQAError) return error;
    throw error;
  }
  throw new Error('succeeded');
}

describe('findLibTorch', () => {
  test('option, HYPERIQA_LIBTORCH, LIBTORCH, cache folder: in this order', () => {
    const [a, b, c] = [fake('a', right), fake('b', right), fake('c', right)];
    expect(findLibTorch(a, { HYPERIQA_LIBTORCH: b, LIBTORCH: c })).toEqual({
      path: a,
      version: LIBTORCH_VERSION,
      source: 'option',
    });
    expect(findLibTorch(undefined, { HYPERIQA_LIBTORCH: b, LIBTORCH: c }).source).toBe('HYPERIQA_LIBTORCH');
    expect(findLibTorch(undefined, { HYPERIQA_LIBTORCH: '', LIBTORCH: c })).toMatchObject({ path: c, source: 'LIBTORCH' });
    vi.stubEnv('HYPERIQA_CACHE', folder);
    const cached = fake(join('libtorch', `${LIBTORCH_VERSION}-${process.platform}-${process.arch}`, 'torch'), right);
    expect(findLibTorch(undefined, {})).toMatchObject({ path: cached, source: 'cache' });
  });

  test('the runtime in use goes before the cache folder, and must be whole', () => {
    vi.stubEnv('HYPERIQA_CACHE', folder);
    fake(join('libtorch', `${LIBTORCH_VERSION}-${process.platform}-${process.arch}`, 'torch'), right);
    const name = `${LIBTORCH_VERSION}-${process.platform}-${process.arch}`;
    const runtime = fake(join('runtimes', `${name}-cuda`, 'torch'), right);
    expect(findLibTorch(undefined, {})).toMatchObject({ source: 'cache' });
    writeFileSync(join(folder, 'runtimes', `${name}.selected`), 'cuda\n');
    expect(findLibTorch(undefined, {})).toMatchObject({ path: runtime, source: 'runtime' });
    expect(findLibTorch(undefined, { LIBTORCH: runtime })).toMatchObject({ source: 'LIBTORCH' });
    expect(LIBTORCH_SOURCES.slice(0, 5).map((source) => inspectLibTorch(source, undefined, {}).state)).toEqual([
      ...['absent', 'absent', 'absent', 'usable', 'usable'],
    ]);
    rmSync(libraryFiles(runtime)[0]!);
    expect(failure(() => findLibTorch(undefined, {}))).toMatchObject({
      code: 'ERR_LIBTORCH_NOT_FOUND',
      message: expect.stringContaining('runtime install cuda') as string,
    });
  });

  test.each([
    ['a LibTorch archive', ['build-version', `${LIBTORCH_VERSION}+cpu\n`]],
    ['a wheel', ['version.py', `from typing import Optional\n\n__version__ = '${LIBTORCH_VERSION}+cu130'\ndebug = False\n`]],
    ['a folder with headers', ['include/torch/headeronly/version.h', `#define TORCH_VERSION \\\n  "${LIBTORCH_VERSION}"\n`]],
  ] as [string, [string, string]][])('knows the version of %s', (_, mark) => {
    expect(findLibTorch(fake('x', mark)).version).toBe(LIBTORCH_VERSION);
  });

  test.each([
    ['build-version', '2.12.1+cpu\n', '2.12.1'],
    ['version.py', "__version__ = '2.14.0'\n", '2.14.0'],
    ['include/torch/headeronly/version.h', '#define TORCH_VERSION "2.13.1"\n', '2.13.1'],
    ['build-version', `${LIBTORCH_VERSION}.dev20260101\n`, `${LIBTORCH_VERSION}.dev20260101`],
    ['build-version', 'nonsense', 'unknown version'],
  ])('refuses another version, and names both: %s %j', (file, text, version) => {
    const path = fake('x', [file, text]);
    const error = failure(() => findLibTorch(undefined, { LIBTORCH: path }));
    expect(error.code).toBe('ERR_LIBTORCH_VERSION');
    expect(error.message).toContain(version);
    expect(error.message).toContain(LIBTORCH_VERSION);
    expect(error.message).toContain(path);
    expect(error.message).toMatch(/HYPERIQA_LIBTORCH.*unset LIBTORCH/);
  });

  test('refuses a cached one of another version with the way to replace it', () => {
    vi.stubEnv('HYPERIQA_CACHE', folder);
    fake(join('libtorch', `${LIBTORCH_VERSION}-${process.platform}-${process.arch}`, 'torch'), ['build-version', '1.0']);
    expect(failure(() => findLibTorch(undefined, {}))).toMatchObject({
      code: 'ERR_LIBTORCH_VERSION',
      message: expect.stringContaining('node scripts/libtorch.mjs') as string,
    });
  });

  test('a named folder without libraries is an error; nothing else is tried', () => {
    vi.stubEnv('HYPERIQA_CACHE', folder);
    fake(join('libtorch', `${LIBTORCH_VERSION}-${process.platform}-${process.arch}`, 'torch'), right);
    for (const call of [
      () => findLibTorch(join(folder, 'nothing')),
      () => findLibTorch(undefined, { HYPERIQA_LIBTORCH: join(folder, 'nothing') }),
      () => findLibTorch(undefined, { LIBTORCH: join(folder, 'nothing') }),
    ]) {
      const error = failure(call);
      expect(error.code).toBe('ERR_LIBTORCH_NOT_FOUND');
      expect(error.message).toContain(join(folder, 'nothing'));
    }
  });

  test('lists every place where it looked', () => {
    vi.stubEnv('HYPERIQA_CACHE', folder);
    const error = failure(() => findLibTorch(undefined, {}));
    expect(error.code).toBe('ERR_LIBTORCH_NOT_FOUND');
    for (const place of ['libtorch option', '$HYPERIQA_LIBTORCH', '$LIBTORCH', folder, '@hyperiqa/libtorch-']) {
      expect(error.message).toContain(place);
    }
    expect(error.message).toContain('node scripts/libtorch.mjs');
  });
});

describe('loadBinding', () => {
  /** A fresh copy of the module, as in a process that has loaded nothing. */
  async function loadFailure(options?: { libtorch?: string }): Promise<{ code: ErrorCode; message: string }> {
    const { loadBinding } = await import('../../src/libtorch/addon.js');
    return loadBinding(options).then(
      () => Promise.reject(new Error('succeeded')),
      (error: unknown) => error as HyperIQAError,
    );
  }

  test('gives the same objects every time', async () => {
    const { loadBinding } = await import('../../src/libtorch/addon.js');
    const first = await loadBinding();
    expect(first.libtorch.version).toBe(LIBTORCH_VERSION);
    expect(await loadBinding()).toBe(first);
    expect(await loadBinding({ libtorch: first.libtorch.path })).toBe(first);
  });

  test('refuses a second LibTorch in the process', async () => {
    const { loadBinding } = await import('../../src/libtorch/addon.js');
    const { libtorch } = await loadBinding();
    const error = await loadFailure({ libtorch: fake('second', right) });
    expect(error.code).toBe('ERR_LIBTORCH_LOAD');
    expect(error.message).toContain(libtorch.path);
    expect(error.message).toContain(join(folder, 'second'));
    expect((await loadBinding()).libtorch).toEqual(libtorch);
  });

  test('a wrong version is refused before anything is opened', async () => {
    const error = await loadFailure({ libtorch: fake('old', ['build-version', '2.0.1+cpu']) });
    expect(error.code).toBe('ERR_LIBTORCH_VERSION');
  });

  test('says what to do where the addon is missing', async () => {
    vi.stubEnv('HYPERIQA_BUILD', join(folder, 'empty'));
    const error = await loadFailure();
    expect(error.code).toBe('ERR_ADDON_NOT_FOUND');
    expect(error.message).toContain(join(folder, 'empty', 'hyperiqa_loader.node'));
    expect(error.message).toContain('npm run build');
  });

  test.runIf(process.platform === 'linux')('says that the system is too old for the addon', async () => {
    // Simulate an addon that was built on a system with a newer C library.
    const loader = readFileSync(join(root, 'build/Release/hyperiqa_loader.node')).toString('latin1');
    const newer = loader.replace(/GLIBC_2\.\d\d(?=\0)/g, 'GLIBC_9.99');
    expect(newer).not.toBe(loader);
    writeFileSync(join(folder, 'hyperiqa_loader.node'), newer, 'latin1');
    vi.stubEnv('HYPERIQA_BUILD', folder);
    const error = await loadFailure();
    expect(error.code).toBe('ERR_ADDON_NOT_FOUND');
    expect(error.message).toContain("system's C or C++ library is too old: the addon needs GLIBC_9.99");
  });

  test('says why an addon cannot be loaded', async () => {
    writeFileSync(join(folder, 'hyperiqa_loader.node'), 'text');
    vi.stubEnv('HYPERIQA_BUILD', folder);
    const error = await loadFailure();
    expect(error.code).toBe('ERR_ADDON_NOT_FOUND');
    expect(error.message).toMatch(/hyperiqa_loader\.node cannot be loaded: .*(?:invalid ELF header|file too short)/);
  });
});

describe('the cache folder', () => {
  const of = (platform: NodeJS.Platform, environment: NodeJS.ProcessEnv, there: string[] = [], home = '/home/me') =>
    cacheFolder({ platform, environment, home, exists: (path) => there.includes(path) });

  test('is the one that HYPERIQA_CACHE names, on every platform', () => {
    for (const platform of ['linux', 'darwin', 'win32'] as const) {
      expect(of(platform, { HYPERIQA_CACHE: '/a/b', XDG_CACHE_HOME: '/x', LOCALAPPDATA: 'C:\\Local' })).toBe(
        resolve('/a/b'),
      );
      expect(of(platform, { HYPERIQA_CACHE: 'relative' })).toBe(resolve('relative'));
    }
  });

  test('is where Linux has caches, by the XDG specification', () => {
    expect(of('linux', {})).toBe('/home/me/.cache/hyperiqa');
    expect(of('linux', { HYPERIQA_CACHE: '', XDG_CACHE_HOME: '/x' })).toBe('/x/hyperiqa');
    // The specification has relative paths ignored.
    expect(of('linux', { XDG_CACHE_HOME: 'relative' })).toBe('/home/me/.cache/hyperiqa');
  });

  test('is where macOS and Windows have caches, unless the one of an earlier version is in use', () => {
    const mac = '/home/me/Library/Caches/hyperiqa';
    const old = '/home/me/.cache/hyperiqa';
    expect(of('darwin', {})).toBe(mac);
    expect(of('darwin', {}, [old])).toBe(old);
    expect(of('darwin', {}, [old, mac])).toBe(mac);
    expect(of('darwin', { XDG_CACHE_HOME: '/x' }, ['/x/hyperiqa'])).toBe('/x/hyperiqa');
    const home = 'C:\\Users\\me';
    const local = 'C:\\Users\\me\\AppData\\Local\\hyperiqa\\Cache';
    expect(of('win32', {}, [], home)).toBe(local);
    expect(of('win32', { LOCALAPPDATA: 'D:\\Local' }, [], home)).toBe('D:\\Local\\hyperiqa\\Cache');
    const oldWindows = 'C:\\Users\\me\\.cache\\hyperiqa';
    expect(of('win32', {}, [oldWindows], home)).toBe(oldWindows);
    expect(of('win32', {}, [oldWindows, local], home)).toBe(local);
  });

  test('is none where the user has no home folder and nothing else is named', () => {
    const without = (platform: NodeJS.Platform, environment: NodeJS.ProcessEnv = {}) =>
      cacheFolder({ platform, environment, home: undefined, exists: () => false });
    for (const platform of ['linux', 'darwin', 'win32'] as const) {
      expect(without(platform)).toBeUndefined();
      expect(without(platform, { HYPERIQA_CACHE: '/a' })).toBe(resolve('/a'));
    }
    expect(without('linux', { XDG_CACHE_HOME: '/x' })).toBe('/x/hyperiqa');
  });
});

test.skipIf(process.env.HYPERIQA_LIBTORCH !== undefined || process.env.LIBTORCH !== undefined)(
  'the LibTorch that a checkout was built with is the one that is found',
  async () => {
    expect(await provideLibTorch()).toBe(cachedLibTorch());
  },
);
