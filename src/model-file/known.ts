/** Which models need no trial: those that have passed one, remembered by SHA-256 in the cache folder. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { cacheFolder } from '../support/cache-folder.js';
import { LIBTORCH_VERSION, PLATFORM } from '../libtorch/version.js';
import { packageVersion } from '../support/package.js';
import { tryModel, type Trial } from './trial.js';

/** The newest are kept. */
const MOST = 500;
const LONGEST_FILE = 64 * 1024;
const SHA256 = /^[0-9a-f]{64}$/;

/** Of this process; also where the cache folder cannot be written. */
const known = new Set<string>();

/** Another version of hyperiqa or LibTorch may do with a model what this one does not. */
const file = (): string =>
  join(cacheFolder(), 'models-tried', `${packageVersion}-${LIBTORCH_VERSION}-${PLATFORM}.json`);

/**
 * Makes sure that a model has been loaded in a process of its own, once for its content.
 *
 * @throws HyperIQAError as `tryModel`
 */
export async function requireTried(trial: Trial, sha256: string, signal: AbortSignal | undefined): Promise<void> {
  if (known.has(sha256) || (await read()).includes(sha256)) return;
  await tryModel(trial, signal);
  await remember(sha256);
}

/** For this process: a model whose code is the package's own, because the package has just written it. */
export function know(sha256: string): void {
  known.add(sha256);
}

/** For all processes. Where the cache folder cannot be written, the next process tries the model again. */
export async function remember(sha256: string): Promise<void> {
  know(sha256);
  let made;
  try {
    const path = file();
    made = `${path}.${randomUUID()}`;
    const models = [...(await read()).filter((other) => other !== sha256), sha256].slice(-MOST);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(made, JSON.stringify({ formatVersion: 1, models }), { flag: 'wx' });
    await rename(made, path);
  } catch {
    if (made !== undefined) await rm(made, { force: true }).catch(() => undefined);
  }
}

/** Nothing of a file that is not as it is written here counts. */
async function read(): Promise<string[]> {
  try {
    await using handle = await open(file());
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
