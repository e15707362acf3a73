import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { PINNED_LIBTORCH_VERSION } from '../../src/libtorch/version.js';
import { LIBTORCH_VERSION } from '../helpers/libtorch.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** A folder that CMake takes for LibTorch as far as the version. */
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hyperiqa-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function withHeader(version: string): string {
  const header = join(folder, 'include/torch/headeronly/version.h');
  mkdirSync(dirname(header), { recursive: true });
  writeFileSync(header, `#define TORCH_VERSION \\\n  "${version}"\n`);
  return folder;
}

function run(
  command: string,
  args: string[],
  environment: Record<string, string> = {},
): { status: number; said: string } {
  const env = { ...process.env, HYPERIQA_LIBTORCH_VERSION: undefined, ...environment };
  const end = spawnSync(command, args, { env, encoding: 'utf8', timeout: 60_000 });
  return { status: end.status ?? -1, said: (end.stdout + end.stderr).replaceAll(/\s+/g, ' ') };
}

describe('the version of LibTorch is named in one file', () => {
  test('which holds the wheels of that version', () => {
    const { libtorch, platforms } = JSON.parse(read('src/libtorch/wheels.json')) as {
      libtorch: string;
      platforms: Record<string, { project: string; version: string; sha256: string; kinds: string[] }[]>;
    };
    expect(libtorch).toBe(PINNED_LIBTORCH_VERSION);
    for (const [platform, wheels] of Object.entries(platforms)) {
      const torch = wheels.find(({ project, kinds }) => project === 'torch' && kinds.includes('cpu'));
      expect(torch, platform).toMatchObject({ version: libtorch });
    }
  });

  test('training and documents have the same', () => {
    const documents = ['README.md', 'npm/README.md', ...readdirSync(join(root, 'docs')).map((file) => `docs/${file}`)];
    for (const file of documents.filter((name) => name.endsWith('.md'))) {
      const named = [...read(file).matchAll(/(?:LibTorch|PyTorch|torch==|torch) (?:\(`)?(\d+\.\d+\.\d+)/g)];
      for (const [, version] of named) expect(version, file).toBe(PINNED_LIBTORCH_VERSION);
    }
    for (const file of readdirSync(join(root, 'models')).filter((name) => /^requirements.*\.txt$/.test(name))) {
      const pinned = /^torch==(\S+)/m.exec(read(`models/${file}`))?.[1];
      if (pinned !== undefined) expect(pinned, file).toBe(PINNED_LIBTORCH_VERSION);
    }
  });

  test('no source, script or build file repeats it', () => {
    const tracked = run('git', [
      '-C',
      root,
      'ls-files',
      'src',
      'native',
      'scripts',
      'npm',
      'CMakeLists.txt',
      '.github',
    ]);
    // Another number may be a score or a shape; in quotes, behind == or with LibTorch's name it is a version.
    const version = new RegExp(`(?:['"=]|torch-?\\s?)${PINNED_LIBTORCH_VERSION.replaceAll('.', '\\.')}`, 'i');
    const files = tracked.said.split(' ').filter((file) => !file.startsWith('native/test/'));
    expect(files.length).toBeGreaterThan(100);
    const repeating = files.filter(
      (file) => /\.(?:ts|mjs|py|cpp|h|c|cmake|yml|txt)$/.test(file) && version.test(read(file)),
    );
    expect(repeating).toEqual([]);
  });
});

describe('another version', () => {
  const build = (version: string, args: string[] = [], environment = {}) =>
    run('cmake', ['-S', root, '-B', join(folder, 'build'), `-DLIBTORCH=${withHeader(version)}`, ...args], environment);

  test('is refused by CMake, with the way to try it', () => {
    const end = build('2.1.2');
    expect(end.status).not.toBe(0);
    for (const words of [PINNED_LIBTORCH_VERSION, '2.1.2', '-DHYPERIQA_LIBTORCH_VERSION=2.1.2']) {
      expect(end.said).toContain(words);
    }
  });

  test.each([
    ['a definition', ['-DHYPERIQA_LIBTORCH_VERSION=2.1.2'], {}],
    ['the environment', [], { HYPERIQA_LIBTORCH_VERSION: '2.1.2' }],
  ])('is taken by CMake where %s names it', (_, args, environment) => {
    // The folder has no libraries, which are looked for next.
    expect(build('2.1.2', args, environment).said).toMatch(
      /Could not find .*libraries|Could not find HYPERIQA_LIB_c10/i,
    );
    expect(build(PINNED_LIBTORCH_VERSION, args, environment).said).toContain('LibTorch 2.1.2 is needed');
  });

  test('is not downloaded', () => {
    const end = run(process.execPath, [join(root, 'scripts/libtorch.mjs')], {
      HYPERIQA_LIBTORCH_VERSION: '2.1.2',
      HYPERIQA_CACHE: folder,
      HYPERIQA_LIBTORCH: '',
      LIBTORCH: '',
    });
    expect(end.status).toBe(1);
    for (const words of ['2.1.2', PINNED_LIBTORCH_VERSION, 'no other is downloaded']) expect(end.said).toContain(words);
  });

  test('is refused where the addons were built for this one', () => {
    const lib = withHeader('2.1.2');
    mkdirSync(join(lib, 'lib'));
    for (const name of [
      'libc10.so',
      'libtorch_cpu.so',
      'libc10.dylib',
      'libtorch_cpu.dylib',
      'c10.dll',
      'torch_cpu.dll',
    ]) {
      writeFileSync(join(lib, 'lib', name), '');
    }
    const script = `import { runtimeInfo } from ${JSON.stringify(join(root, 'dist/index.js'))};
      await runtimeInfo({ libtorch: process.argv[1] }).catch((error) => console.log(error.code, error.message));`;
    const end = run(process.execPath, ['--input-type=module', '--eval', script, lib], {
      HYPERIQA_LIBTORCH_VERSION: '2.1.2',
    });
    expect(end.said).toMatch(/^ERR_LIBTORCH_VERSION .*built for LibTorch \d/);
    expect(end.said).toContain(LIBTORCH_VERSION);
    expect(end.said).toContain('HYPERIQA_LIBTORCH_VERSION');
  });
});
