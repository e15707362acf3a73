/** Chooses, among wheels that were given or downloaded, those that a LibTorch is made of. */
import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';

import type { RuntimeKind } from '../runtime-folders.js';
import { LIBTORCH_VERSION, PLATFORM } from '../version.js';
import { failure } from './failures.js';
import { glibcVersion } from './glibc.js';
import { totalSize, wheelsFor, type Lock, type LockedWheel } from './wheel-lock.js';
import { parseWheelName, runsOn, type WheelName } from './wheel-name.js';

/** A wheel that could be used. */
export interface Candidate {
  file: string;
  name: WheelName;
  /** Path or address. */
  at: string | URL;
  /** SHA-256 that the caller says it has. */
  sha256?: string | undefined;
}

/** Wheels from one place. */
export interface WheelSet {
  /** The place, for messages: `what pip downloaded`. */
  place: string;
  wheels: readonly Candidate[];
}

/** The wheels in a folder. */
export async function wheelsIn(folder: string): Promise<Candidate[]> {
  return (await readdir(folder)).flatMap((file) => {
    const name = parseWheelName(file);
    return name === undefined ? [] : [{ file, name, at: join(folder, file) }];
  });
}

/** A wheel by its path or address. @throws HyperIQAError ERR_RUNTIME_SOURCE where its name is not a wheel's */
export function wheelAt(at: string | URL, sha256?: string): Candidate {
  const file = typeof at === 'string' ? basename(resolve(at)) : fileOf(at);
  const name = parseWheelName(file);
  if (name === undefined) {
    throw failure(
      'ERR_RUNTIME_SOURCE',
      `${file} is not a wheel's name. Give it the name that it was published with, such as ` +
        `torch-${LIBTORCH_VERSION}-cp311-cp311-manylinux_2_28_x86_64.whl.`,
    );
  }
  return { file, name, at, sha256 };
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
export function chooseTorch({ place, wheels }: WheelSet, kind: RuntimeKind, lock: Lock): Candidate {
  const all = wheels.filter(({ name }) => name.project === 'torch');
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
    `There is no wheel of torch ${LIBTORCH_VERSION} for ${PLATFORM} (${kind}) in ${place}. ` +
      (there.length > 0 ? `It has ${list(there)}.` : 'It has none of torch.'),
  );
}

/**
 * The other wheels that the CUDA build of PyTorch needs: NVIDIA's libraries, of the versions it names.
 *
 * @throws HyperIQAError ERR_RUNTIME_SOURCE names those that are missing
 */
export function chooseOthers(
  { place, wheels }: WheelSet,
  kind: RuntimeKind,
  lock: Lock,
): { wheel: LockedWheel; candidate: Candidate }[] {
  const wanted = wheelsFor(kind, lock).filter(({ project }) => project !== 'torch');
  const found = wanted.map((wheel) => ({ wheel, candidate: wheels.find(({ file }) => file === wheel.file) }));
  const missing = found.filter(({ candidate }) => candidate === undefined).map(({ wheel }) => wheel);
  if (missing.length > 0) {
    throw failure(
      'ERR_RUNTIME_SOURCE',
      `The CUDA build of LibTorch needs ${kind === 'cpu' ? 'two small libraries' : 'libraries'} of NVIDIA that ` +
        `${place} lacks: ${missing.map(({ file }) => file).join(', ')}. Put them beside it, and name the folder.`,
    );
  }
  return found.flatMap(({ wheel, candidate }) => (candidate === undefined ? [] : [{ wheel, candidate }]));
}

/** Bytes that the wheels take on the disk while they are installed: packed and unpacked. */
export const spaceFor = (wheels: readonly LockedWheel[]): number => Math.ceil(totalSize(wheels) * 3);

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

function list(files: readonly string[]): string {
  const shownFiles = files.slice(0, 8).join(', ');
  return files.length > 8 ? `${shownFiles} and ${files.length - 8} more` : shownFiles;
}
