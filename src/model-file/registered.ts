/**
 * The registry on disk: a folder for each model in the cache.
 *
 *     <cache>/models/koniq/entry.json      what is known of the model, and the name of its file
 *     <cache>/models/koniq/<random>.pt     its file
 *     <cache>/models/.new-*, .old-*        on their way in and out
 *
 * A new model is a folder that is made aside and renamed to its name: it is there complete or not at all, and of two
 * processes that add the same name one succeeds. To replace a model, its new file is put beside the old one and
 * `entry.json` is renamed over the old one. To remove it, its folder is renamed first. No step needs a lock.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { HyperIQAError } from '../errors.js';
import { makeFolder } from '../files/make-folder.js';
import { cacheFolder, requireCacheFolder } from '../support/cache-folder.js';
import type { ModelMetadata } from '../types.js';
import { presented, type StoredMetadata } from './metadata.js';
import { isName } from './names.js';

/** A model in the registry. */
export interface RegisteredModel {
  name: string;
  /** Absolute path of its file in the cache. */
  path: string;
  /** Bytes. */
  size: number;
  /** SHA-256 of the file when it was added. */
  sha256: string;
  /** True if the model was added with `trustModel`: it is loaded without a look at what its code does. */
  trusted: boolean;
  /** Time of adding, ISO 8601. */
  added: string;
  /** Absolute path of the file that was added. */
  source: string;
  /** The content of its `hyperiqa.json`. */
  metadata: ModelMetadata;
}

/** `entry.json`. */
type Entry = Omit<RegisteredModel, 'name' | 'path'> & { formatVersion: number; file: string };

const FORMAT_VERSION = 1;
const ENTRY = 'entry.json';
const FILE = /^[0-9a-f-]{36}\.pt$/;
/** Age from which leftovers of killed processes are removed, one day. */
const STALE_MS = 24 * 3600 * 1000;

/** Number of looks for a model whose entry exists and whose file does not, and the time between them. */
const LOOKS = 5;
const LOOK_AGAIN_MS = 20;

/**
 * Folder of the registry, which need not exist.
 *
 * @throws HyperIQAError ERR_OUTPUT without a cache folder
 */
export const registryFolder = (): string => join(requireCacheFolder('ERR_OUTPUT'), 'models');

/** Names of all models, sorted. */
export async function storedNames(): Promise<string[]> {
  if (cacheFolder() === undefined) return [];
  const names = await readdir(registryFolder()).catch(missing([])).catch(unreadable);
  return names.filter(isName).sort();
}

/**
 * The model of a name; undefined where there is none.
 *
 * @throws HyperIQAError ERR_MODEL_FORMAT where its entry is damaged, ERR_MODEL_NOT_FOUND where its file is gone
 */
export async function storedModel(name: string): Promise<RegisteredModel | undefined> {
  if (cacheFolder() === undefined) return undefined;
  for (let look = 1; ; look++) {
    const text = await readFile(join(registryFolder(), name, ENTRY), 'utf8')
      .catch(missing(undefined))
      .catch(unreadable);
    if (text === undefined) return undefined;
    const { file, size, sha256, trusted, added, source, metadata } = parseEntry(name, text);
    const path = join(registryFolder(), name, file);
    if (await exists(path)) return { name, path, size, sha256, trusted, added, source, metadata };
    if (look === LOOKS) {
      throw new HyperIQAError('ERR_MODEL_NOT_FOUND', `The file of the model ${name}, ${path}, is gone. ${again(name)}`);
    }
    // The model may just have been replaced: then there is another entry in a moment.
    await setTimeout(LOOK_AGAIN_MS);
  }
}

function parseEntry(name: string, text: string): Entry {
  let entry: Partial<Entry> | null;
  try {
    entry = JSON.parse(text) as Partial<Entry> | null;
  } catch {
    entry = null;
  }
  if (entry?.formatVersion !== undefined && entry.formatVersion > FORMAT_VERSION) {
    throw new HyperIQAError('ERR_MODEL_FORMAT', `The model ${name} was added by a later version of hyperiqa.`);
  }
  const whole =
    entry?.formatVersion === FORMAT_VERSION &&
    typeof entry.file === 'string' &&
    FILE.test(entry.file) &&
    typeof entry.size === 'number' &&
    typeof entry.sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(entry.sha256) &&
    typeof entry.added === 'string' &&
    typeof entry.source === 'string' &&
    typeof entry.metadata === 'object';
  if (whole) {
    const { metadata, ...others } = entry as Entry;
    // Entries of versions that knew no trust lack the field, and hold the metadata as the model file has it.
    return {
      ...others,
      metadata: 'licence' in metadata ? presented(metadata as unknown as StoredMetadata) : metadata,
      trusted: entry?.trusted === true,
    };
  }
  throw new HyperIQAError('ERR_MODEL_FORMAT', `The registry's entry of the model ${name} is damaged. ${again(name)}`);
}

