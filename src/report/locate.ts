/** Where images and maps lie that predictions name. */
import { readdir, stat } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import { HyperIQAError } from '../errors.js';
import { baseName, NameIndex, stem } from '../evaluation/names.js';
import { imageExtensions } from '../image/formats.js';

/** For each name the absolute path of the image; null where there is none. */
export async function locateImages(names: readonly string[], folder: string | undefined): Promise<(string | null)[]> {
  if (folder !== undefined) {
    const files = await picturesIn(folder);
    const index = new NameIndex(files);
    return names.map((name) => {
      const found = index.find(name);
      const file = found && 'row' in found ? files[found.row] : undefined;
      return file === undefined ? null : resolve(folder, file);
    });
  }
  const paths: (string | null)[] = [];
  for (let from = 0; from < names.length; from += 256) {
    const some = names.slice(from, from + 256).map(async (name) => {
      const there = (await stat(name).catch(() => undefined))?.isFile() ?? false;
      return there ? resolve(name) : null;
    });
    paths.push(...(await Promise.all(some)));
  }
  return paths;
}

/** What tools put behind the name of an image when they call a map of it. */
const suffix = /[._-](?:(?:quality|patch|score)[._-]?)?(?:map|overlay|heatmap)$/i;

/** Finds the map of an image by its name. */
export async function mapFinder(folder: string | undefined): Promise<(name: string) => string | undefined> {
  if (folder === undefined) return () => undefined;
  const maps = new Map<string, string>();
  for (const file of await picturesIn(folder)) {
    const plain = stem(file).replace(suffix, '');
    maps.set(plain, resolve(folder, file));
  }
  // A map is called as the image with or without its extension: `lake.png`, `lake-map.png`, `lake.jpg.png`.
  return (name) => maps.get(stem(name)) ?? maps.get(baseName(name));
}

/** Pictures in a folder and the folders in it, as paths relative to it, sorted. */
async function picturesIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter(
        (entry) =>
          (entry.isFile() || entry.isSymbolicLink()) && imageExtensions.includes(extname(entry.name).toLowerCase()),
      )
      .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, '/').length))
      .sort();
  } catch (error) {
    throw new HyperIQAError('ERR_INVALID_ARGUMENT', `${folder} cannot be searched: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
