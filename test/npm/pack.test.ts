/** npm/pack.mjs refuses what would not run elsewhere, or may not be given away. (npm/proof shows that the rest runs.) */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { closure, compareVersions, dynamicSection, symbolVersions } from '../../npm/lib/elf.mjs';
import { writeLicences } from '../../npm/lib/licences.mjs';
import { pack } from '../../npm/pack.mjs';
import { platforms } from '../../npm/platforms.mjs';
import { findLibTorch } from '../helpers/libtorch.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const addon = join(root, 'build/Release/hyperiqa.node');
const lib = join(findLibTorch().path, 'lib');
const rules = platforms['linux-x64'].licences;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hyperiqa-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe.runIf(process.platform === 'linux')('what a library asks for', () => {
  test('the newest symbol versions, as objdump lists them', () => {
    const symbols = execFileSync('objdump', ['--dynamic-syms', addon], { encoding: 'utf8', maxBuffer: 2 ** 26 });
    const asked = [...symbols.matchAll(/\*UND\*.*\b(GLIBC|GLIBCXX|CXXABI|GCC)_([\d.]+)/g)];
    const newest: Record<string, string> = {};
    for (const [, set, version] of asked) {
      if (compareVersions(version!, newest[set!] ?? '0') > 0) newest[set!] = version!;
    }
    expect(Object.keys(newest)).toContain('GLIBC');
    expect(symbolVersions(addon)).toEqual(newest);
  });

  test('versions are compared number by number', () => {
    expect(['2.34', '2.9', '2.28', '2.9.1'].sort(compareVersions)).toEqual(['2.9', '2.9.1', '2.28', '2.34']);
  });

  test('all that libtorch_cpu needs and that no system has, and nothing else', () => {
    const found = closure([join(lib, 'libc10.so'), join(lib, 'libtorch_cpu.so')]);
    expect([...found.keys()]).toContain('libtorch_cpu.so');
    expect([...found.keys()]).not.toContain('libtorch_cuda.so');
    const needed = [...found.values()].flatMap((file) => dynamicSection(file).needed);
    const rest = [...new Set(needed)].filter((name) => !found.has(name)).sort();
    // Libraries that Debian's libc6, libgcc-s1 and libstdc++6 supply.
    const system = /^(?:ld-linux-.*|lib(?:c|dl|gcc_s|m|pthread|rt|stdc\+\+|util))\.so\.\d$/;
    expect(rest.filter((name) => !system.test(name))).toEqual([]);
  });

  test('a needed library that is nowhere is an error', () => {
    expect(() => closure([addon])).toThrow(/hyperiqa\.node needs libtorch_cpu\.so, which is not in/);
  });
});

describe('pack refuses', () => {
  test.runIf(process.platform === 'linux')('a file that asks for more than the floor', async () => {
    const call = pack({ only: ['addon'], out: join(folder, 'out'), platform: 'linux-x64', floor: { GLIBC: '2.2.5' } });
    await expect(call).rejects.toThrow(/hyperiqa.*\.node needs GLIBC_\S+, but .* from GLIBC_2\.2\.5 on/);
  });

  test('a LibTorch of another version', async () => {
    mkdirSync(join(folder, 'lib'));
    writeFileSync(join(folder, 'build-version'), '2.12.0+cpu\n');
    const call = pack({ only: ['libtorch'], out: join(folder, 'out'), libtorch: folder });
    await expect(call).rejects.toThrow(/LibTorch 2\.12\.0, not 2\.13\.0/);
  });

  test('a platform that the table does not have', async () => {
    await expect(pack({ platform: 'plan9-mips', out: join(folder, 'out') })).rejects.toThrow(/there are linux-x64, /);
  });

  test('a library without a recorded licence', () => {
    const call = () => {
      writeLicences({ libraries: ['libc10.so', 'libmystery.so'], rules, libtorch: folder, stage: folder });
    };
    expect(call).toThrow(/No licence is recorded for libmystery\.so/);
  });

  test('a library whose licence text is not there', () => {
    const call = () => {
      writeLicences({ libraries: ['libc10.so'], rules, libtorch: join(folder, 'torch'), stage: folder });
    };
    expect(call).toThrow(/no torch-\*\.dist-info\/licenses/);
  });
});

test('licence texts: every text once, under all its names', () => {
  for (const [file, text] of Object.entries({
    'nvidia_a-1.dist-info/licenses/License.txt': 'the same',
    'nvidia_b-1.dist-info/licenses/License.txt': 'the same',
    'torch-2.dist-info/licenses/LICENSE': 'of PyTorch',
    'torch-2.dist-info/licenses/third_party/x/LICENSE': 'of x',
  })) {
    mkdirSync(join(folder, file, '..'), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  const stage = join(folder, 'stage');
  mkdirSync(stage);
  const libraries = ['libc10.so', 'libcudart.so.13', 'libcupti.so.13', 'libgomp.so.1'];
  writeLicences({ libraries, rules, libtorch: join(folder, 'torch'), stage });
  expect(readdirSync(join(stage, 'licences')).sort()).toEqual([
    'gcc-runtime-exception-3.1.txt',
    'gpl-3.0.txt',
    'nvidia.txt',
    'pytorch.txt',
  ]);
  const nvidia = readFileSync(join(stage, 'licences/nvidia.txt'), 'utf8');
  expect(nvidia.match(/the same/g)).toHaveLength(1);
  expect(nvidia).toMatch(/nvidia_a-1.*\n.*nvidia_b-1/);
  expect(readFileSync(join(stage, 'licences/pytorch.txt'), 'utf8')).toMatch(/of PyTorch[^]*third_party\/x[^]*of x/);
  const table = readFileSync(join(stage, 'LICENSES.md'), 'utf8');
  for (const name of libraries) expect(table).toContain(`| ${name} |`);
});

test('the Dockerfiles install this version', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  for (const file of readdirSync(join(root, 'docker')).filter((name) => name.endsWith('Dockerfile'))) {
    expect(readFileSync(join(root, 'docker', file), 'utf8')).toContain(`ARG HYPERIQA_VERSION=${version}\n`);
  }
});