/** The file that an entry names, if the entry can be read at all. */
function fileOf(text: string): string | undefined {
  try {
    const { file } = JSON.parse(text) as Partial<Entry>;
    return typeof file === 'string' && FILE.test(file) ? file : undefined;
  } catch {
    return undefined;
  }
}

/** The remedy for an entry that cannot be used. */
const again = (name: string): string => `Remove it with "hyperiqa models remove ${name}" and add the model again.`;

/** A copy of a model file on its way into the registry. */
export class Staged implements AsyncDisposable {
  private constructor(
    private readonly place: string,
    private readonly file: string,
    /** Absolute path of the copy. */
    readonly path: string,
  ) {}

  static async copy(source: string): Promise<Staged> {
    await makeFolder(registryFolder());
    await removeStale();
    // mkdtemp would let nobody else in, but a model may be added by one user (of a container) and used by another.
    const place = join(registryFolder(), `.new-${randomUUID()}`);
    await mkdir(place);
    const file = `${randomUUID()}.pt`;
    const staged = new Staged(place, file, join(place, file));
    try {
      await copyFile(source, staged.path, constants.COPYFILE_FICLONE);
      return staged;
    } catch (error) {
      await staged[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Gives it a name that no model has yet.
   *
   * @returns false where one has it
   */
  async publish(name: string, entry: Omit<Entry, 'file' | 'formatVersion'>): Promise<boolean> {
    await this.#describe(entry);
    try {
      await rename(this.place, join(registryFolder(), name));
      return true;
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      // Windows says EPERM where others say that the folder is not empty.
      if (['ENOTEMPTY', 'EEXIST'].includes(code) || (await exists(join(registryFolder(), name)))) return false;
      throw error;
    }
  }

  /**
   * Takes the place of the model of a name.
   *
   * @returns false where it was removed meanwhile, and this copy may have gone with it: then it must be done again
   */
  async replace(name: string, entry: Omit<Entry, 'file' | 'formatVersion'>): Promise<boolean> {
    await this.#describe(entry);
    const home = join(registryFolder(), name);
    try {
      const before = await readFile(join(home, ENTRY), 'utf8');
      await rename(this.path, join(home, this.file));
      await rename(join(this.place, ENTRY), join(home, ENTRY));
      // The entry that named this file has been written over, here or by another process, and will not come back. Any
      // other file may belong to an entry that another process is about to write.
      const old = fileOf(before);
      if (old !== undefined) await rm(join(home, old), { force: true });
      // Between the two moves the folder may have been removed and made anew by others.
      return await exists(join(home, this.file));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }

  async #describe(entry: Omit<Entry, 'file' | 'formatVersion'>): Promise<void> {
    const content: Entry = { formatVersion: FORMAT_VERSION, file: this.file, ...entry };
    await using file = await open(join(this.place, ENTRY), 'w');
    await file.writeFile(`${JSON.stringify(content, null, 2)}\n`);
    await file.sync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Clean up quietly: the caller is to see the error that came first.
    await rm(this.place, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** @returns false where there was no such model */
export async function removeStored(name: string): Promise<boolean> {
  if (cacheFolder() === undefined) return false;
  const gone = join(registryFolder(), `.old-${randomUUID()}`);
  try {
    await rename(join(registryFolder(), name), gone);
  } catch (error) {
    return missing(false)(error);
  }
  await rm(gone, { recursive: true, force: true });
  return true;
}

async function removeStale(): Promise<void> {
  for (const name of await readdir(registryFolder())) {
    if (!/^\.(new|old)-/.test(name)) continue;
    const path = join(registryFolder(), name);
    const { mtimeMs } = await stat(path).catch(missing({ mtimeMs: Infinity }));
    if (Date.now() - mtimeMs > STALE_MS) await rm(path, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, missing(false));
}

function unreadable(error: unknown): never {
  throw new HyperIQAError(
    'ERR_MODEL_NOT_FOUND',
    `The registry of models, ${registryFolder()}, cannot be read: ${(error as Error).message}`,
    { cause: error },
  );
}

/** Handler of errors that returns `value` if the error only means that the file does not exist. */
function missing<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return value;
    throw error;
  };
}
