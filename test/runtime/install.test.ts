/** Installing runtimes from files, folders and archives: what is kept, what is refused, what stays behind. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';

import { install } from '../../src/libtorch/install/install.js';
import { runtimeFolder, selectedRuntime } from '../../src/libtorch/runtime-folders.js';
import { errorWith } from '../helpers/errors.js';
import {
  CUDART,
  CUDNN,
  inRuntimes,
  isolated,
  makeCpuWheel,
  makeCudaWheels,
  makeWheel,
  machine,
  makeZip,
  OTHER_LOCK,
  plan,
  sha256,
  subfolder,
  TORCH,
  TORCH_CPU,
} from './fakes.js';
import { LIBTORCH_VERSION, findLibTorch } from '../helpers/libtorch.js';
import {
  listRuntimes,
  removeRuntime,
  useRuntime,
  verifyRuntime,
  type RuntimeProgress,
} from '../../src/runtime/index.js';

const platform = `${process.platform}-${process.arch}`;
let folder: string;
let wheels: string;
beforeEach(() => {
  ({ folder, wheels } = isolated());
  return () => vi.unstubAllEnvs();
});

const filesIn = (path: string): string[] =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();

describe.runIf(['linux-x64', 'linux-arm64'].includes(platform))('install', () => {
  test('a CUDA runtime has LibTorch and the libraries of NVIDIA, and nothing of Python', async () => {
    const lock = makeCudaWheels(wheels);
    const seen: RuntimeProgress[] = [];
    const installed = await install(plan('cuda', { from: [wheels], onProgress: (step) => seen.push(step) }), lock);
    expect(filesIn(runtimeFolder('cuda'))).toEqual([
      'hyperiqa-runtime.json',
      'nvidia/cu13/lib/libcudart.so.13',
      'nvidia/cudnn/lib/libcudnn.so.9',
      'nvidia_cuda_runtime-13.0.96.dist-info/licenses/LICENSE',
      'nvidia_cudnn_cu13-9.20.0.48.dist-info/licenses/LICENSE',
      `torch-${LIBTORCH_VERSION}.dist-info/licenses/LICENSE`,
      'torch/lib/libc10.so',
      'torch/lib/libc10_cuda.so',
      'torch/lib/libgomp.so.1',
      'torch/lib/libtorch_cpu.so',
      'torch/lib/libtorch_cuda.so',
      'torch/version.py',
    ]);
    expect(installed).toMatchObject({
      kind: 'cuda',
      version: `${LIBTORCH_VERSION}+cu130`,
      files: 11,
      inUse: true,
      problem: null,
    });
    expect(installed.origins.map(({ name, verified }) => [name, verified])).toEqual([
      [TORCH, 'release'],
      [CUDART, 'release'],
      [CUDNN, 'release'],
    ]);
    expect(installed.origins[0]!.sha256).toBe(sha256(readFileSync(join(wheels, TORCH))));
    expect(findLibTorch(undefined, {})).toMatchObject({ path: installed.path, source: 'runtime' });
    const last = seen.filter(({ phase, file }) => phase === 'unpack' && file === TORCH).at(-1)!;
    expect(last.bytes).toBe(last.totalBytes);
    // The caller's files stay.
    expect(readdirSync(wheels)).toHaveLength(3);
    expect(inRuntimes()).toEqual([`${LIBTORCH_VERSION}-${platform}-cuda`, `${LIBTORCH_VERSION}-${platform}.selected`]);
  });

  test('a CPU runtime from the same wheels leaves out what only CUDA uses', async () => {
    const installed = await install(plan('cpu', { from: [wheels] }), makeCudaWheels(wheels));
    const files = filesIn(dirname(installed.path));
    expect(files).toContain('nvidia/cu13/lib/libcudart.so.13');
    expect(files.filter((file) => /cudnn|libtorch_cuda|libc10_cuda/.test(file))).toEqual([]);
  });

  test('a CPU runtime takes the CPU build where there is one', async () => {
    const lock = makeCudaWheels(wheels);
    makeCpuWheel(wheels);
    const installed = await install(plan('cpu', { from: [wheels] }), lock);
    expect(installed).toMatchObject({
      version: `${LIBTORCH_VERSION}+cpu`,
      origins: [{ name: TORCH_CPU, verified: 'none' }],
    });
    expect(existsSync(join(installed.path, '../nvidia'))).toBe(false);
  });

  test('is safe to run again: nothing is read, the runtime is chosen', async () => {
    const wheel = makeCpuWheel(wheels);
    await install(plan('cpu', { from: [wheel] }), OTHER_LOCK);
    await useRuntime(null);
    const seen: RuntimeProgress[] = [];
    await install(plan('cpu', { from: ['/nowhere'], onProgress: (step) => seen.push(step) }), OTHER_LOCK);
    expect(seen).toEqual([]);
    expect(selectedRuntime()).toBe('cpu');
  });

  test('repairs what is damaged, and with force replaces what is not', async () => {
    const first = await install(plan('cpu', { from: [makeCpuWheel(wheels)] }), OTHER_LOCK);
    truncateSync(join(first.path, 'lib/libc10.so'), 1);
    expect((await listRuntimes()).installed[0]!.problem).toMatch(/libc10\.so has 1 bytes instead of 3/);
    await expect(useRuntime('cpu')).rejects.toEqual(errorWith('ERR_RUNTIME_NOT_INSTALLED', /damaged/));
    const repaired = await install(plan('cpu', { from: [join(wheels, TORCH_CPU)] }), OTHER_LOCK);
    expect(repaired.problem).toBeNull();
    makeCpuWheel(wheels, { 'torch/lib/libmore.so': 'more' });
    const replaced = await install(plan('cpu', { from: [wheels], force: true }), OTHER_LOCK);
    expect(replaced.files).toBe(repaired.files + 1);
    expect(inRuntimes()).toEqual([`${LIBTORCH_VERSION}-${platform}-cpu`, `${LIBTORCH_VERSION}-${platform}.selected`]);
  });

  test('several at once in one process end with one whole runtime', async () => {
    const from = [makeCpuWheel(wheels)];
    const all = await Promise.all([1, 2, 3, 4].map(() => install(plan('cpu', { from }), OTHER_LOCK)));
    expect(new Set(all.map(({ installedAt }) => installedAt)).size).toBe(1);
    expect(inRuntimes()).toEqual([`${LIBTORCH_VERSION}-${platform}-cpu`, `${LIBTORCH_VERSION}-${platform}.selected`]);
    expect((await verifyRuntime('cpu')).intact).toBe(true);
  });

  test("from an archive as PyTorch's site has it, with its SHA-256", async () => {
    const archive = makeZip(join(folder, 'libtorch.zip'), [
      { name: 'libtorch/build-version', content: `${LIBTORCH_VERSION}+cpu\n` },
      { name: 'libtorch/lib/libc10.so', content: 'c10' },
      { name: 'libtorch/lib/libtorch_cpu.so', content: 'cpu' },
      { name: 'libtorch/include/ATen/ATen.h', content: 'header' },
    ]);
    const hash = sha256(readFileSync(archive));
    await expect(install(plan('cpu', { from: [archive], sha256: '1'.repeat(64) }), OTHER_LOCK)).rejects.toEqual(
      errorWith('ERR_RUNTIME_HASH', new RegExp(`${hash}.*was given 1{64}`)),
    );
    const installed = await install(plan('cpu', { from: [archive], sha256: hash }), OTHER_LOCK);
    expect(installed).toMatchObject({
      version: `${LIBTORCH_VERSION}+cpu`,
      files: 3,
      origins: [{ verified: 'caller' }],
    });
    expect(filesIn(installed.path)).toEqual(['build-version', 'lib/libc10.so', 'lib/libtorch_cpu.so']);
  });

  test('from a PyTorch in an environment, whose libraries may be links', async () => {
    const site = subfolder(folder, 'site-packages');
    for (const [file, text] of [
      ['torch/lib/libc10.so', 'c10'],
      ['torch/lib/libtorch_cuda.so', 'cuda'],
      ['torch/version.py', `__version__ = '${LIBTORCH_VERSION}+cu130'`],
      ['nvidia/cudnn/lib/libcudnn.so.9', 'cudnn'],
    ] as const) {
      mkdirSync(dirname(join(site, file)), { recursive: true });
      writeFileSync(join(site, file), text);
    }
    writeFileSync(join(folder, 'real.so'), 'the real one');
    symlinkSync(join(folder, 'real.so'), join(site, 'torch/lib/libtorch_cpu.so'));
    const installed = await install(plan('cuda', { from: [site] }), OTHER_LOCK);
    expect(installed.version).toBe(`${LIBTORCH_VERSION}+cu130`);
    expect(readFileSync(join(installed.path, 'lib/libtorch_cpu.so'), 'utf8')).toBe('the real one');
    expect(existsSync(join(installed.path, '../nvidia/cudnn/lib/libcudnn.so.9'))).toBe(true);
    expect((await verifyRuntime('cuda')).intact).toBe(true);
  });
});

describe.runIf(['linux-x64', 'linux-arm64'].includes(platform))('refused, with nothing left behind', () => {
  const refusal = async (changes: Parameters<typeof plan>[1], lock = OTHER_LOCK, kind: 'cpu' | 'cuda' = 'cpu') => {
    const error = await install(plan(kind, changes), lock).then(
      () => Promise.reject(new Error('installed')),
      (reason: unknown) => reason,
    );
    expect(inRuntimes()).toEqual([]);
    expect(selectedRuntime()).toBeNull();
    return error;
  };
  const evil = (name: string, type?: number) =>
    makeWheel(
      wheels,
      TORCH_CPU,
      { 'torch/lib/libc10.so': 'c10' },
      { odd: [{ name, content: '/etc/passwd', ...(type && { type }) }] },
    );

  test.each(['../evil.so', 'torch/lib/../../../evil.so', '/tmp/evil.so', 'C:/evil.dll', 'torch\\lib\\evil.so'])(
    'an archive with an entry that points elsewhere: %s',
    async (name) => {
      expect(await refusal({ from: [evil(name)] })).toEqual(errorWith('ERR_RUNTIME_ARCHIVE'));
      expect(existsSync(join(folder, 'evil.so'))).toBe(false);
      expect(existsSync('/tmp/evil.so')).toBe(false);
    },
  );

  test.each([
    ['a link', 0o120000],
    ['a device', 0o020000],
  ])('an archive with %s', async (_, type) => {
    expect(await refusal({ from: [evil('torch/lib/libevil.so', type)] })).toEqual(
      errorWith('ERR_RUNTIME_ARCHIVE', /libevil\.so.*link or a device/),
    );
  });

  test('an archive with an entry twice', async () => {
    expect(await refusal({ from: [evil('torch/lib/libc10.so')] })).toEqual(errorWith('ERR_RUNTIME_ARCHIVE', /twice/));
  });

  test('a library that RECORD does not list', async () => {
    expect(await refusal({ from: [evil('torch/lib/libextra.so')] })).toEqual(
      errorWith('ERR_RUNTIME_ARCHIVE', /libextra\.so: RECORD does not list it/),
    );
  });

  test('a library other than RECORD says', async () => {
    const info = `torch-${LIBTORCH_VERSION}+cpu.dist-info`;
    makeZip(join(wheels, TORCH_CPU), [
      { name: 'torch/lib/libc10.so', content: 'changed' },
      { name: `${info}/METADATA`, content: `Name: torch\nVersion: ${LIBTORCH_VERSION}+cpu\n` },
      { name: `${info}/RECORD`, content: `torch/lib/libc10.so,sha256=${sha256('c10', 'base64url')},3\n` },
    ]);
    expect(await refusal({ from: [wheels] })).toEqual(
      errorWith('ERR_RUNTIME_ARCHIVE', /SHA-256 is not the one in RECORD/),
    );
  });

  test('a damaged wheel, cut off or with a flipped bit anywhere', async () => {
    const wheel = makeCpuWheel(wheels);
    const whole = readFileSync(wheel);
    const damaged = (data: Buffer) => {
      writeFileSync(wheel, data);
      return install(plan('cpu', { from: [wheel] }), OTHER_LOCK);
    };
    for (let length = 0; length < whole.length; length += Math.ceil(whole.length / 40)) {
      await expect(damaged(whole.subarray(0, length))).rejects.toEqual(errorWith('ERR_RUNTIME_ARCHIVE'));
    }
    const start = whole.indexOf('torch_cpu.so') + 'torch_cpu.so'.length;
    const flipped = Buffer.from(whole);
    flipped[start + 4]! ^= 1;
    await expect(damaged(flipped)).rejects.toEqual(errorWith('ERR_RUNTIME_ARCHIVE'));
    expect(inRuntimes()).toEqual([]);
  });

  test('text, an empty file, and a zip file that is no wheel', async () => {
    writeFileSync(join(wheels, TORCH_CPU), 'not a wheel at all');
    expect(await refusal({ from: [wheels] })).toEqual(errorWith('ERR_RUNTIME_ARCHIVE', /no zip file/));
    writeFileSync(join(wheels, TORCH_CPU), '');
    expect(await refusal({ from: [wheels] })).toEqual(errorWith('ERR_RUNTIME_ARCHIVE'));
    makeZip(join(wheels, TORCH_CPU), [{ name: 'readme', content: 'hello' }]);
    expect(await refusal({ from: [wheels] })).toEqual(errorWith('ERR_RUNTIME_ARCHIVE', /lacks METADATA/));
    makeZip(join(folder, 'any.zip'), [{ name: 'readme', content: 'hello' }]);
    expect(await refusal({ from: [join(folder, 'any.zip')] })).toEqual(
      errorWith('ERR_RUNTIME_ARCHIVE', /no build-version/),
    );
  });

  test('a wheel that is another project or version inside', async () => {
    makeWheel(wheels, TORCH_CPU, {}, { metadata: 'Name: torch\nVersion: 2.12.0+cpu\n' });
    expect(await refusal({ from: [wheels] })).toEqual(errorWith('ERR_RUNTIME_ARCHIVE', /torch 2\.12\.0\+cpu inside/));
  });

  test('a wheel without the libraries', async () => {
    makeWheel(wheels, TORCH_CPU, { 'torch/version.py': `__version__ = '${LIBTORCH_VERSION}+cpu'` });
    expect(await refusal({ from: [wheels] })).toEqual(errorWith('ERR_RUNTIME_ARCHIVE', /libc10\.so is missing/));
  });

  test('a file that the lock knows by another SHA-256', async () => {
    const lock = makeCudaWheels(wheels);
    makeWheel(wheels, CUDART, { 'nvidia/cu13/lib/libcudart.so.13': 'forged' });
    expect(await refusal({ from: [wheels] }, lock)).toEqual(
      errorWith('ERR_RUNTIME_HASH', /nvidia_cuda_runtime.*this version of hyperiqa knows/),
    );
  });

  test('other versions, platforms and builds, named as what there is', async () => {
    for (const file of [
      `torch-2.12.0-cp311-cp311-manylinux_2_28_${machine}.whl`,
      `torch-${LIBTORCH_VERSION}-cp311-cp311-win_amd64.whl`,
      `torch-${LIBTORCH_VERSION}+cu126-cp311-cp311-manylinux_2_28_${machine}.whl`,
      `torch-${LIBTORCH_VERSION}-cp311-cp311-manylinux_2_99_${machine}.whl`,
    ]) {
      writeFileSync(join(wheels, file), '');
    }
    expect(await refusal({ from: [wheels] })).toEqual(errorWith('ERR_RUNTIME_SOURCE', /It has torch-2\.12\.0/));
  });

  test('a CPU build where CUDA was asked for', async () => {
    makeCpuWheel(wheels);
    expect(await refusal({ from: [wheels] }, OTHER_LOCK, 'cuda')).toEqual(errorWith('ERR_RUNTIME_SOURCE'));
    const cpuBuild = makeWheel(wheels, TORCH, { 'torch/lib/libc10.so': 'c10' });
    expect(await refusal({ from: [cpuBuild] }, OTHER_LOCK, 'cuda')).toEqual(
      errorWith('ERR_RUNTIME_SOURCE', /is a CPU build/),
    );
  });

  test("a CUDA build without NVIDIA's libraries, which are named", async () => {
    const lock = makeCudaWheels(wheels);
    expect(await refusal({ from: [join(wheels, TORCH)] }, lock)).toEqual(
      errorWith('ERR_RUNTIME_SOURCE', new RegExp(`two small libraries.*${CUDART}`)),
    );
  });

  test('what is not there, is no wheel by its name, or is an empty folder', async () => {
    expect(await refusal({ from: [join(folder, 'nothing.whl')] })).toEqual(errorWith('ERR_RUNTIME_SOURCE'));
    cpSync(makeCpuWheel(wheels), join(folder, 'torch.whl'));
    expect(await refusal({ from: [join(folder, 'torch.whl')] })).toEqual(
      errorWith('ERR_RUNTIME_SOURCE', /not a wheel's name/),
    );
    expect(await refusal({ from: [subfolder(folder, 'empty')] })).toEqual(errorWith('ERR_RUNTIME_SOURCE'));
  });

  test('a cache folder that cannot be one', async () => {
    writeFileSync(join(folder, 'file'), '');
    vi.stubEnv('HYPERIQA_CACHE', join(folder, 'file'));
    expect(await refusal({ from: [makeCpuWheel(wheels)] })).toEqual(errorWith('ERR_RUNTIME_CACHE', /HYPERIQA_CACHE/));
  });

  test('an aborted installation', async () => {
    const from = [makeCpuWheel(wheels)];
    expect(await refusal({ from, signal: AbortSignal.abort() })).toEqual(errorWith('ERR_ABORTED'));
    const controller = new AbortController();
    const onProgress = () => {
      controller.abort();
    };
    expect(await refusal({ from, signal: controller.signal, onProgress })).toEqual(errorWith('ERR_ABORTED'));
  });

  test('a callback that throws', async () => {
    const onProgress = () => {
      throw new RangeError('mine');
    };
    expect(await refusal({ from: [makeCpuWheel(wheels)], onProgress })).toMatchObject({ name: 'RangeError' });
  });
});

describe.runIf(['linux-x64', 'linux-arm64'].includes(platform))('what is installed', () => {
  beforeEach(async () => {
    await install(plan('cpu', { from: [makeCpuWheel(wheels)] }), OTHER_LOCK);
  });

  test('verify finds what changed, what is missing and what was added', async () => {
    const path = join(runtimeFolder('cpu'), 'torch/lib');
    expect(await verifyRuntime('cpu')).toMatchObject({ intact: true, problems: [] });
    writeFileSync(join(path, 'libc10.so'), 'C10');
    writeFileSync(join(path, 'libgomp.so.1'), '');
    writeFileSync(join(path, 'libother.so'), 'x');
    const { problems, intact } = await verifyRuntime('cpu');
    expect(intact).toBe(false);
    expect(problems).toEqual([
      { file: 'torch/lib/libother.so', problem: 'unknown' },
      { file: 'torch/lib/libc10.so', problem: 'changed' },
      { file: 'torch/lib/libgomp.so.1', problem: 'changed' },
    ]);
    await expect(verifyRuntime('cpu', { signal: AbortSignal.abort() })).rejects.toEqual(errorWith('ERR_ABORTED'));
  });

  test('use and remove', async () => {
    await useRuntime(null);
    expect(selectedRuntime()).toBeNull();
    await useRuntime('cpu');
    expect(await listRuntimes()).toMatchObject({ inUse: 'cpu', installed: [{ kind: 'cpu', inUse: true }] });
    await removeRuntime('cpu');
    expect(inRuntimes()).toEqual([]);
    for (const call of [() => removeRuntime('cpu'), () => useRuntime('cpu'), () => verifyRuntime('cpu')]) {
      await expect(call()).rejects.toEqual(errorWith('ERR_RUNTIME_NOT_INSTALLED', /runtime install cpu/));
    }
  });

  test('a record that was changed into something else counts as none', async () => {
    writeFileSync(join(runtimeFolder('cpu'), 'hyperiqa-runtime.json'), '{"formatVersion": 1, "files": [null]}');
    expect((await listRuntimes()).installed).toEqual([]);
    await removeRuntime('cpu');
    expect(existsSync(runtimeFolder('cpu'))).toBe(false);
  });
});
