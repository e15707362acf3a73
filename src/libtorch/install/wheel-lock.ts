/** The wheels that LibTorch is installed from: exact versions and SHA-256, in wheels.json. */
import { HyperIQAError } from '../../errors.js';
import { LIBTORCH_VERSION, PINNED_LIBTORCH_VERSION, PLATFORM } from '../version.js';
import type { RuntimeKind } from '../runtime-folders.js';
import wheels from '../wheels.json' with { type: 'json' };

/** One wheel of `wheels.json`, which `scripts/lock-runtime.mjs` writes. */
export interface LockedWheel {
  /** Name of the project on a package index. */
  project: string;
  version: string;
  file: string;
  sha256: string;
  /** Bytes. */
  size: number;
  /** The runtimes that need it. */
  kinds: readonly RuntimeKind[];
}

/** The wheels of one platform; tests put small ones in their place. */
export type Lock = readonly LockedWheel[];

const platforms = wheels.platforms as Partial<Record<string, Lock>>;

/** The lock of this platform; empty where no LibTorch is published for it, and for a version on trial. */
export const LOCK: Lock = LIBTORCH_VERSION === PINNED_LIBTORCH_VERSION ? (platforms[PLATFORM] ?? []) : [];

/** The wheels of one runtime. @throws HyperIQAError ERR_RUNTIME_SOURCE where the platform has no such build */
export function wheelsFor(kind: RuntimeKind, lock: Lock): LockedWheel[] {
  const wheels = lock.filter(({ kinds }) => kinds.includes(kind));
  if (wheels.length === 0 && LIBTORCH_VERSION !== PINNED_LIBTORCH_VERSION) {
    throw new HyperIQAError(
      'ERR_RUNTIME_SOURCE',
      `HYPERIQA_LIBTORCH_VERSION is ${LIBTORCH_VERSION}, and hyperiqa knows the hashes of ${PINNED_LIBTORCH_VERSION} only, ` +
        'so no other is downloaded. ' +
        'Set HYPERIQA_LIBTORCH to the folder of the other version, or unset HYPERIQA_LIBTORCH_VERSION.',
    );
  }
  if (wheels.length === 0) {
    throw new HyperIQAError(
      'ERR_RUNTIME_SOURCE',
      `There is no ${kind === 'cuda' ? 'CUDA' : 'CPU'} build of LibTorch ${LIBTORCH_VERSION} for ${PLATFORM}` +
        (kind === 'cuda' ? ': hyperiqa supports CUDA on Linux (x64 and arm64) only.' : '.'),
    );
  }
  return wheels;
}

export const totalSize = (wheels: readonly { size: number }[]): number =>
  wheels.reduce((sum, { size }) => sum + size, 0);
