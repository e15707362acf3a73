/** Work in progress: a folder that takes its final name when it is complete, and the space that it needs. */
import { mkdir, readdir, rename, rm, statfs } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

import { makeFolder } from '../../files/make-folder.js';
import { megabytes } from '../../support/megabytes.js';
import { PLATFORM } from '../version.js';
import { ELSEWHERE, failure } from './failures.js';

/**
 * Runs work in a folder for it, beside the place of its result and so on the same disk, and removes the folder at the end.
 * Host and process are in its name, so that what a killed run has left can be told from the work of another one.
 *
 * @throws whatever the work threw; Error of the file system
 */
export async function inWorkFolder<T>(parent: string, work: (folder: string) => Promise<T>): Promise<T> {
  await makeFolder(parent);
  await discardLeftovers(parent);
  const folder = join(parent, `${workPrefix()}${process.pid}.${Date.now().toString(36)}${counter++}`);
  await mkdir(folder);
  try {
    return await work(folder);
  } finally {
    // A file that another process holds open stays, on Windows; the next run removes it.
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
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
        // A folder that is gone in the meantime has left the name free.
        if ((moving as NodeJS.ErrnoException).code !== 'ENOENT') throw moving;
      });
    }
  }
}

const isOccupied = (error: unknown) =>
  ['ENOTEMPTY', 'EEXIST', 'EPERM', 'ENOTDIR'].includes(String((error as NodeJS.ErrnoException).code));

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
