/** Looks at everything that scoring needs, and says what is wrong and what to do. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { familySync } from 'detect-libc';

import type { ErrorCode } from '../errors.js';
import { locateAddon } from '../libtorch/addon.js';
import { makeFolder } from '../files/make-folder.js';
import { cacheFolder, NO_CACHE_FOLDER } from '../support/cache-folder.js';
import { packageVersion, supportedNode, testedSharp } from '../support/package.js';
import { LIBTORCH_VERSION, PLATFORM } from '../libtorch/version.js';
import { DRIVER_NEEDED, nvidiaDriver } from './driver.js';
import { listRuntimes } from '../libtorch/install/runtimes.js';
import { findPip } from '../libtorch/install/pip.js';
import { checkProbeOptions, libTorchCandidates, probe, type ProbeOutcomes } from './probe.js';
import { GLIBC_NEEDED, glibcVersion } from '../libtorch/install/glibc.js';
import type { DoctorCheck, DoctorReport, NvidiaDriver, ProbeOptions, RuntimeList } from '../libtorch/install/types.js';
import { isOlder } from '../libtorch/install/wheel-name.js';

/**
 * Examines this installation: Node.js, the system, the cache folder, LibTorch, the addon, CUDA, sharp, the default model
 * with its self-check, and the installed runtimes. Libraries are tried in a process of their own. Nothing is changed but
 * the measured graph mode of the cache folder, and nothing is fetched.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT, ERR_ABORTED; what is wrong with the installation is in the report
 */
export async function doctor(options: ProbeOptions = {}): Promise<DoctorReport> {
  const checked = checkProbeOptions(options);
  const [outcomes, driver, runtimes, installSource, cache] = await Promise.all([
    probe(checked, { model: true }),
    nvidiaDriver(),
    listRuntimes(),
    findInstallSource(checked.signal),
    checkCache(),
  ]);
  const candidates = libTorchCandidates(checked.libtorch);
  const checks = [
    checkNode(),
    checkPlatform(),
    cache,
    checkLibTorch(outcomes),
    checkAddon(outcomes),
    checkCuda(outcomes, driver),
    checkSharp(outcomes),
    checkModel(outcomes),
    checkRuntimes(runtimes),
    checkInstallSource(installSource),
  ];
  return {
    ok: checks.every(({ status }) => status !== 'problem'),
    checks,
    system: { platform: PLATFORM, libc: libc(), node: process.versions.node, hyperiqa: packageVersion, driver },
    libtorch: { chosen: outcomes.libtorch?.value ?? null, candidates },
    cuda: outcomes.cuda?.value ?? null,
    runtimes,
    installSource,
  };
}

type Id = DoctorCheck['id'];
const ok = (id: Id, message: string): DoctorCheck => ({ id, status: 'ok', message, remedy: null });
const skipped = (id: Id, message: string): DoctorCheck => ({ id, status: 'skipped', message, remedy: null });
const warning = (id: Id, message: string, remedy: string): DoctorCheck => ({ id, status: 'warning', message, remedy });
const problem = (id: Id, message: string, remedy: string): DoctorCheck => ({ id, status: 'problem', message, remedy });

function checkNode(): DoctorCheck {
  const needed = /\d+(?:\.\d+)*/.exec(supportedNode)?.[0] ?? '0';
  const { node } = process.versions;
  return isOlder(node, needed)
    ? problem('node', `Node.js ${node} is too old`, `Install Node.js ${needed} or newer.`)
    : ok('node', `Node.js ${node}`);
}

function libc(): string | null {
  if (process.platform !== 'linux') return null;
  const glibc = glibcVersion();
  return glibc === undefined ? (familySync() ?? 'unknown C library') : `glibc ${glibc}`;
}

function checkPlatform(): DoctorCheck {
  const name = libc();
  const text = name === null ? PLATFORM : `${PLATFORM}, ${name}`;
  if (name === null) return ok('platform', text);
  const glibc = glibcVersion();
  if (glibc !== undefined && !isOlder(glibc, GLIBC_NEEDED)) return ok('platform', text);
  return problem(
    'platform',
    `${text}: LibTorch's libraries need glibc ${GLIBC_NEEDED} or newer`,
    'Use a newer system or image, such as Debian or "node:22-slim" (Alpine Linux has another C library).',
  );
}

