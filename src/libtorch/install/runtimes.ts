/** The public functions of runtime management. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { abortedError } from '../../support/abort.js';
import { cacheFolder } from '../../support/cache-folder.js';
import { LIBTORCH_VERSION } from '../version.js';
import {
  checkBoolean,
  checkFunction,
  checkObject,
  checkOneOf,
  checkSignal,
  checkString,
  invalid,
} from '../../support/validate.js';
import { asFailure, failure } from './failures.js';
import { hashFile } from '../../files/sha256.js';
import { install } from './install.js';
import { RUNTIME_KINDS, runtimeFolder, runtimesFolder, selectedRuntime, type RuntimeKind } from '../runtime-folders.js';
import { discard, readInstalled, readRecord, select, type RuntimeRecord } from './record.js';
import type {
  AvailableRuntime,
  InstalledRuntime,
  InstallRuntimeOptions,
  RuntimeList,
  RuntimeVerification,
  VerifyRuntimeOptions,
} from './types.js';
import { LOCK, totalSize } from './wheel-lock.js';

/** The runtimes that are installed, and those that can be. */
export async function listRuntimes(): Promise<RuntimeList> {
  const installed = await Promise.all(RUNTIME_KINDS.map((kind) => readInstalled(kind)));
  return {
    folder: cacheFolder() === undefined ? null : runtimesFolder(),
    installed: installed.filter((runtime) => runtime !== undefined),
    available: RUNTIME_KINDS.flatMap(available),
    inUse: selectedRuntime(),
  };
}

function available(kind: RuntimeKind): AvailableRuntime[] {
  const wheels = LOCK.filter(({ kinds }) => kinds.includes(kind));
  if (wheels.length === 0) return [];
  return [
    {
      kind,
      version: LIBTORCH_VERSION,
      downloadBytes: totalSize(wheels),
      wheels: wheels.map(({ file, version, size, sha256 }) => ({ file, version, bytes: size, sha256 })),
    },
  ];
}

/**
 * Installs a LibTorch into the cache folder and makes it the one in use. Where it is installed already, only the latter.
 * A process that has loaded a model keeps the LibTorch it has.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT, ERR_RUNTIME_SOURCE, ERR_RUNTIME_DOWNLOAD, ERR_RUNTIME_HASH,
 *   ERR_RUNTIME_ARCHIVE, ERR_RUNTIME_CACHE, ERR_ABORTED
 */
export async function installRuntime(
  kind: RuntimeKind,
  options: InstallRuntimeOptions = {},
): Promise<InstalledRuntime> {
  checkOneOf('kind', kind, RUNTIME_KINDS);
  const { from, sha256, force, signal, onProgress } = checkObject('options', options, [
    ...['from', 'sha256', 'force', 'signal', 'onProgress'],
  ]);
  const places = from === undefined ? [] : Array.isArray(from) ? (from as unknown[]) : [from];
  if (from !== undefined && places.length === 0) throw invalid('from', 'a path or an address, or several', from);
  if (sha256 !== undefined && (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/i.test(sha256))) {
    throw invalid('sha256', '64 hexadecimal digits', sha256);
  }
  if (sha256 !== undefined && places.length === 0) {
    throw failure('ERR_INVALID_ARGUMENT', 'sha256 is that of a wheel or archive that "from" names.');
  }
  return install(
    {
      kind,
      from: places.map((place) => checkString('from', place)),
      sha256: sha256?.toLowerCase(),
      force: force === undefined ? false : checkBoolean('force', force),
      signal: signal === undefined ? undefined : checkSignal('signal', signal),
      onProgress: checkCallback(onProgress),
    },
    LOCK,
  );
}

/**
 * Makes an installed runtime the one in use; null: none, so that LibTorch is found where it would be without runtimes.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT, ERR_RUNTIME_NOT_INSTALLED, ERR_RUNTIME_CACHE
 */
