/** Small wheels and archives in place of the real ones, and servers that offer them. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';

import { runtimesFolder, type RuntimeKind } from '../../src/libtorch/runtime-folders.js';
import type { InstallPlan } from '../../src/libtorch/install/install.js';
import type { Lock, LockedWheel } from '../../src/libtorch/install/wheel-lock.js';

export const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
export const TORCH = `torch-${LIBTORCH_VERSION}-cp311-cp311-manylinux_2_28_${machine}.whl`;
export const TORCH_CPU = `torch-${LIBTORCH_VERSION}+cpu-cp311-cp311-manylinux_2_28_${machine}.whl`;
export const CUDART = `nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_${machine}.whl`;
export const CUDNN = `nvidia_cudnn_cu13-9.20.0.48-py3-none-manylinux_2_27_${machine}.whl`;

/** An entry of a zip file; `type` is that of a Unix file (0o120000: a link). */
export interface Entry {
  name: string;
  content: string;
  type?: number;
}

const ZIP = `
import json, sys, warnings, zipfile
warnings.simplefilter("ignore")
path, entries = json.load(sys.stdin)
with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
    for entry in entries:
        info = zipfile.ZipInfo(entry["name"])
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = (entry.get("type", 0o100000) | 0o644) << 16
        archive.writestr(info, entry["content"])
`;
import { LIBTORCH_VERSION } from '../helpers/libtorch.js';

/** Python's zipfile writes what no honest program would; the archive is read by other code than wrote it. */
export function makeZip(path: string, entries: readonly Entry[]): string {
  execFileSync('python3', ['-c', ZIP], { input: JSON.stringify([path, entries]) });
  return path;
}

export const sha256 = (data: string | Buffer, encoding: 'hex' | 'base64url' = 'hex'): string =>
  createHash('sha256').update(data).digest(encoding);

/** A wheel with METADATA and a RECORD that lists its files; `odd` entries are not listed. */
export function makeWheel(
  folder: string,
  file: string,
  files: Record<string, string>,
  { odd = [], metadata }: { odd?: Entry[]; metadata?: string } = {},
): string {
  const [project = '', version = ''] = file.split('-');
  const info = `${project}-${version}.dist-info`;
  const content: Record<string, string> = {
    ...files,
    [`${info}/METADATA`]: metadata ?? `Metadata-Version: 2.4\nName: ${project}\nVersion: ${version}\n`,
    [`${info}/WHEEL`]: 'Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-any\n',
    [`${info}/licenses/LICENSE`]: `licence of ${project}`,
  };
  const record = Object.entries(content)
    .map(([name, text]) => `${name},sha256=${sha256(text, 'base64url')},${Buffer.byteLength(text)}\n`)
    .join('');
  return makeZip(join(folder, file), [
    ...Object.entries(content).map(([name, text]) => ({ name, content: text })),
    ...odd,
    { name: `${info}/RECORD`, content: `${record}${info}/RECORD,,\n` },
  ]);
}

const cpuFiles = (build: string) => ({
  'torch/lib/libc10.so': 'c10',
  'torch/lib/libtorch_cpu.so': `torch_cpu of ${build}`,
  'torch/lib/libgomp.so.1': 'gomp',
  'torch/lib/libtorch_python.so': 'python',
  'torch/lib/libshm.so': 'shm',
  'torch/lib/libstatic.a': 'static',
  'torch/include/ATen/ATen.h': 'header',
  'torch/nn/modules/linear.py': 'python',
  'torch/version.py': `__version__ = '${build}'\n`,
});
const cudaFiles = { 'torch/lib/libtorch_cuda.so': 'torch_cuda', 'torch/lib/libc10_cuda.so': 'c10_cuda' };

/** A CPU build, which needs nothing besides. */
export const makeCpuWheel = (folder: string, files: Record<string, string> = {}): string =>
  makeWheel(folder, TORCH_CPU, { ...cpuFiles(`${LIBTORCH_VERSION}+cpu`), ...files });

/** The wheels of a CUDA build, and the lock that knows them. */
export function makeCudaWheels(folder: string): Lock {
  makeWheel(folder, TORCH, { ...cpuFiles(`${LIBTORCH_VERSION}+cu130`), ...cudaFiles });
  makeWheel(folder, CUDART, { 'nvidia/cu13/lib/libcudart.so.13': 'cudart', 'nvidia/cu13/include/cuda.h': 'header' });
  makeWheel(folder, CUDNN, { 'nvidia/cudnn/lib/libcudnn.so.9': 'cudnn' });
  return lockOf(folder);
}

function lockOf(folder: string): Lock {
  const entry = (project: string, file: string, kinds: RuntimeKind[]): LockedWheel => {
    const data = readFileSync(join(folder, file));
    return { project, version: file.split('-')[1]!, file, sha256: sha256(data), size: data.length, kinds };
  };
  return [
    entry('torch', TORCH, ['cpu', 'cuda']),
    entry('nvidia-cuda-runtime', CUDART, ['cpu', 'cuda']),
    entry('nvidia-cudnn-cu13', CUDNN, ['cuda']),
  ];
}

/** A lock that knows none of the files that are given, so that nothing but their own checksums vouches for them. */
export const OTHER_LOCK: Lock = [
  {
    project: 'torch',
    version: LIBTORCH_VERSION,
    file: 'none.whl',
    sha256: '0'.repeat(64),
    size: 1,
    kinds: ['cpu', 'cuda'],
  },
];

export function plan(kind: RuntimeKind, changes: Partial<InstallPlan> = {}): InstallPlan {
  return {
    kind,
    from: [],
    sha256: undefined,
    force: false,
    signal: undefined,
    onProgress: () => undefined,
    ...changes,
  };
}

/** A python3 that is pip in a few lines of shell: `$dest` and `$requirements` are what pip is given. */
export function writeFakePip(bin: string, download: string, version = 'echo "pip 99.1 from /x"; exit 0'): void {
  const script = `#!/bin/sh
if [ "$3" = --version ]; then ${version}; fi
while [ $# -gt 1 ]; do [ "$1" = --dest ] && dest=$2; [ "$1" = --requirement ] && requirements=$2; shift; done
${download}
`;
  writeFileSync(join(bin, 'python3'), script);
  chmodSync(join(bin, 'python3'), 0o755);
}

/** A folder that goes when the test ends. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hyperiqa-runtime-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

export function subfolder(folder: string, name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
}

/** Variables that decide where runtimes are looked for, and how they are fetched. */
const VARIABLES = ['HYPERIQA_LIBTORCH', 'LIBTORCH', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];

/** A scratch folder with one for wheels inside it, and a cache of its own; `vi.unstubAllEnvs` gives the usual one back. */
export function isolated(): { folder: string; wheels: string } {
  const folder = scratch();
  vi.stubEnv('HYPERIQA_CACHE', join(folder, 'cache'));
  for (const name of VARIABLES.flatMap((name) => [name, name.toLowerCase()])) vi.stubEnv(name, '');
  return { folder, wheels: subfolder(folder, 'wheels') };
}

/** Content of the folder of runtimes, work in progress included; empty if it is missing. */
export function inRuntimes(): string[] {
  try {
    return readdirSync(runtimesFolder()).sort();
  } catch {
    return [];
  }
}

/** A server on this machine until the test ends. */
export async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
