/**
 * scripts/libtorch.mjs, and the installer behind it, with a stand-in for pip: what it says when something is missing or goes
 * wrong, and that an early end leaves nothing half-done. (That the pinned wheels are the right ones shows when they are
 * downloaded: by hash.)
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { provideLibTorch } from '../../src/libtorch/install/provide.js';
import type { Lock } from '../../src/libtorch/install/wheel-lock.js';
import { errorWith } from '../helpers/errors.js';
import { makeCudaWheels, TORCH, writeFakePip } from '../runtime/fakes.js';
import { root } from './setup.js';
import { LIBTORCH_VERSION } from '../helpers/libtorch.js';

const script = join(root, 'scripts/libtorch.mjs');
const platform = `${process.platform}-${process.arch}`;

let folder: string;
let bin: string;
let cache: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hyperiqa-'));
  bin = join(folder, 'bin');
  cache = join(folder, 'cache');
  mkdirSync(bin);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

interface End {
  status: number | null;
  stdout: string;
  stderr: string;
}

function start(environment: Record<string, string> = {}): { child: ChildProcess; end: Promise<End> } {
  const child = spawn(process.execPath, [script], {
    env: { HOME: folder, PATH: bin, HYPERIQA_CACHE: cache, ...environment },
    timeout: 60_000,
  });
  const end = new Promise<End>((resolve, reject) => {
    const output = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => (output[stream] += text));
    }
    child.on('error', reject);
    child.on('close', (status) => {
      resolve({ status, ...output });
    });
  });
  return { child, end };
}

/** Wheels with what a wheel of PyTorch has beside LibTorch, in a folder, and the lock that knows them. */
function fakeWheels(): { wheels: string; lock: Lock } {
  const wheels = join(folder, 'wheels');
  mkdirSync(wheels);
  return { wheels, lock: makeCudaWheels(wheels) };
}

const final = `${LIBTORCH_VERSION}-${platform}`;
const inCache = () => readdirSync(join(cache, 'libtorch'));