const WITHOUT_CACHE =
  'without one graph modes are measured at every load, models are tried anew, and no runtime can be installed.';

async function checkCache(): Promise<DoctorCheck> {
  const folder = cacheFolder();
  if (folder === undefined) {
    return warning('cache', NO_CACHE_FOLDER, `Set HYPERIQA_CACHE to a folder that can be written; ${WITHOUT_CACHE}`);
  }
  try {
    await makeFolder(folder);
    const trial = await mkdtemp(join(folder, '.doctor-'));
    try {
      await writeFile(join(trial, 'trial'), '');
    } finally {
      await rm(trial, { recursive: true, force: true });
    }
    return ok('cache', `${folder} can be written`);
  } catch (error) {
    return warning(
      'cache',
      `${folder} cannot be written: ${(error as Error).message}`,
      `Set HYPERIQA_CACHE to a folder that can be; ${WITHOUT_CACHE}`,
    );
  }
}

/** The messages of these errors end with what to do. */
const SEE_MESSAGE = 'As the message says; docs/install.md, docs/runtime.md.';

function checkLibTorch({ libtorch }: ProbeOutcomes): DoctorCheck {
  if (libtorch?.value) {
    const { path, source } = libtorch.value;
    return ok('libtorch', `LibTorch ${libtorch.value.version}, ${path} (${SOURCES[source]})`);
  }
  const error = libtorch?.error;
  // LibTorch is found before the addon is looked for.
  if (error?.code === 'ERR_ADDON_NOT_FOUND') return skipped('libtorch', 'not opened: the addon is missing');
  return problem(
    'libtorch',
    error ? `${error.message} (${error.code})` : 'The process that opens LibTorch ended early.',
    error?.code === 'ERR_LIBTORCH_LOAD'
      ? 'Install the libraries anew: "npx hyperiqa runtime install cpu --force", or reinstall hyperiqa.'
      : SEE_MESSAGE,
  );
}

const SOURCES = {
  option: 'the libtorch option',
  HYPERIQA_LIBTORCH: '$HYPERIQA_LIBTORCH',
  LIBTORCH: '$LIBTORCH',
  runtime: 'the runtime in use',
  cache: 'the cache folder',
  package: 'the npm package',
};

function checkAddon({ libtorch }: ProbeOutcomes): DoctorCheck {
  const { path } = locateAddon('hyperiqa.node');
  if (libtorch?.error?.code === 'ERR_ADDON_NOT_FOUND') {
    return problem('addon', `${libtorch.error.message} (ERR_ADDON_NOT_FOUND)`, SEE_MESSAGE);
  }
  if (path === undefined) return problem('addon', 'hyperiqa.node is not there', 'Reinstall hyperiqa.');
  return libtorch?.value ? ok('addon', path) : skipped('addon', `${path}: not loaded, for want of LibTorch`);
}

function checkCuda({ libtorch, cuda }: ProbeOutcomes, driver: NvidiaDriver | null): DoctorCheck {
  const gpus = driver?.gpus.map(({ name }) => name).join(', ') ?? '';
  const hasDriver = driver !== null || existsSync('/proc/driver/nvidia/version');
  if (cuda?.value?.available) {
    const devices = cuda.value.devices.map(({ id, name }) => `${id} (${name})`).join(', ');
    return ok('cuda', `${devices}${driver ? `, driver ${driver.version}` : ''}`);
  }
  if (!libtorch?.value) return skipped('cuda', 'not looked for, for want of LibTorch');
  if (cuda?.error) return problem('cuda', cuda.error.message, 'Run "npx hyperiqa runtime install cuda --force".');
  const reason = cuda ? cuda.value.reason : 'not looked for';
  if (!hasDriver) return skipped('cuda', `the processor is used: ${reason}`);
  const found = driver
    ? `driver ${driver.version}, ${gpus}`
    : "NVIDIA's driver is there, but nvidia-smi does not answer";
  if (driver && isOlder(driver.version, DRIVER_NEEDED)) {
    return warning(
      'cuda',
      `the processor is used: ${reason} (${found})`,
      `CUDA 13 needs NVIDIA's driver ${DRIVER_NEEDED} or newer: update it.`,
    );
  }
  const remedy = /CPU build|incomplete/.test(reason)
    ? 'Run "npx hyperiqa runtime install cuda", and unset HYPERIQA_LIBTORCH and LIBTORCH if they are set.'
    : 'Check that "nvidia-smi" works where this runs (in a container: start it with --gpus all).';
  return warning('cuda', `the processor is used: ${reason} (${found})`, remedy);
}

