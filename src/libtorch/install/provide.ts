/** Provides the LibTorch that a checkout is built against and runs with, headers included. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { abortedError } from '../../support/abort.js';
import { requireCacheFolder } from '../../support/cache-folder.js';
import { cachedLibTorch, libraryFiles, readLibTorchVersion } from '../locate.js';
import { LIBTORCH_VERSION } from '../version.js';
import { assemble, type Order } from './assemble.js';
import { asFailure, failure, OWN_LIBTORCH } from './failures.js';
import { checkGlibc } from './glibc.js';
import { LOCK, wheelsFor, type Lock } from './wheel-lock.js';
import { inWorkFolder, settle } from './work-folder.js';

/**
 * Folder of the LibTorch to build with, the one that holds `lib` and `include`: the one that HYPERIQA_LIBTORCH or LIBTORCH
 * names, else the one in the cache folder, which is downloaded and unpacked first where it is missing (about 540 MB and
 * 1 GB). It takes its name when it is complete; of several runs at once the first one wins.
 *
 * @throws HyperIQAError ERR_LIBTORCH_NOT_FOUND, ERR_LIBTORCH_VERSION for a named folder; ERR_RUNTIME_SOURCE,
 *   ERR_RUNTIME_DOWNLOAD, ERR_RUNTIME_HASH, ERR_RUNTIME_ARCHIVE, ERR_RUNTIME_CACHE, ERR_ABORTED
 */
export async function provideLibTorch(
  { signal, onProgress = () => undefined }: Partial<Pick<Order, 'signal' | 'onProgress'>> = {},
  lock: Lock = LOCK,
): Promise<string> {
  for (const variable of ['HYPERIQA_LIBTORCH', 'LIBTORCH']) {
    const folder = process.env[variable];
    if (folder) return checkNamed(variable, resolve(folder));
  }
  requireCacheFolder('ERR_RUNTIME_CACHE');
  const path = cachedLibTorch() ?? '';
  if (isComplete(path)) return path;
  const final = dirname(path);
  const parent = dirname(final);
  try {
    signal?.throwIfAborted();
    wheelsFor('cpu', lock);
    checkGlibc();
    await inWorkFolder(parent, async (work) => {
      const order = { purpose: 'build' as const, from: [], sha256: undefined, signal, onProgress };
      const { folder } = await assemble(order, lock, work);
      const missing = missingFile(join(folder, 'torch'));
      if (missing !== undefined) {
        throw failure('ERR_RUNTIME_ARCHIVE', `The downloaded wheels are incomplete: ${missing} is missing.`);
      }
      signal?.throwIfAborted();
      await settle(folder, final, work, () => Promise.resolve(isComplete(path)));
    });
  } catch (error) {
    throw signal?.aborted ? abortedError(signal) : asFailure(error, parent);
  }
  return path;
}

/** A LibTorch that the user names must be right; nothing is downloaded in its place. */
function checkNamed(variable: string, path: string): string {
  const missing = missingFile(path);
  if (missing !== undefined) {
    throw failure(
      'ERR_LIBTORCH_NOT_FOUND',
      `${variable} is ${path}, but ${join(path, missing)} is not there. ` +
        'It must name the folder that holds LibTorch\'s "lib" and "include"; or unset it to have LibTorch downloaded.',
    );
  }
  const version = readLibTorchVersion(path);
  if (version === LIBTORCH_VERSION) return path;
  throw failure(
    'ERR_LIBTORCH_VERSION',
    `${variable} is ${path}, which is LibTorch ${version ?? 'of unknown version'}; hyperiqa needs exactly ` +
      `${LIBTORCH_VERSION}. Unset the variable to have LibTorch downloaded. ${OWN_LIBTORCH}`,
  );
}

const isComplete = (path: string): boolean =>
  missingFile(path) === undefined && readLibTorchVersion(path) === LIBTORCH_VERSION;

/** The first file that building needs and that a folder lacks, below the folder. */
function missingFile(path: string): string | undefined {
  const files = [...libraryFiles(path), join(path, 'include/ATen/ATen.h')];
  return files.find((file) => !existsSync(file))?.slice(path.length + 1);
}
