/** The folder of installed runtimes: records of what is installed, work in progress, and the selection. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, relative } from 'node:path';

import { libraryFiles, readLibTorchVersion } from '../locate.js';
import { LIBTORCH_VERSION, PLATFORM } from '../version.js';
import { writeWhole } from '../../files/atomic-file.js';
import { megabytes } from '../../support/megabytes.js';
import { ELSEWHERE, failure } from './failures.js';
import {
  RUNTIME_KINDS,
  runtimeFolder,
  runtimeName,
  selectedRuntime,
  selectionFile,
  type RuntimeKind,
} from '../places.js';
import type { InstalledRuntime, RuntimeOrigin } from './types.js';

/** Lies in a runtime's folder; written last, so that a folder without it is none. */
const RECORD_FILE = 'hyperiqa-runtime.json';

/** What was installed, file by file. */
export interface RuntimeRecord {
  formatVersion: 1;
  kind: RuntimeKind;
  platform: string;
  /** Of the build, with its suffix. */
  version: string;
  installedAt: string;
  origins: RuntimeOrigin[];
  /** Paths below the folder, with `/`. */
  files: { path: string; bytes: number; sha256: string }[];
}

/** The record in a runtime's folder; null where there is none that can be read. */
export async function readRecord(folder: string): Promise<RuntimeRecord | null> {
  try {
    const record = JSON.parse(await readFile(join(folder, RECORD_FILE), 'utf8')) as RuntimeRecord;
    return isRecord(record) ? record : null;
  } catch {
    return null;
  }
}

/** The record is a file that anything may have changed. */
function isRecord(record: Partial<RuntimeRecord> | null): boolean {
  return (
    record?.formatVersion === 1 &&
    RUNTIME_KINDS.some((kind) => kind === record.kind) &&
    typeof record.version === 'string' &&
    typeof record.installedAt === 'string' &&
    Array.isArray(record.origins) &&
    Array.isArray(record.files) &&
    record.files.every(({ path, bytes, sha256 }) => [path, sha256].every((x) => typeof x === 'string') && bytes >= 0)
  );
}

export async function writeRecord(folder: string, record: RuntimeRecord): Promise<void> {
  await writeFile(join(folder, RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
}

/** An installed runtime with a glance at its files; undefined where it is not installed. */
export async function readInstalled(kind: RuntimeKind): Promise<InstalledRuntime | undefined> {
  const folder = runtimeFolder(kind);
  const record = await readRecord(folder);
  if (record === null) return undefined;
  return {
    kind,
    path: join(folder, 'torch'),
    version: record.version,
    bytes: record.files.reduce((sum, { bytes }) => sum + bytes, 0),
    files: record.files.length,
    installedAt: record.installedAt,
    origins: record.origins,
    inUse: selectedRuntime() === kind,
    problem: await glance(folder, record),
  };
}

/** The first file that is missing or of another size, in words. */
async function glance(folder: string, { files }: RuntimeRecord): Promise<string | null> {
  for (const { path, bytes } of files) {
    const size = await stat(join(folder, path)).then(
      (found) => found.size,
      () => undefined,
    );
    if (size === undefined) return `${path} is missing`;
    if (size !== bytes) return `${path} has ${size} bytes instead of ${bytes}`;
  }
  return libTorchProblem(folder);
}

/** What keeps a folder from being a runtime; null: nothing. */
export function libTorchProblem(folder: string): string | null {
  const torch = join(folder, 'torch');
  const missing = libraryFiles(torch).find((file) => !existsSync(file));
  if (missing !== undefined) return `${relative(folder, missing)} is missing`;
  const version = readLibTorchVersion(torch);
  return version === LIBTORCH_VERSION ? null : `it is LibTorch ${version ?? 'of unknown version'}`;
}

/** A folder for work in progress, beside the runtimes and on the same disk. Host and process are in its name. */
export async function workFolder(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  await discardLeftovers(parent);
  const folder = join(parent, `${workPrefix()}${process.pid}.${Date.now().toString(36)}${counter++}`);
  await mkdir(folder);
  return folder;
}

let counter = 0;
const workPrefix = () => `.work@${hostname()}@`;

/** Removes what killed runs have left; other runs' work stays. */
async function discardLeftovers(parent: string): Promise<void> {
  for (const entry of await readdir(parent)) {
    if (!entry.startsWith(workPrefix())) continue;
    const pid = Number.parseInt(entry.slice(workPrefix().length), 10);
    if (!isAlive(pid)) await rm(join(parent, entry), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Gives a finished folder its name. What has the name already is moved into the work folder, to go with it, unless
 * `keep` says that it is as good: then another run was first.
 */
export async function settle(
  finished: string,
  final: string,
  work: string,
  keep: () => Promise<boolean>,
): Promise<void> {
  for (let attempt = 0; ; ++attempt) {
    try {
      await rename(finished, final);
      return;
    } catch (error) {
      if (attempt >= 5 || !isOccupied(error)) throw error;
      if (await keep()) return;
      await rename(final, join(work, `old-${attempt}`)).catch((moving: unknown) => {
        // Gone in the meantime: the name is free.
        if ((moving as NodeJS.ErrnoException).code !== 'ENOENT') throw moving;
      });
    }
  }
}

const isOccupied = (error: unknown) =>
  ['ENOTEMPTY', 'EEXIST', 'EPERM', 'ENOTDIR'].includes(String((error as NodeJS.ErrnoException).code));

/** Removes a runtime at once for everybody who looks: it loses its name first. */
export async function discard(kind: RuntimeKind): Promise<void> {
  const folder = runtimeFolder(kind);
  const work = await workFolder(dirname(folder));
  try {
    await rename(folder, join(work, runtimeName(kind)));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Writes which runtime is in use; null: none. */
export async function select(kind: RuntimeKind | null): Promise<void> {
  const file = selectionFile();
  if (kind === null) {
    await rm(file, { force: true });
    return;
  }
  await mkdir(dirname(file), { recursive: true });
  await writeWhole(file, `${kind}\n`);
}

/** @throws HyperIQAError ERR_RUNTIME_CACHE where the disk has less than that free */
export async function checkSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= bytes) return;
  throw failure(
    'ERR_RUNTIME_CACHE',
    `${folder} has ${megabytes(bavail * bsize)} free, and installing LibTorch for ${PLATFORM} needs ` +
      `${megabytes(bytes)} for a while. ${ELSEWHERE}`,
  );
}