function checkSharp({ sharp }: ProbeOutcomes): DoctorCheck {
  if (sharp?.value) {
    const found = `sharp ${sharp.value.sharp}, libvips ${sharp.value.libvips}`;
    if (sharp.value.sharp === testedSharp) return ok('sharp', found);
    return warning(
      'sharp',
      `${found}: hyperiqa was tested with sharp ${testedSharp}`,
      `Another decoder may change last digits of scores. For the tested one: "npm install sharp@${testedSharp}".`,
    );
  }
  return problem('sharp', sharp ? sharp.error.message : 'sharp was not tried', SEE_MESSAGE);
}

const MODEL_REMEDIES: Partial<Record<ErrorCode, string>> = {
  ERR_MODEL_NOT_FOUND: 'Reinstall hyperiqa.',
  ERR_MODEL_FORMAT: 'Reinstall hyperiqa: its model file is damaged.',
  ERR_MODEL_SELF_CHECK: 'The scores on this machine would be wrong: docs/errors.md, "Models".',
};

function checkModel({ libtorch, model }: ProbeOutcomes): DoctorCheck {
  if (model?.value) {
    const { name, path, largestDifference } = model.value;
    return ok(
      'model',
      `${name} passes its self-check (largest difference ${largestDifference.toExponential(1)}), ${path}`,
    );
  }
  if (!libtorch?.value || !model) return skipped('model', 'not loaded, for want of LibTorch');
  const { code, message } = model.error;
  return problem('model', `${message} (${code})`, MODEL_REMEDIES[code] ?? SEE_MESSAGE);
}

function checkRuntimes({ installed, inUse }: RuntimeList): DoctorCheck {
  const damaged = installed.filter((runtime) => runtime.problem !== null);
  const names = installed.map((runtime) => `${runtime.kind}${runtime.inUse ? ' (in use)' : ''}`).join(', ');
  if (inUse !== null && !installed.some(({ kind }) => kind === inUse)) {
    return problem(
      'runtimes',
      `the runtime in use, ${inUse}, is not there`,
      `Run "npx hyperiqa runtime install ${inUse}", or "npx hyperiqa runtime use none".`,
    );
  }
  const [first] = damaged;
  if (first === undefined) return ok('runtimes', names === '' ? 'none is installed' : `installed: ${names}`);
  return (first.inUse ? problem : warning)(
    'runtimes',
    damaged.map((runtime) => `${runtime.kind}: ${String(runtime.problem)}`).join('; '),
    `Run "npx hyperiqa runtime install ${first.kind}".`,
  );
}

async function findInstallSource(signal: AbortSignal | undefined): Promise<DoctorReport['installSource']> {
  const found = await findPip(signal);
  if (found?.pip) return { kind: 'pip', detail: `${found.python}, pip ${found.pip.version}` };
  return { kind: 'none', detail: found ? `${found.python} has no pip` : 'no Python' };
}

function checkInstallSource({ kind, detail }: DoctorReport['installSource']): DoctorCheck {
  if (kind !== 'none') return ok('install-source', `"runtime install" takes LibTorch from ${kind}: ${detail}`);
  return skipped(
    'install-source',
    `"runtime install" finds no pip (${detail}): name a wheel, archive, folder or address of LibTorch ${LIBTORCH_VERSION}`,
  );
}
