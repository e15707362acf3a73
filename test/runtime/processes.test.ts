/** The commands as processes: interrupted, killed, two at once, over broken libraries. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';

import { cachedLibTorch } from '../../src/libtorch/locate.js';
import { hyperiqa, start } from '../cli/cli.js';
import { inRuntimes, makeCpuWheel, scratch, serve, sha256, subfolder, TORCH_CPU } from './fakes.js';
import { LIBTORCH_VERSION } from '../helpers/libtorch.js';
import type { DoctorReport } from '../../src/runtime/index.js';

const platform = `${process.platform}-${process.arch}`;
const whole = [`${LIBTORCH_VERSION}-${platform}-cpu`, `${LIBTORCH_VERSION}-${platform}.selected`];
let folder: string;
let wheel: string;
/** LibTorch of the process that runs the tests, which may have it in its cache folder. */
let libtorch: string;
beforeEach(() => {
  libtorch = process.env.HYPERIQA_LIBTORCH ?? process.env.LIBTORCH ?? cachedLibTorch()!;
  folder = scratch();
  wheel = makeCpuWheel(subfolder(folder, 'wheels'));
  for (const [name, value] of [
    ['HYPERIQA_CACHE', join(folder, 'cache')],
    ...['HYPERIQA_LIBTORCH', 'LIBTORCH', 'HTTP_PROXY', 'http_proxy'].map((name) => [name, '']),
  ] as [string, string][]) {
    vi.stubEnv(name, value);
  }
  return () => vi.unstubAllEnvs();
});

/** A server that sends half of the wheel and then waits. */
async function halfway(): Promise<{ address: string; asked: Promise<void> }> {
  const data = readFileSync(wheel);
  let asked: () => void;
  const waiting = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const base = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': data.length });
    response.write(data.subarray(0, data.length / 2), () => {
      asked();
    });
  });
  return { address: `${base}/${encodeURIComponent(TORCH_CPU)}#sha256=${sha256(data)}`, asked: waiting };
}

describe.runIf(['linux-x64', 'linux-arm64'].includes(platform))('hyperiqa runtime', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('an installation ended by %s leaves nothing', async (signal, code) => {
    const { address, asked } = await halfway();
    const { child, ended } = start(['runtime', 'install', 'cpu', address]);
    await asked;
    expect(inRuntimes()).toEqual([expect.stringMatching(/^\.work@/)]);
    child.kill(signal);
    expect(await ended).toMatchObject({ code, stdout: '', stderr: expect.stringContaining('nothing was installed') });
    expect(inRuntimes()).toEqual([]);
  });

  test('what a killed one leaves goes with the next', async () => {
    const { address, asked } = await halfway();
    const { child, ended } = start(['runtime', 'install', 'cpu', address]);
    await asked;
    child.kill('SIGKILL');
    await ended;
    expect(inRuntimes()).toHaveLength(1);
    expect(await hyperiqa(['runtime', 'install', 'cpu', wheel])).toMatchObject({ code: 0 });
    expect(inRuntimes()).toEqual(whole);
  });

  test('two at once end with one whole runtime; list, verify, use and remove know it', async () => {
    const both = await Promise.all([1, 2].map(() => hyperiqa(['runtime', 'install', 'cpu', wheel, '--quiet'])));
    for (const end of both) expect(end).toMatchObject({ code: 0, stderr: '' });
    expect(inRuntimes()).toEqual(whole);
    expect((await hyperiqa(['runtime', 'list'])).stdout).toMatch(/^\* cpu +2\.13\.0\+cpu/m);
    expect(await hyperiqa(['runtime', 'verify', '-q'])).toMatchObject({ code: 0, stderr: '' });
    writeFileSync(join(folder, 'cache/runtimes', whole[0]!, 'torch/lib/libc10.so'), 'C10');
    const damaged = await hyperiqa(['runtime', 'verify', '--format', 'json', '-q']);
    expect(damaged.code).toBe(1);
    expect(JSON.parse(damaged.stdout)).toMatchObject([{ intact: false, problems: [{ problem: 'changed' }] }]);
    expect(await hyperiqa(['runtime', 'use', 'none'])).toMatchObject({ code: 0 });
    expect(await hyperiqa(['runtime', 'remove', 'cpu'])).toMatchObject({ code: 0 });
    expect(inRuntimes()).toEqual([]);
    const gone = await hyperiqa(['runtime', 'use', 'cpu']);
    expect(gone).toMatchObject({ code: 2, stderr: expect.stringContaining('ERR_RUNTIME_NOT_INSTALLED') });
  });

  test('a wrong command line', async () => {
    for (const args of [['runtime'], ['runtime', 'instal'], ['runtime', 'install'], ['runtime', 'install', 'gpu']]) {
      expect(await hyperiqa(args)).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringContaining('ERR_INVALID'),
      });
    }
    expect((await hyperiqa(['runtime', 'instal'])).stderr).toContain('did you mean install?');
  });
});

