/** Makes folders. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it where they are missing. Stands in for `mkdir` with `recursive`, which never returns
 * where a system denies that a folder can be made by ENOENT, as Linux does below /proc.
 *
 * @throws Error of the file system
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && dirname(path) !== path) {
      await makeFolder(dirname(path));
      // The folder above is there now, so another ENOENT is final.
      await mkdir(path).catch((again: unknown) => acceptFolder(path, again));
    } else {
      await acceptFolder(path, error);
    }
  }
}

/** Passes where the path is a folder after all: made before, or by another process just now. */
async function acceptFolder(path: string, error: unknown): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) throw error;
}
