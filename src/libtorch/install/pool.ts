/** Wheels to choose from, wherever they are: on an index, in folders, at addresses. */
import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';

import { LIBTORCH_VERSION, PLATFORM } from '../version.js';
import { failure, shown } from './failures.js';
import { hashFile } from './hashing.js';
import type { RuntimeKind } from '../places.js';
import { glibcVersion } from './system.js';
import type { RuntimeOrigin } from './types.js';
import { wheelsOnIndex } from './wheel-index.js';
import { parseWheelName, runsOn, type WheelName } from './wheel-name.js';
import { totalSize, wheelsFor, type Lock, type LockedWheel } from './wheels.js';
import type { Web } from './web.js';

/** A wheel that could be used. */
export interface Candidate {
  file: string;
  name: WheelName;
  /** Path or address. */
  at: string | URL;
  /** SHA-256 that it must have, and who says so. */
  claim?: { sha256: string; by: 'index' | 'caller' } | undefined;
}

/** The wheels of a project, from one kind of place. */
export interface Pool {
  /** For messages: `the folder /a/b`. */
  name: string;
  list(project: string): Promise<Candidate[]>;
  /** Hashes must come with the wheels: from the lock or from the index. */
  strict: boolean;
}

/** A wheel on disk. */
export interface Acquired {
  path: string;
  origin: RuntimeOrigin;
  /** To be removed once it is unpacked. */
  temporary: boolean;
}

export function indexPool(web: Web, index: URL, signal: AbortSignal | undefined): Pool {
  return {
    name: `the package index ${shown(index)}`,
    strict: true,
    list: async (project) =>
      (await wheelsOnIndex(web, index, project, signal)).map(({ file, name, url, sha256 }) => ({
        file,
        name,
        at: url,
        claim: sha256 === undefined ? undefined : { sha256, by: 'index' as const },
      })),
  };
}

export function listPool(name: string, candidates: readonly Candidate[]): Pool {
  return {
    name,
    strict: false,
    list: (project) => Promise.resolve(candidates.filter((candidate) => candidate.name.project === project)),
  };
}

/** The wheels in a folder. */
export async function wheelsIn(folder: string): Promise<Candidate[]> {
  return (await readdir(folder)).flatMap((file) => {
    const name = parseWheelName(file);
    return name === undefined ? [] : [{ file, name, at: join(folder, file) }];
  });
}

/** A wheel by its path or address. @throws HyperIQAError ERR_RUNTIME_SOURCE where its name is not a wheel's */
export function wheelAt(at: string | URL, claim?: Candidate['claim']): Candidate {
  const file = typeof at === 'string' ? basename(resolve(at)) : fileOf(at);
  const name = parseWheelName(file);
  if (name === undefined) {
    throw failure(
      'ERR_RUNTIME_SOURCE',
      `${file} is not a wheel's name. Give it the name that it was published with, such as ` +
        `torch-${LIBTORCH_VERSION}-cp311-cp311-manylinux_2_28_x86_64.whl.`,
    );
  }
  return { file, name, at, claim };
}

