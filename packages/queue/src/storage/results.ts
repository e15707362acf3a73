/** The place that results are written to: a folder, or what begins with a prefix in a bucket. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HyperIQAError } from 'hyperiqa';
import { makeFolder, writeWhole } from 'hyperiqa/add-on';
import { objectName, type ObjectName } from './names.js';
import type { Buckets } from './s3.js';

/** Files by name. Each appears whole or not at all. */
export interface ResultsPlace {
  /** @throws HyperIQAError ERR_STORAGE where that cannot be seen */
  has(name: string): Promise<boolean>;
  /** The content; undefined where there is none. @throws HyperIQAError ERR_STORAGE */
  read(name: string): Promise<Buffer | undefined>;
  /** @throws HyperIQAError ERR_STORAGE */
  write(name: string, content: Uint8Array, signal?: AbortSignal): Promise<void>;
}

/** @param location - An absolute path, or `s3://bucket/prefix`. */
export function resultsPlace(location: string, buckets: Buckets): ResultsPlace {
  const object = objectName(location);
  return object === undefined ? new Folder(location) : new Prefix(object, buckets);
}

class Folder implements ResultsPlace {
  #made: Promise<void> | undefined;

  constructor(private readonly path: string) {}

  has(name: string): Promise<boolean> {
    return this.#storing(name, 'cannot be looked up', async () => {
      try {
        await stat(join(this.path, name));
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
        throw error;
      }
    });
  }

  read(name: string): Promise<Buffer | undefined> {
    return this.#storing(name, 'cannot be read', async () => {
      try {
        return await readFile(join(this.path, name));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    });
  }

  write(name: string, content: Uint8Array): Promise<void> {
    return this.#storing(name, 'cannot be written', async () => {
      this.#made ??= makeFolder(this.path);
      try {
        await this.#made;
      } catch (error) {
        // To be tried again: a share may be back by then.
        this.#made = undefined;
        throw error;
      }
      await writeWhole(join(this.path, name), content);
    });
  }

  async #storing<T>(name: string, what: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw new HyperIQAError('ERR_STORAGE', `${join(this.path, name)} ${what}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
}

class Prefix implements ResultsPlace {
  constructor(
    private readonly place: ObjectName,
    private readonly buckets: Buckets,
  ) {}

  async has(name: string): Promise<boolean> {
    return (await this.buckets.head(this.#object(name))) !== undefined;
  }

  read(name: string): Promise<Buffer | undefined> {
    return this.buckets.get(this.#object(name));
  }

  write(name: string, content: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.buckets.put(this.#object(name), content, signal);
  }

  #object(name: string): ObjectName {
    const { bucket, key } = this.place;
    return { bucket, key: key === '' || key.endsWith('/') ? key + name : `${key}/${name}` };
  }
}
