/** Remembers, by SHA-256 in the cache folder, the models that have passed a trial and need no other. */
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { writeWhole } from '../files/atomic-file.js';
import { makeFolder } from '../files/make-folder.js';
import { cacheFolder } from '../support/cache-folder.js';
import { LIBTORCH_VERSION, PLATFORM } from '../libtorch/version.js';
import { packageVersion } from '../support/package.js';
import { tryModel, type Trial } from './trial.js';

/** The newest are kept. */
const MOST = 500;
const LONGEST_FILE = 64 * 1024;
const SHA256 = /^[0-9a-f]{64}$/;

/** Models known to this process; the only record where the cache folder cannot be written. */
const known = new Set<string>();

/**
 * The file of this version: another one of hyperiqa or LibTorch may do with a model what this one does not. Undefined
 * without a cache folder.
 */
function rememberedFile(): string | undefined {
  const cache = cacheFolder();
  return cache && join(cache, 'models-tried', `${packageVersion}-${LIBTORCH_VERSION}-${PLATFORM}.json`);
}

/**
 * Makes sure that a model has been loaded in a process of its own, once for its content.
 *
 * @returns false where the next process has to try it again, because the result cannot be kept
 * @throws HyperIQAError as `tryModel`
 */
export async function requireTried(trial: Trial, sha256: string, signal: AbortSignal | undefined): Promise<boolean> {
  if (known.has(sha256) || (await read()).includes(sha256)) return true;
  await tryModel(trial, signal);
  return remember(sha256);
}

/** Marks a model as known to this process: its code is the package's own, because the package has just written it. */
export function know(sha256: string): void {
  known.add(sha256);
}

/** Marks a model as known to all processes. False if the cache folder cannot be written: the next process tries it again. */
export async function remember(sha256: string): Promise<boolean> {
  know(sha256);
  const path = rememberedFile();
  if (path === undefined) return false;
  try {
    const models = [...(await read()).filter((other) => other !== sha256), sha256].slice(-MOST);
    await makeFolder(dirname(path));
    await writeWhole(path, JSON.stringify({ formatVersion: 1, models }));
    return true;
  } catch {
    // A list that cannot be written costs a further trial and nothing else.
    return false;
  }
}

/** Reads the remembered hashes. A file that is not in the form written here counts as empty. */
async function read(): Promise<string[]> {
  const path = rememberedFile();
  if (path === undefined) return [];
  try {
    await using handle = await open(path);
    const { size } = await handle.stat();
    if (size > LONGEST_FILE) return [];
    const { formatVersion, models } = JSON.parse(await handle.readFile('utf8')) as Record<string, unknown>;
    const whole =
      formatVersion === 1 &&
      Array.isArray(models) &&
      models.length <= MOST &&
      models.every((sha256) => typeof sha256 === 'string' && SHA256.test(sha256));
    return whole ? (models as string[]) : [];
  } catch {
    return [];
  }
}
