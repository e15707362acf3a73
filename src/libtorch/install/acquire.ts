/** Gets a wheel or an archive onto the disk, and compares its SHA-256 with what is known of it. */
import { join } from 'node:path';

import { hashFile } from '../../files/sha256.js';
import type { Candidate } from './choose-wheels.js';
import { download } from './download.js';
import { failure, shown } from './failures.js';
import type { RuntimeOrigin } from './types.js';
import type { Lock } from './wheel-lock.js';

/** A wheel or an archive on the disk. */
export interface Acquired {
  path: string;
  origin: RuntimeOrigin;
  /** True if the file is to be removed once it is unpacked. */
  temporary: boolean;
}

/** Larger than any wheel; ends a download from a server that never stops sending. */
const LARGEST = 20e9;

/**
 * The file on the disk, with its hash checked: against the lock where that knows the file, else against what the caller
 * says.
 *
 * @throws HyperIQAError ERR_RUNTIME_HASH, ERR_RUNTIME_DOWNLOAD
 */
export async function acquire(
  { file, at, sha256 }: Pick<Candidate, 'file' | 'at' | 'sha256'>,
  lock: Lock,
  options: {
    /** Folder for downloads. */
    folder: string;
    signal: AbortSignal | undefined;
    onBytes: (file: string, bytes: number, total: number | null) => void;
  },
): Promise<Acquired> {
  const locked = lock.find((wheel) => wheel.file === file);
  const { folder, signal, onBytes } = options;
  const wanted = locked?.sha256 ?? sha256;
  let path: string;
  let actual: { sha256: string; bytes: number };
  if (typeof at === 'string') {
    path = at;
    actual = await hashFile(path, { signal });
  } else {
    if (wanted === undefined && at.protocol !== 'https:') {
      throw failure(
        'ERR_RUNTIME_HASH',
        `Nothing tells the SHA-256 of ${shown(at)}: add #sha256=… to the address, or give --sha256.`,
      );
    }
    path = join(folder, file);
    let bytes = 0;
    let total = locked?.size ?? null;
    actual = await download(at, path, {
      signal,
      size: locked?.size ?? LARGEST,
      exact: locked !== undefined,
      onSize: (size) => {
        total ??= size;
      },
      onBytes: (more) => {
        onBytes(file, (bytes += more), total);
      },
    });
  }
  if (wanted !== undefined && wanted !== actual.sha256) {
    const by = locked ? 'this version of hyperiqa knows' : 'was given';
    throw failure(
      'ERR_RUNTIME_HASH',
      `${file} is refused: its SHA-256 is ${actual.sha256}, and ${by} ${wanted}. It is damaged or another file.`,
    );
  }
  return {
    path,
    temporary: typeof at !== 'string',
    origin: {
      name: file,
      from: typeof at === 'string' ? at : shown(at),
      ...actual,
      verified: locked ? 'release' : sha256 === undefined ? 'none' : 'caller',
    },
  };
}
