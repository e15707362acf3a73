/**
 * CUDA's choice, without a GPU: over stand-ins for NVIDIA's driver and for LibTorch's CUDA part (native/test/cuda_standin),
 * each case in a process of its own, because a process chooses once.
 */
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { testModel } from '../helpers/models.js';
import { root } from './setup.js';
import { findLibTorch, LIBTORCH_VERSION } from '../helpers/libtorch.js';
import type { RuntimeInfo } from '../../src/index.js';

const run = promisify(execFile);
const script = fileURLToPath(new URL('fixtures/cuda.mjs', import.meta.url));
const real = findLibTorch().path;

let folder: string;

/** LibTorch by links, in a folder of this test, with or without something for its CUDA part. */
function linkLibTorch(name: string, cuda: boolean): string {
  const path = join(folder, name, 'torch');
  mkdirSync(join(path, 'lib'), { recursive: true });
  for (const file of readdirSync(join(real, 'lib'))) {
    if (!file.startsWith('libtorch_cuda.')) symlinkSync(join(real, 'lib', file), join(path, 'lib', file));
  }
  copyFileSync(join(real, 'version.py'), join(path, 'version.py'));
  if (existsSync(join(real, '../nvidia'))) symlinkSync(join(real, '../nvidia'), join(path, '../nvidia'));
  if (cuda) symlinkSync(join(folder, 'libtorch_cuda.so'), join(path, 'lib/libtorch_cuda.so'));
  return path;
}

const standin = (file: string) => join(root, 'native/test/cuda_standin', file);

async function compile(source: string, output: string, ...flags: string[]): Promise<void> {
  mkdirSync(dirname(output), { recursive: true });
  await run(process.env.CXX ?? 'c++', ['-std=c++20', '-O1', '-shared', '-fPIC', standin(source), '-o', output, ...flags]);
}

beforeAll(async () => {
  if (process.platform !== 'linux') return;
  folder = mkdtempSync(join(tmpdir(), 'hyperiqa-'));
  const driver = join(folder, 'driver/libcuda.so.1');
  await compile('driver.cpp', driver, '-Wl,-soname,libcuda.so.1');
  await compile('driver.cpp', join(folder, 'incomplete/libcuda.so.1'), '-DSTANDIN_INCOMPLETE');
  const include = ['include', 'include/torch/csrc/api/include'].flatMap((path) => ['-isystem', join(real, path)]);
  const lib = join(real, 'lib');
  await compile(
    'torch_cuda.cpp',
    join(folder, 'libtorch_cuda.so'),
    ...[...include, driver, `-L${lib}`, '-lc10', '-ltorch_cpu', '-Wl,--allow-shlib-undefined'],
  );
  linkLibTorch('cuda', true);
  linkLibTorch('cpu', false);
}, 300_000);
afterAll(() => {
  if (folder) rmSync(folder, { recursive: true });
});

interface Setting {
  /** The folder of LibTorch: `cuda` with the stand-in, `cpu` without a CUDA part, or a path. */
  libtorch?: string;
  /** The folder of the driver; null: there is none. */
  driver?: string | null;
  environment?: Record<string, string>;
}