export async function useRuntime(kind: RuntimeKind | null): Promise<void> {
  if (kind !== null) {
    checkOneOf('kind', kind, RUNTIME_KINDS);
    const installed = await readInstalled(kind);
    if (installed === undefined) throw notInstalled(kind);
    if (installed.problem !== null) {
      throw failure(
        'ERR_RUNTIME_NOT_INSTALLED',
        `The runtime ${kind} is damaged: ${installed.problem}. Run "npx hyperiqa runtime install ${kind}" again.`,
      );
    }
  }
  try {
    await select(kind);
  } catch (error) {
    throw asFailure(error, runtimesFolder());
  }
}

/**
 * Reads every file of an installed runtime and compares it with what was installed.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT, ERR_RUNTIME_NOT_INSTALLED, ERR_ABORTED
 */
export async function verifyRuntime(
  kind: RuntimeKind,
  options: VerifyRuntimeOptions = {},
): Promise<RuntimeVerification> {
  checkOneOf('kind', kind, RUNTIME_KINDS);
  const { signal: given, onProgress } = checkObject('options', options, ['signal', 'onProgress']);
  const signal = given === undefined ? undefined : checkSignal('signal', given);
  const report = checkCallback(onProgress);
  const folder = runtimeFolder(kind);
  const record = await readRecord(folder);
  if (record === null) throw notInstalled(kind);
  const problems = await unknownFiles(folder, record);
  const totalBytes = record.files.reduce((sum, { bytes }) => sum + bytes, 0);
  let bytes = 0;
  for (const { path, sha256 } of record.files) {
    try {
      const found = await hashFile(join(folder, path), {
        signal,
        onBytes: (count) => {
          report({ phase: 'verify', file: path, bytes: (bytes += count), totalBytes });
        },
      });
      if (found.sha256 !== sha256) problems.push({ file: path, problem: 'changed' });
    } catch (error) {
      if (signal?.aborted) throw abortedError(signal);
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw asFailure(error, folder);
      problems.push({ file: path, problem: 'missing' });
    }
  }
  return {
    kind,
    path: join(folder, 'torch'),
    intact: problems.length === 0,
    files: record.files.length,
    bytes,
    problems,
  };
}

/** Libraries beside those installed: the linker may take one of them in place of another. */
async function unknownFiles(folder: string, { files }: RuntimeRecord): Promise<RuntimeVerification['problems']> {
  const known = new Set(files.map(({ path }) => path));
  const names = (await readdir(folder, { recursive: true })).map((name) => name.replaceAll('\\', '/'));
  const odd = names.filter((name) => /\.(?:so(?:\.[\d.]+)?|dylib|dll)$/.test(name) && !known.has(name));
  const stats = await Promise.all(odd.map((name) => stat(join(folder, name)).catch(() => null)));
  return odd.filter((_, i) => stats[i]?.isFile()).map((file) => ({ file, problem: 'unknown' }));
}

/**
 * Removes an installed runtime. If it is in use, none is in use afterwards.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT, ERR_RUNTIME_NOT_INSTALLED, ERR_RUNTIME_CACHE
 */
export async function removeRuntime(kind: RuntimeKind): Promise<void> {
  checkOneOf('kind', kind, RUNTIME_KINDS);
  try {
    // Withdraw the choice first, then remove the files.
    if (selectedRuntime() === kind) await select(null);
    await discard(kind);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw notInstalled(kind);
    throw asFailure(error, runtimesFolder());
  }
}

const notInstalled = (kind: RuntimeKind) =>
  failure(
    'ERR_RUNTIME_NOT_INSTALLED',
    `The runtime ${kind} (LibTorch ${LIBTORCH_VERSION}) is not installed. ` +
      `"npx hyperiqa runtime install ${kind}" installs it.`,
  );

function checkCallback(value: unknown): NonNullable<InstallRuntimeOptions['onProgress']> {
  if (value === undefined) return () => undefined;
  return checkFunction('onProgress', value) as NonNullable<InstallRuntimeOptions['onProgress']>;
}