describe.runIf(['linux-x64', 'linux-arm64'].includes(platform))('the LibTorch of a checkout', () => {
  beforeEach(() => {
    vi.stubEnv('HYPERIQA_CACHE', cache);
    vi.stubEnv('HYPERIQA_LIBTORCH', '');
    vi.stubEnv('LIBTORCH', '');
    return () => vi.unstubAllEnvs();
  });

  test('has what is needed to build and to run, is downloaded once, and is found by the script', async () => {
    const { wheels, lock } = fakeWheels();
    vi.stubEnv('PATH', bin);
    writeFakePip(bin, `/bin/cp ${wheels}/*.whl "$dest"; echo pip was here`);
    const path = join(cache, 'libtorch', final, 'torch');
    expect(await provideLibTorch({}, lock)).toBe(path);
    expect(inCache()).toEqual([final]);
    expect(readdirSync(join(path, 'lib')).sort()).toEqual([
      ...['libc10.so', 'libc10_cuda.so', 'libgomp.so.1', 'libtorch_cpu.so', 'libtorch_cuda.so'],
    ]);
    expect(existsSync(join(path, 'include/ATen/ATen.h'))).toBe(true);
    expect(existsSync(join(path, 'nn'))).toBe(false);
    expect(existsSync(join(path, '../nvidia/cu13/lib/libcudart.so.13'))).toBe(true);
    expect(existsSync(join(path, '../nvidia/cudnn'))).toBe(false);
    expect(existsSync(join(path, `../torch-${LIBTORCH_VERSION}.dist-info/licenses/LICENSE`))).toBe(true);

    rmSync(join(bin, 'python3'));
    expect(await provideLibTorch({}, lock)).toBe(path);
    expect(await start().end).toEqual({ status: 0, stdout: `${path}\n`, stderr: '' });
  });

  test('several runs at once end with one folder', async () => {
    const { wheels, lock } = fakeWheels();
    writeFakePip(bin, `/bin/cp ${wheels}/*.whl "$dest"`);
    const child = join(root, 'test/native/provide-child.mjs');
    const env = { ...process.env, PATH: bin };
    const ends = await Promise.all(
      [1, 2, 3].map(() => promisify(execFile)(process.execPath, [child, JSON.stringify(lock)], { env })),
    );
    for (const { stdout } of ends) expect(stdout).toBe(`${join(cache, 'libtorch', final, 'torch')}\n`);
    expect(inCache()).toEqual([final]);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGKILL', null],
  ] as const)('a run ended by %s leaves nothing that the next one minds', async (signal, status) => {
    const { wheels, lock } = fakeWheels();
    vi.stubEnv('PATH', bin);
    const started = join(folder, 'started');
    writeFakePip(bin, `echo > ${started}; /bin/cp ${wheels}/torch* "$dest"; exec /bin/sleep 3`);
    const { child, end } = start();
    await vi.waitUntil(() => existsSync(started), 30_000);
    child.kill(signal);
    expect((await end).status).toBe(status);
    expect(inCache()).toHaveLength(signal === 'SIGKILL' ? 1 : 0);
    writeFakePip(bin, `/bin/cp ${wheels}/*.whl "$dest"`);
    await provideLibTorch({}, lock);
    expect(inCache()).toEqual([final]);
  });

  test.each([
    ['the network', 'ReadTimeoutError: NewConnectionError: Failed to establish a new connection', 'did not reach'],
    ['another file', 'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.', 'SHA-256 differs'],
    ['a full disk', 'ERROR: Could not install packages: [Errno 28] No space left on device', 'disk filled up'],
    ['anything else', 'ERROR: something new', 'could not download LibTorch'],
  ])('the script says so when pip fails for %s', async (_, words, expected) => {
    writeFakePip(bin, `echo '${words}' >&2; exit 1`);
    const end = await start().end;
    expect(end).toMatchObject({ status: 1, stdout: '' });
    expect(end.stderr).toContain(words);
    expect(end.stderr).toContain(expected);
    expect(end.stderr).not.toContain('    at ');
    expect(inCache()).toEqual([]);
  });

  test('damaged and incomplete wheels are refused', async () => {
    const { wheels, lock } = fakeWheels();
    vi.stubEnv('PATH', bin);
    writeFakePip(bin, `echo nonsense > "$dest/${TORCH}"`);
    await expect(provideLibTorch({}, lock)).rejects.toEqual(errorWith('ERR_RUNTIME_HASH'));
    writeFakePip(bin, `/bin/cp ${wheels}/nvidia* "$dest"`);
    await expect(provideLibTorch({}, lock)).rejects.toEqual(errorWith('ERR_RUNTIME_SOURCE', /none of torch/));
    expect(inCache()).toEqual([]);
  });

  test('says so when there is no Python, or no pip', async () => {
    const without = await start().end;
    expect(without).toMatchObject({ status: 1, stdout: '' });
    expect(without.stderr).toContain('no Python on the PATH');
    expect(without.stderr).toContain('HYPERIQA_LIBTORCH');
    writeFakePip(bin, 'exit 1', 'exit 1');
    const end = await start().end;
    expect(end.status).toBe(1);
    expect(end.stderr).toContain('"python3 -m pip" does not work');
  });
});

describe('a LibTorch that a variable names', () => {
  function existing(version: string): string {
    const path = join(folder, 'libtorch');
    const suffix = { win32: '.dll', darwin: '.dylib' }[process.platform as string] ?? '.so';
    const prefix = process.platform === 'win32' ? '' : 'lib';
    mkdirSync(join(path, 'lib'), { recursive: true });
    mkdirSync(join(path, 'include/ATen'), { recursive: true });
    for (const name of ['torch_cpu', 'c10']) writeFileSync(join(path, `lib/${prefix}${name}${suffix}`), '');
    writeFileSync(join(path, 'include/ATen/ATen.h'), '');
    writeFileSync(join(path, 'build-version'), version);
    return path;
  }

  test('is taken as it is', async () => {
    const path = existing(`${LIBTORCH_VERSION}+cpu\n`);
    expect(await start({ LIBTORCH: path }).end).toEqual({ status: 0, stdout: `${path}\n`, stderr: '' });
    const end = await start({ LIBTORCH: '/nowhere', HYPERIQA_LIBTORCH: path }).end;
    expect(end).toEqual({ status: 0, stdout: `${path}\n`, stderr: '' });
  });

  test('must be of the right version and complete', async () => {
    const path = existing('2.12.0\n');
    const old = await start({ LIBTORCH: path }).end;
    expect(old).toMatchObject({ status: 1, stdout: '' });
    for (const words of [path, '2.12.0', LIBTORCH_VERSION, 'HYPERIQA_LIBTORCH']) expect(old.stderr).toContain(words);
    rmSync(join(path, 'include'), { recursive: true });
    const incomplete = await start({ HYPERIQA_LIBTORCH: path }).end;
    expect(incomplete.status).toBe(1);
    expect(incomplete.stderr).toContain(join(path, 'include/ATen/ATen.h'));
  });
});