/** Outcome of the steps, in a process of their own. */
async function take(steps: string[], { libtorch = 'cuda', driver = 'driver', environment = {} }: Setting = {}) {
  const { stdout } = await run(process.execPath, [script, testModel('lite0'), ...steps], {
    env: {
      ...process.env,
      HYPERIQA_LIBTORCH: libtorch.startsWith('/') ? libtorch : join(folder, libtorch, 'torch'),
      LD_LIBRARY_PATH: driver === null ? '' : join(folder, driver),
      ...environment,
    },
    timeout: 120_000,
  });
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe.runIf(process.platform === 'linux')('what there is', () => {
  const names = (...numbers: number[]) => numbers.map((n, i) => ({ id: `cuda:${i}`, name: `Stand-in ${n}` }));
  const rows: [string, Setting, RuntimeInfo['cuda']['devices'] | RegExp][] = [
    ['one device', {}, names(0)],
    ['three devices', { environment: { STANDIN_DEVICES: '3' } }, names(0, 1, 2)],
    ['a choice of them', { environment: { STANDIN_DEVICES: '3', CUDA_VISIBLE_DEVICES: '2,0' } }, names(2, 0)],
    ['all hidden', { environment: { CUDA_VISIBLE_DEVICES: '' } }, /no device .*CUDA_VISIBLE_DEVICES/],
    ['a driver without a device', { environment: { STANDIN_DEVICES: '0' } }, /sees no device/],
    ['a negative number of them', { environment: { STANDIN_DEVICES: '-1' } }, /sees no device/],
    ['a driver that fails', { environment: { STANDIN_STATUS: '999' } }, /does not start \(CUDA error 999\)/],
    ['a driver that lacks functions', { driver: 'incomplete' }, /lacks functions/],
    ['no driver', { driver: null }, /libcuda\.so\.1 cannot be opened/],
    ['an old driver', { environment: { STANDIN_VERSION: '12080' } }, /too old: it supports CUDA 12\.8.* needs CUDA 13\.0/],
    ['a CPU build', { libtorch: 'cpu' }, /CPU build/],
  ];
  test.each(rows)('%s', async (name, setting, expected) => {
    // A machine with a driver of its own has one in every setting.
    const [report] = await take(['report'], setting);
    if (name === 'no driver' && report!.available === true) return;
    if (expected instanceof RegExp) {
      expect(report).toMatchObject({ available: false, devices: [], reason: expect.stringMatching(expected) as string });
    } else expect(report).toEqual({ available: true, reason: '', devices: expected });
  });

  test('auto takes the CPU and says why, cuda is refused with the same reason', async () => {
    const environment = { STANDIN_STATUS: '3' };
    const [auto, cuda] = await take(['score auto', 'score cuda'], { environment });
    expect(auto).toMatchObject({ device: 'cpu', fallbackReason: expect.stringContaining('CUDA error 3') as string });
    expect(cuda).toMatchObject({ code: 'ERR_DEVICE_UNAVAILABLE', message: expect.stringContaining('CUDA error 3') as string });
  });
});

describe.runIf(process.platform === 'linux')('whatever came before', () => {
  const before = ['score cpu', 'detect cpu', 'version', 'report', 'score auto'];
  const orders = [[], ...before.map((step) => [step]), before, before.toReversed()];
  test.each(orders.map((steps) => [steps.join(', ') || 'nothing', steps] as const))('%s: CUDA is there', async (_, steps) => {
    const ends = await take([...steps, 'score cuda', 'detect cuda', 'score cpu']);
    const [scored, detected, onCpu] = ends.slice(steps.length);
    expect(scored).toMatchObject({ device: 'cuda:0', name: 'Stand-in 0', fallbackReason: null });
    expect(detected).toMatchObject({ device: 'cuda:0' });
    expect(onCpu).toMatchObject({ device: 'cpu' });
    expect(scored!.score).toBeCloseTo(onCpu!.score as number, 3);
  });

  test('devices and graph modes are those that were asked for, or refused', async () => {
    const steps = ['score cuda:1', 'score cuda:2', 'score cuda optimize', 'score cuda onednn', 'score auto onednn', 'version'];
    const ends = await take(steps, { environment: { STANDIN_DEVICES: '2' } });
    expect(ends[0]).toMatchObject({ device: 'cuda:1', name: 'Stand-in 1', graphMode: 'freeze' });
    expect(ends[1]).toMatchObject({ code: 'ERR_DEVICE_UNAVAILABLE' });
    expect(ends[2]).toMatchObject({ device: 'cuda:0', graphMode: 'optimize' });
    for (const refused of ends.slice(3, 5)) {
      expect(refused).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringContaining('CPU only') as string });
    }
    expect(ends[5]).toBe(LIBTORCH_VERSION);
  });

  test("LibTorch's own CUDA part", async ({ skip }) => {
    // Over a driver that is none, so that it is opened and finds no device; where the hooks were the CPU's, the report
    // would say that LibTorch was used before.
    const [, , report] = await take(['score cpu', 'detect cpu', 'report'], { libtorch: real });
    const { reason } = report as unknown as RuntimeInfo['cuda'];
    skip(/CPU build|incomplete/.test(reason), `this LibTorch has no complete CUDA part: ${reason}`);
    expect(reason).toBe("LibTorch's CUDA runtime sees no device that it supports");
  });
});
