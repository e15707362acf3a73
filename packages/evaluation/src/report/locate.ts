/** Finds the images and maps that predictions name. */
import { readdir, stat } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import { matchTable } from '../evaluation/match-table.js';
import { NameIndex } from '../evaluation/names.js';
import { HyperIQAError, imageExtensions } from 'hyperiqa/add-on';

/** Absolute path of each named image; null if it was not found. */
export async function locateImages(names: readonly string[], folder: string | undefined): Promise<(string | null)[]> {
  if (folder !== undefined) {
    const files = await picturesIn(folder);
    const find = finder(files, names);
    return names.map((name) => {
      const file = files[find(name) ?? -1];
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

/**
 * Finds the places of names in a list, as predictions find their human scores: none where several names mean one place
 * equally well.
 */
function finder(list: readonly string[], names: readonly string[]): (name: string) => number | undefined {
  const rows = names.map((file) => ({ source: '', file, line: null, scores: [], fields: {} }));
  const { matched } = matchTable(rows, new NameIndex(list), (place) => list[place] ?? '');
  const places = new Map(Array.from(matched, ([place, { row }]) => [row.file, place]));
  return (name) => places.get(name);
}

/** Suffix that tools append to the name of an image to name a map of it. */
const suffix = /[._-](?:(?:quality|patch|score)[._-]?)?(?:map|overlay|heatmap)$/i;

/**
 * Finds the map of an image by its name.
 *
 * @param names - Of all images.
 */
export async function mapFinder(
  folder: string | undefined,
  names: readonly string[],
): Promise<(name: string) => string | undefined> {
  if (folder === undefined) return () => undefined;
  const files = (await picturesIn(folder)).map((file) => ({ file, plain: file.slice(0, -extname(file).length) }));
  // A map is called as the image with or without its extension: `lake-map.png`, `lake.jpg.png`. Images may lie beside
  // their maps, so those that are called maps go before the others.
  const lists = [files.filter(({ plain }) => suffix.test(plain)), files.filter(({ plain }) => !suffix.test(plain))];
  const finders = lists.map((list) => {
    const find = finder(
      list.map(({ plain }) => plain.replace(suffix, '')),
      names,
    );
    return (name: string) => list[find(name) ?? -1]?.file;
  });
  return (name) => {
    const [file] = finders.flatMap((find) => find(name) ?? []);
    return file === undefined ? undefined : resolve(folder, file);
  };
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
