/** Files that one process at a time may write. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { HyperIQAError } from '../errors.js';
import { loadLoader } from '../libtorch/addon.js';
import { identityOf, identityOfOpen } from '../files/same-file.js';

/** Flags other than 'a', which ignores positions, and 'w', which empties a file of another process. */
const WRITING = constants.O_WRONLY | constants.O_CREAT;

/** Attempts to open a file that others keep replacing or removing. */
const ATTEMPTS = 20;

export interface LockedFile {
  handle: FileHandle;
  /** False where the system or the file system has no locks, so that nothing keeps others away. */
  locked: boolean;
}

/**
 * Opens a regular file for writing, makes it where it is missing, and takes its lock. The lock is the system's
 * (flock): it is gone when the handle is closed or the process ends, however that ends, and leaves nothing behind. What
 * the file holds is not changed.
 *
 * @param what - The output as the user knows it, for the message.
 * @param options.follow - False for a name that hyperiqa chose: a link there is an error, and a named pipe does not block.
 * @throws HyperIQAError ERR_OUTPUT_BUSY where another process has it; ERR_ADDON_NOT_FOUND. Error of the file system
 */
export async function openLocked(path: string, what = path, { follow = true } = {}): Promise<LockedFile> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const handle = await open(path, follow ? WRITING : WRITING | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o666);
    try {
      const taken = loadLoader().tryLock(handle.fd);
      if (taken === false) throw busy(what);
      // The one who had the lock before may have replaced or removed the file: then this is no longer the file of this name.
      if ((await identityOf(path)) === (await identityOfOpen(handle))) return { handle, locked: taken === true };
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
  }
  throw busy(what);
}

const busy = (what: string) =>
  new HyperIQAError(
    'ERR_OUTPUT_BUSY',
    `Another process is writing to ${what}. Wait until it has ended, or name another output.`,
  );
