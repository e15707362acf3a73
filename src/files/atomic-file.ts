/** Files that appear under their name whole or not at all. */
import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, lstat, open, readlink, realpath, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

/** Names of files that are not whole yet: a run that was killed may leave one behind. */
export const isTemporaryName = (name: string): boolean => /^\.hyperiqa-[0-9a-f-]{32,36}\.tmp$/.test(name);

/**
 * A file on its way: written beside its destination, on the same disk, and moved there in one step. Whoever reads the
 * destination meanwhile finds what was there before, and a full disk or a crash leaves that alone.
 */
export class AtomicFile implements AsyncDisposable {
  #published = false;

  private constructor(
    readonly handle: FileHandle,
    /** Path of the temporary file until it is published. */
    readonly path: string,
    private readonly destination: string,
    /** Permissions of the file that is replaced; undefined where there is none. */
    private readonly mode: number | undefined,
  ) {}

  /**
   * @param destination - A link is followed: the file that it leads to is replaced.
   * @param options.alone - The caller has the destination's lock, so that what a killed run left behind can be used again.
   * @throws Error of the file system; also where the destination is there and no regular file
   */
  static async create(destination: string, options: { alone?: boolean } = {}): Promise<AtomicFile> {
    const { alone = false } = options;
    const { path: target, mode } = await targetOf(destination);
    const unique = alone ? createHash('sha256').update(basename(target)).digest('hex').slice(0, 32) : randomUUID();
    const path = join(dirname(target), `.hyperiqa-${unique}.tmp`);
    const again = constants.O_TRUNC | constants.O_NOFOLLOW;
    const flags = constants.O_WRONLY | constants.O_CREAT | (alone ? again : constants.O_EXCL);
    return new AtomicFile(await open(path, flags, 0o666), path, target, mode);
  }

  /** Gives it its name. The handle is closed by that. @throws Error of the file system */
  async publish(): Promise<void> {
    // Some file systems report a full disk only now.
    await this.handle.sync();
    await this.handle.close();
    if (this.mode !== undefined) await chmod(this.path, this.mode);
    await rename(this.path, this.destination);
    this.#published = true;
  }

  /** Removes it where it was not published. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#published) return;
    // Close quietly: the caller is to see the error that came first.
    await this.handle.close().catch(() => undefined);
    await rm(this.path, { force: true }).catch(() => undefined);
  }
}

/** Writes a file whole or not at all. @throws Error as `AtomicFile` does */
export async function writeWhole(destination: string, content: string | Uint8Array): Promise<void> {
  await using file = await AtomicFile.create(destination);
  await file.handle.writeFile(content);
  await file.publish();
}

/**
 * The file that a path leads to, and its permissions.
 *
 * @throws Error where it is there and no regular file: to rename over a device would remove the device
 */
async function targetOf(path: string): Promise<{ path: string; mode?: number }> {
  const existing = await stat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (existing) {
    if (!existing.isFile()) throw new Error(`${path} is there and is no regular file`);
    // A file that is protected against writing is not to be replaced either.
    await access(path, constants.W_OK);
    return { path: await realpath(path), mode: existing.mode & 0o7777 };
  }
  // A link to a file that is not there yet.
  const link = await lstat(path).catch(() => undefined);
  return { path: link?.isSymbolicLink() ? resolve(dirname(path), await readlink(path)) : path };
}
