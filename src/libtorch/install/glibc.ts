/** Properties of this machine: C library, Python with pip. */
import { familySync, GLIBC, versionSync } from 'detect-libc';

import { LIBTORCH_VERSION, PLATFORM } from '../version.js';
import { failure } from './failures.js';
import { isOlder } from './wheel-name.js';

/** LibTorch's libraries are built for this glibc (their wheels' tag is manylinux_2_28). */
export const GLIBC_NEEDED = '2.28';

/** Version of glibc; undefined on systems with another C library or another operating system. */
export function glibcVersion(): string | undefined {
  if (process.platform !== 'linux' || familySync() !== GLIBC) return undefined;
  return versionSync() ?? undefined;
}

/** @throws HyperIQAError ERR_RUNTIME_SOURCE where LibTorch's libraries cannot run for lack of a glibc that is new enough */
export function checkGlibc(): void {
  if (process.platform !== 'linux') return;
  const glibc = glibcVersion();
  if (glibc !== undefined && !isOlder(glibc, GLIBC_NEEDED)) return;
  throw failure(
    'ERR_RUNTIME_SOURCE',
    `LibTorch ${LIBTORCH_VERSION} for ${PLATFORM} needs glibc ${GLIBC_NEEDED} or newer; this system has ` +
      `${glibc === undefined ? 'another C library' : `glibc ${glibc}`}. Use a newer system or image ` +
      '(docs/runtime.md), or set HYPERIQA_LIBTORCH to a LibTorch that was built for this one.',
  );
}
