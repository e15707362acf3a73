/** Installed runtimes: the record of what each consists of, and which of them is in use. */
import { existsSync } from 'node:fs';
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

import { libraryFiles, readLibTorchVersion } from '../locate.js';
import { LIBTORCH_VERSION } from '../version.js';
import { writeWhole } from '../../files/atomic-file.js';
import { makeFolder } from '../../files/make-folder.js';
import { cacheFolder } from '../../support/cache-folder.js';
import {
  RUNTIME_KINDS,
  runtimeFolder,
  runtimeName,
  selectedRuntime,
  selectionFile,
  type RuntimeKind,
} from '../runtime-folders.js';
import type { InstalledRuntime, RuntimeOrigin } from './types.js';
import { inWorkFolder } from './work-folder.js';

/** Lies in a runtime's folder. A folder without it is no runtime. */
const RECORD_FILE = 'hyperiqa-runtime.json';

/** Record of an installation, file by file. */
export interface RuntimeRecord {
  formatVersion: 1;
  kind: RuntimeKind;
  platform: string;
  /** Version of the build, with its suffix. */
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
  if (cacheFolder() === undefined) return undefined;
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

/** Explains why a folder is no runtime; null if it is one. */
export function libTorchProblem(folder: string): string | null {
  const torch = join(folder, 'torch');
  const missing = libraryFiles(torch).find((file) => !existsSync(file));
  if (missing !== undefined) return `${relative(folder, missing)} is missing`;
  const version = readLibTorchVersion(torch);
  return version === LIBTORCH_VERSION ? null : `it is LibTorch ${version ?? 'of unknown version'}`;
}

/** Writes which runtime is in use; null: none. */
export async function select(kind: RuntimeKind | null): Promise<void> {
  const file = selectionFile();
  if (kind === null) {
    await rm(file, { force: true });
    return;
  }
  await makeFolder(dirname(file));
  await writeWhole(file, `${kind}\n`);
}

/** Removes a runtime at once for everybody who looks: it loses its name first. */
export async function discard(kind: RuntimeKind): Promise<void> {
  const folder = runtimeFolder(kind);
  await inWorkFolder(dirname(folder), (work) => rename(folder, join(work, runtimeName(kind))));
}
