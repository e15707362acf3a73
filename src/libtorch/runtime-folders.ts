/** Paths of installed runtimes in the cache folder, and the choice of the one in use. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { cacheFolder, requireCacheFolder } from '../support/cache-folder.js';
import { LIBTORCH_VERSION, PLATFORM } from './version.js';

/** A LibTorch build: for the processor only, or for NVIDIA GPUs as well. */
export const RUNTIME_KINDS = ['cpu', 'cuda'] as const;
/** Kind of a runtime: LibTorch for the CPU or for CUDA. */
export type RuntimeKind = (typeof RUNTIME_KINDS)[number];

/**
 * Folder of all runtimes, those of other versions of hyperiqa included.
 *
 * @throws HyperIQAError ERR_RUNTIME_CACHE without a cache folder
 */
export function runtimesFolder(): string {
  return join(requireCacheFolder('ERR_RUNTIME_CACHE'), 'runtimes');
}

/** Name of a runtime's folder: another LibTorch version or platform that shares the cache has its own. */
export function runtimeName(kind: RuntimeKind): string {
  return `${LIBTORCH_VERSION}-${PLATFORM}-${kind}`;
}

/** Folder of a runtime, whether it is installed or not. Its `torch` folder holds LibTorch's `lib`. */
export function runtimeFolder(kind: RuntimeKind): string {
  return join(runtimesFolder(), runtimeName(kind));
}

/** The file that names the runtime in use. */
export function selectionFile(): string {
  return join(runtimesFolder(), `${LIBTORCH_VERSION}-${PLATFORM}.selected`);
}

/** The runtime in use; null where none was installed, or LibTorch is to be found without one. */
export function selectedRuntime(): RuntimeKind | null {
  if (cacheFolder() === undefined) return null;
  let text: string;
  try {
    text = readFileSync(selectionFile(), 'utf8').trim();
  } catch {
    return null;
  }
  return RUNTIME_KINDS.find((kind) => kind === text) ?? null;
}
