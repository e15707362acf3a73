/**
 * scripts/libtorch.mjs with a stand-in for pip: what it says when something is missing or goes wrong, and that an early
 * end leaves nothing half-done. (That the pinned wheels are the right ones shows when they are downloaded: by hash.)
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { LIBTORCH_VERSION } from '../../src/libtorch/version.js';
import { root } from './setup.js';

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

/** Puts a python3 on the PATH that is the real one except for `-m pip`, which is a few lines of shell. */
function fakePip(download: string, version = 'exit 0'): void {
  // Not what the PATH has: that can be a wrapper, which itself needs the PATH.
  const python = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
  writeFileSync(
    join(bin, 'python3'),
    `#!/bin/sh
case "$*" in
  "-m pip --version") ${version} ;;
  "-m pip "*)
    while [ $# -gt 1 ]; do [ "$1" = --dest ] && dest=$2; shift; done
    ${download} ;;
  *) exec ${python} "$@" ;;
esac
`,
  );
  chmodSync(join(bin, 'python3'), 0o755);
}

/** A wheel of empty files, and one with what a wheel of PyTorch has beside LibTorch. */
function fakeWheels(): string {
  const wheels = join(folder, 'wheels');
  mkdirSync(wheels);
  execFileSync('python3', [
    '-c',
    `import sys, zipfile
def wheel(name, files):
    with zipfile.ZipFile(sys.argv[1] + "/" + name, "w") as archive:
        for file, text in files.items(): archive.writestr(file, text)
wheel("torch-${LIBTORCH_VERSION}.whl", {
    "torch/lib/libtorch_cpu.so": "x", "torch/lib/libc10.so": "x", "torch/lib/libtorch_python.so": "x",
    "torch/include/ATen/ATen.h": "x", "torch/version.py": "__version__ = '${LIBTORCH_VERSION}+cu130'",
    "torch/nn/modules/linear.py": "x", "torch-${LIBTORCH_VERSION}.dist-info/licenses/LICENSE": "x"})
wheel("nvidia.whl", {"nvidia/cu13/lib/libcudart.so.13": "x", "nvidia/cu13/include/cuda.h": "x"})`,
    wheels,
  ]);
  return wheels;
}

describe.runIf(['linux-x64', 'linux-arm64'].includes(platform))('scripts/libtorch.mjs', () => {
  test('unpacks what is needed, once, and prints the folder', async () => {
    fakePip(`/bin/cp ${fakeWheels()}/* "$dest"; echo pip was here`);
    const path = join(cache, 'libtorch', `${LIBTORCH_VERSION}-${platform}`, 'torch');
    const first = await start().end;
    expect(first, first.stderr).toMatchObject({ status: 0, stdout: `${path}\n` });
    expect(readdirSync(join(cache, 'libtorch'))).toEqual([`${LIBTORCH_VERSION}-${platform}`]);
    expect(readdirSync(join(path, 'lib')).sort()).toEqual(['libc10.so', 'libtorch_cpu.so']);
    expect(existsSync(join(path, 'nn'))).toBe(false);
    expect(existsSync(join(path, '../nvidia/cu13/lib/libcudart.so.13'))).toBe(true);
    expect(existsSync(join(path, `../torch-${LIBTORCH_VERSION}.dist-info/licenses/LICENSE`))).toBe(true);

    rmSync(join(bin, 'python3'));
    expect(await start().end).toEqual({ status: 0, stdout: `${path}\n`, stderr: '' });
  });

  test('several runs at once end with one folder', async () => {
    fakePip(`/bin/cp ${fakeWheels()}/* "$dest"`);
    const ends = await Promise.all([start().end, start().end, start().end]);
    for (const end of ends) expect(end, end.stderr).toMatchObject({ status: 0, stdout: ends[0].stdout });
    expect(readdirSync(join(cache, 'libtorch'))).toEqual([`${LIBTORCH_VERSION}-${platform}`]);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGKILL', null],
  ] as const)('a run ended by %s leaves nothing that the next one minds', async (signal, status) => {
    const wheels = fakeWheels();
    fakePip(`/bin/cp ${wheels}/torch* "$dest"; echo started >&2; exec /bin/sleep 3`);
    const { child, end } = start();
    await new Promise<void>((resolve) => {
      child.stderr!.on('data', (text: string) => {
        if (text.includes('started')) resolve();
      });
      child.once('close', resolve);
    });
    child.kill(signal);
    expect((await end).status).toBe(status);
    expect(readdirSync(join(cache, 'libtorch'))).toHaveLength(signal === 'SIGKILL' ? 1 : 0);
    fakePip(`/bin/cp ${wheels}/* "$dest"`);
    expect((await start().end).status).toBe(0);
    expect(readdirSync(join(cache, 'libtorch'))).toEqual([`${LIBTORCH_VERSION}-${platform}`]);
  });

  test.each([
    ['the network', 'ReadTimeoutError: NewConnectionError: Failed to establish a new connection', 'did not reach'],
    ['another file', 'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.', 'SHA-256 differs'],
    ['a full disk', 'ERROR: Could not install packages: [Errno 28] No space left on device', 'disk filled up'],
    ['anything else', 'ERROR: something new', "pip's message is above"],
  ])('says so when pip fails for %s, and how to go on', async (_, words, expected) => {
    fakePip(`echo '${words}' >&2; exit 1`);
    const end = await start().end;
    expect(end).toMatchObject({ status: 1, stdout: '' });
    expect(end.stderr).toContain(words);
    expect(end.stderr).toContain(expected);
    expect(end.stderr).toContain('HYPERIQA_LIBTORCH');
    expect(end.stderr).not.toContain('    at ');
    expect(readdirSync(join(cache, 'libtorch'))).toEqual([]);
  });

  test('says so when the wheels are damaged or incomplete', async () => {
    fakePip('echo nonsense > "$dest/torch.whl"');
    expect((await start().end).stderr).toContain('could not be unpacked');
    const wheels = fakeWheels();
    fakePip(`/bin/cp ${wheels}/nvidia.whl "$dest"`);
    expect((await start().end).stderr).toContain('incomplete');
    expect(readdirSync(join(cache, 'libtorch'))).toEqual([]);
  });

  test('says so when there is no Python, or no pip', async () => {
    const without = await start().end;
    expect(without).toMatchObject({ status: 1, stdout: '' });
    expect(without.stderr).toContain('no Python 3.8');
    fakePip('exit 1', 'exit 1');
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