/** The file name at the end of an address. */
export function fileOf(address: URL): string {
  const last = address.pathname.split('/').at(-1) ?? '';
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

/**
 * The wheel of PyTorch to take: of the exact version, for this platform, and of a build that the runtime can be made of.
 * A CPU runtime takes the CPU build where there is one, because it is smaller, else the CPU part of the CUDA build.
 *
 * @throws HyperIQAError ERR_RUNTIME_SOURCE says what there is instead
 */
export async function chooseTorch(pool: Pool, kind: RuntimeKind, lock: Lock): Promise<Candidate> {
  const all = await pool.list('torch');
  const system = { platform: process.platform, arch: process.arch, glibc: glibcVersion() };
  const builds = kind === 'cpu' ? /^(?:cpu|cu13\d*|)$/ : /^(?:cu13\d*|)$/;
  const locked = new Set(lock.map(({ file }) => file));
  const rank = ({ file, name }: Candidate) => [
    kind === 'cpu' && name.local === 'cpu' ? 0 : 1,
    locked.has(file) ? 0 : 1,
    name.local === '' ? 0 : 1,
    name.python.includes('cp311') ? 0 : 1,
  ];
  const fitting = all
    .filter(
      ({ name }) => name.version === LIBTORCH_VERSION && builds.test(name.local) && runsOn(name.platforms, system),
    )
    .sort((a, b) => compare(rank(a), rank(b)) || (a.file < b.file ? -1 : 1));
  const [best] = fitting;
  if (best !== undefined) return best;
  const there = all.map(({ file }) => file);
  throw failure(
    'ERR_RUNTIME_SOURCE',
    `There is no wheel of torch ${LIBTORCH_VERSION} for ${PLATFORM} (${kind}) in ${pool.name}. ` +
      (there.length > 0 ? `It has ${list(there)}.` : 'It has none of torch.'),
  );
}

/**
 * The other wheels that the CUDA build of PyTorch needs: NVIDIA's libraries, of the versions it names.
 *
 * @throws HyperIQAError ERR_RUNTIME_SOURCE names those that are missing
 */
export async function chooseOthers(
  pool: Pool,
  kind: RuntimeKind,
  lock: Lock,
): Promise<{ wheel: LockedWheel; candidate: Candidate }[]> {
  const wanted = wheelsFor(kind, lock).filter(({ project }) => project !== 'torch');
  const found = await Promise.all(
    wanted.map(async (wheel) => ({
      wheel,
      candidate: (await pool.list(wheel.project)).find(({ file }) => file === wheel.file),
    })),
  );
  const missing = found.filter(({ candidate }) => candidate === undefined).map(({ wheel }) => wheel);
  if (missing.length > 0) {
    throw failure(
      'ERR_RUNTIME_SOURCE',
      `The CUDA build of LibTorch needs ${kind === 'cpu' ? 'two small libraries' : 'libraries'} of NVIDIA that ` +
        `${pool.name} lacks: ${missing.map(({ file }) => file).join(', ')}. Put them beside it, and name the folder.`,
    );
  }
  return found.flatMap(({ wheel, candidate }) => (candidate === undefined ? [] : [{ wheel, candidate }]));
}

/**
 * The wheel on disk, with its hash checked: against the lock where that knows the file, else against what the index or
 * the caller says.
 *
 * @throws HyperIQAError ERR_RUNTIME_HASH, ERR_RUNTIME_DOWNLOAD
 */
export async function acquire(
  { file, at, claim }: Pick<Candidate, 'file' | 'at' | 'claim'>,
  lock: Lock,
  options: {
    web: Web;
    /** For downloads. */
    folder: string;
    strict: boolean;
    signal: AbortSignal | undefined;
    onBytes: (file: string, bytes: number, total: number | null) => void;
  },
): Promise<Acquired> {
  const locked = lock.find((wheel) => wheel.file === file);
  const { web, folder, strict, signal, onBytes } = options;
  const unverified = locked === undefined && claim === undefined;
  if (unverified && (strict || (typeof at !== 'string' && at.protocol !== 'https:'))) {
    const place = typeof at === 'string' ? at : shown(at);
    throw failure(
      'ERR_RUNTIME_HASH',
      `Nothing tells the SHA-256 of ${place}: ` +
        (strict ? 'the index gives none. Use another index.' : 'add #sha256=… to the address, or give --sha256.'),
    );
  }
  let total = locked?.size ?? null;
  let bytes = 0;
  const count = (more: number) => {
    onBytes(file, (bytes += more), total);
  };
  let path: string;
  let actual: { sha256: string; bytes: number };
  if (typeof at === 'string') {
    path = at;
    actual = await hashFile(path, { signal });
  } else {
    path = join(folder, file);
    actual = await web.download(at, path, {
      signal,
      size: locked?.size ?? LARGEST,
      exact: locked !== undefined,
      onSize: (size) => (total ??= size),
      onBytes: count,
    });
  }
  const wanted = locked?.sha256 ?? claim?.sha256;
  if (wanted !== undefined && wanted !== actual.sha256) {
    const by = locked ? 'this version of hyperiqa knows' : claim?.by === 'index' ? 'the index gives' : 'was given';
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
      verified: locked ? 'release' : (claim?.by ?? 'none'),
    },
  };
}

/** No wheel comes near it; a server that never ends must. */
const LARGEST = 20e9;

/** What the wheels of a runtime take on the disk while they are installed: packed and unpacked. */
export const spaceFor = (wheels: readonly LockedWheel[]): number => Math.ceil(totalSize(wheels) * 3);

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

function list(files: readonly string[]): string {
  const shownFiles = files.slice(0, 8).join(', ');
  return files.length > 8 ? `${shownFiles} and ${files.length - 8} more` : shownFiles;
}
