/** Finds the image that a name means: predictions and human scores name the same file in different ways. */
import { imageExtensions } from 'hyperiqa/add-on';
import { SuffixIndex } from './suffix-index.js';

/** Ways of matching a name, from the surest to the last. */
export const waysOfMatching = [
  'exact',
  'normalized',
  'path-suffix',
  'base-name',
  'ignoring-case',
  'stem',
  'stem-ignoring-case',
] as const;

/**
 * - `exact`: the same text; `normalized`: the same path in another way of writing (separators, `.`, Unicode form);
 * - `path-suffix`: the same last parts of the path, folders among them; `base-name`: the same file name;
 * - `ignoring-case`: one of these two up to upper and lower case;
 * - `stem`: the same up to the extension of an image; `stem-ignoring-case`: both.
 */
export type MatchedBy = (typeof waysOfMatching)[number];

/** The last part of a path, of either kind of system. */
export const baseName = (name: string): string =>
  name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1);

/** The base name without its extension. */
export function stem(name: string): string {
  const base = baseName(name);
  const dot = base.lastIndexOf('.');
  return dot > 0 ? base.slice(0, dot) : base;
}

/** Our own CSV puts an apostrophe before names that a spreadsheet would take for a formula. */
export const plainName = (cell: string): string => cell.replace(/^'(?=[=+\-@])/, '');

/**
 * A path in one way of writing: Unicode form C, `/` between the parts, without a root, `.`, `..` and empty parts. Percent
 * signs stay as they are, because a file name may contain them.
 */
export function canonical(name: string): string {
  const path = name.normalize('NFC').replaceAll('\\', '/');
  // Most names are in this form already.
  if (!/^\/|\/\/|\/$|(?:^|\/)\.\.?(?:\/|$)/.test(path)) return path;
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.length === 0 ? path : parts.join('/');
}

/** Endings that make a file an image: what follows the last dot of any other name may tell two images apart. */
const extensions = new Set([
  ...imageExtensions,
  ...['.heic', '.heif', '.hif', '.jxl', '.jp2', '.j2k', '.ppm', '.pgm', '.pnm', '.tga', '.dng', '.exr', '.hdr'],
]);

/** Tests whether a name ends in an extension of images. */
export const isImageName = (name: string): boolean => withoutExtension(canonical(name)) !== canonical(name);

function withoutExtension(path: string): string {
  const dot = path.lastIndexOf('.');
  return dot > path.lastIndexOf('/') + 1 && extensions.has(path.slice(dot).toLowerCase()) ? path.slice(0, dot) : path;
}

/**
 * The folders that tell names apart, in lower case: all parts of the paths but the last ones, and but those at the start
 * that all names share.
 */
export function foldersOf(names: Iterable<string>): ReadonlySet<string> {
  const folders = new Set<string>();
  const seen = new Set<string>();
  let shared: string[] | undefined;
  for (const name of names) {
    const path = canonical(name);
    const folder = path.slice(0, Math.max(path.lastIndexOf('/'), 0)).toLowerCase();
    if (seen.has(folder)) continue;
    seen.add(folder);
    const parts = folder === '' ? [] : folder.split('/');
    const before: readonly string[] = shared ?? parts;
    let length = 0;
    while (length < before.length && before[length] === parts[length]) length++;
    for (const part of [...before.slice(length), ...parts.slice(length)]) folders.add(part);
    shared = before.slice(0, length);
  }
  return folders;
}

/** A row that was found: how, and how many parts of the path agree, counted from the last. */
interface Match {
  readonly row: number;
  readonly by: MatchedBy;
  readonly shared: number;
}

/** Meaning of a name: one row; several candidates; a row in another folder; or none. */
export type Meaning = Match | { readonly candidates: readonly number[] } | { readonly elsewhere: number } | undefined;

/**
 * Finds rows by name: by the exact name, else by the longest part of the path, counted from its end, that agrees with any
 * row, where one row alone agrees so far; then the same ignoring case, without the extensions of images, and both.
 */
export class NameIndex {
  readonly #exact = new Map<string, number>();
  readonly #paths: readonly string[];
  readonly #levels: readonly { by: MatchedBy | undefined; key: (path: string) => string }[] = [
    { by: undefined, key: (path) => path },
    { by: 'ignoring-case', key: (path) => path.toLowerCase() },
    { by: 'stem', key: withoutExtension },
    { by: 'stem-ignoring-case', key: (path) => withoutExtension(path).toLowerCase() },
  ];
  /** Made when a name first needs them. */
  readonly #indices: SuffixIndex[] = [];
  #folders: ReadonlySet<string> | undefined;

  /** @param names - Of the rows; no two are the same path. */
  constructor(private readonly names: readonly string[]) {
    names.forEach((name, row) => this.#exact.set(name, row));
    this.#paths = names.map(canonical);
  }

  /** @param folders - Those of the table that the name stands in, from `foldersOf`. */
  find(name: string, folders: ReadonlySet<string>): Meaning {
    const exact = this.#exact.get(name);
    if (exact !== undefined) return { row: exact, by: 'exact', shared: Number.MAX_SAFE_INTEGER };
    const path = canonical(name);
    // Reason against a match; a later way of matching counts in spite of it if more parts agree.
    let problem: Meaning;
    let least = 0;
    for (const [level, { by, key }] of this.#levels.entries()) {
      const found = this.#index(level).find(key(path));
      if (found === undefined || found.shared <= least) continue;
      if ('candidates' in found) {
        problem ??= found;
      } else if (this.#apart(path, found.row, found.shared, folders)) {
        problem ??= { elsewhere: found.row };
      } else {
        const { row, shared } = found;
        const same = path === this.#paths[row];
        return { row, by: by ?? (same ? 'normalized' : shared > 1 ? 'path-suffix' : 'base-name'), shared };
      }
      least = found.shared;
    }
    return problem;
  }

  #index(level: number): SuffixIndex {
    const key = this.#levels[level]?.key ?? canonical;
    return (this.#indices[level] ??= new SuffixIndex(this.#paths.map(key)));
  }

  /**
   * Tests whether the folders before the shared part contradict each other. Different folders do not, because images are
   * copied; but a folder that tells images of the other table apart means another image.
   */
  #apart(path: string, row: number, shared: number, folders: ReadonlySet<string>): boolean {
    const before = (whole: string | undefined) =>
      whole
        ?.split('/')
        .at(-1 - shared)
        ?.toLowerCase();
    const [here, there] = [before(path), before(this.#paths[row])];
    if (here === undefined || there === undefined || here === there) return false;
    this.#folders ??= foldersOf(this.names);
    return this.#folders.has(here) || folders.has(there);
  }
}