describe.runIf(process.platform === 'linux')('hyperiqa doctor and info', () => {
  const report = (stdout: string) => JSON.parse(stdout) as DoctorReport;
  const check = ({ checks }: DoctorReport, id: string) => checks.find((one) => one.id === id);

  test('find nothing wrong where LibTorch is whole', async () => {
    const { code, stdout } = await hyperiqa(['doctor', '--json', '--libtorch', libtorch]);
    const found = report(stdout);
    expect(found.checks.filter(({ status }) => status === 'problem')).toEqual([]);
    expect({ code, ok: found.ok }).toEqual({ code: 0, ok: true });
    expect(found.libtorch.chosen).toMatchObject({ path: libtorch, source: 'option' });
    expect(found.libtorch.candidates.map(({ source }) => source)).toEqual([
      ...['option', 'HYPERIQA_LIBTORCH', 'LIBTORCH', 'runtime', 'cache', 'package'],
    ]);
    expect(check(found, 'model')).toMatchObject({ status: 'ok', message: expect.stringContaining('self-check') });
  });

  test('text in place of a library is a problem with a message, not a crash', async () => {
    // The fake wheel's libraries are text.
    await hyperiqa(['runtime', 'install', 'cpu', wheel]);
    const { code, stdout } = await hyperiqa(['doctor', '--json']);
    expect(code).toBe(1);
    expect(check(report(stdout), 'libtorch')).toMatchObject({
      status: 'problem',
      message: expect.stringMatching(/cannot be loaded.*ERR_LIBTORCH_LOAD/s),
      remedy: expect.stringContaining('runtime install'),
    });
    expect(check(report(stdout), 'model')?.status).toBe('skipped');
    const info = await hyperiqa(['info']);
    expect(info).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('ERR_LIBTORCH_LOAD') });
  });

  test('a library that ends its process ends another one', async () => {
    const path = join(folder, 'crash');
    mkdirSync(join(path, 'lib'), { recursive: true });
    writeFileSync(join(path, 'build-version'), `${LIBTORCH_VERSION}\n`);
    const real = join(libtorch, 'lib');
    cpSync(join(real, 'libc10.so'), join(path, 'lib/libc10.so'));
    // Whole enough to be mapped, with a hole where its tables should be.
    const library = readFileSync(join(real, 'libc10.so'));
    library.fill(0xff, 0x400, library.length);
    writeFileSync(join(path, 'lib/libtorch_cpu.so'), library);
    const { code, stdout } = await hyperiqa(['doctor', '--json', '--libtorch', path]);
    expect(code).toBe(1);
    expect(check(report(stdout), 'libtorch')).toMatchObject({ status: 'problem' });
    const info = await hyperiqa(['info', '--libtorch', path]);
    expect(info).toMatchObject({
      code: 2,
      signal: null,
      stdout: '',
      stderr: expect.stringContaining('ERR_LIBTORCH_LOAD'),
    });
  });

  test('no LibTorch at all: every place is named', async () => {
    const { code, stdout } = await hyperiqa(['doctor', '--json']);
    const found = report(stdout);
    // The platform package, if installed, always supplies one.
    if (found.libtorch.chosen?.source === 'package') return;
    expect(code).toBe(1);
    expect(check(found, 'libtorch')).toMatchObject({ message: expect.stringContaining('runtime install cpu') });
    const shown = await hyperiqa(['doctor']);
    expect(shown.stdout).toMatch(/^PROBLEM +libtorch/m);
  });
});
