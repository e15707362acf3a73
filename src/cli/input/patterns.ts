/** Names that a pattern stands for: the syntax is minimatch's, the walk through the folders is here. */
import { lstat, readdir, stat } from 'node:fs/promises';
import type { Minimatch } from 'minimatch';

/** Questions of the walk to a folder's entry; `Dirent` and `Stats` both answer them. */
interface Kind {
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

/** Names that the braces of a pattern may stand for. */
const MAX_ALTERNATIVES = 1000;
/** Characters of a pattern; minimatch throws where there are more than 65,536. */
const MAX_PATTERN_LENGTH = 32_768;

/** Why a pattern would cost too much; minimatch would leave out what is beyond a limit without saying so. */
export async function excess(pattern: string): Promise<string | undefined> {
  if (pattern.length > MAX_PATTERN_LENGTH) return `The pattern is longer than ${MAX_PATTERN_LENGTH} characters.`;
  const { braceExpand } = await import('minimatch');
  const { length } = braceExpand(pattern, { braceExpandMax: MAX_ALTERNATIVES + 1 });
  if (length > MAX_ALTERNATIVES) return `The braces of the pattern stand for more than ${MAX_ALTERNATIVES} names.`;
  return undefined;
}

/**
 * Everything but folders that matches a pattern, in no order and each name once: files, links to files, links to nothing.
 * Hidden names must be asked for, and `**` does not follow links to folders, so that no circle is walked. Folders that
 * cannot be read hold nothing.
 *
 * @param base - Where the pattern starts: empty, or the name of a folder with a slash at its end. Begins every name.
 */
export async function filesMatching(base: string, pattern: string): Promise<string[]> {
  // Loaded for patterns only: most runs have none.
  const { Minimatch, GLOBSTAR } = await import('minimatch');
  const ignoresCase = ['darwin', 'win32'].includes(process.platform);
  const { set } = new Minimatch(pattern, {
    noext: true,
    nocomment: true,
    nonegate: true,
    nocase: ignoresCase,
    nocaseMagicOnly: true,
    optimizationLevel: 2,
    braceExpandMax: MAX_ALTERNATIVES,
  });
  const walk = new Walk(GLOBSTAR, ignoresCase);
  const places = set.map((parts) => ({ parts, index: parts[0] === '' ? 1 : 0 }));
  await walk.from(
    base,
    places.filter(({ index }) => index === 0),
  );
  await walk.from(
    '/',
    places.filter(({ index }) => index === 1),
  );
  return [...walk.found];
}

type Parts = Minimatch['set'][number];

/** A place in one alternative of the pattern: the part that the next name has to match. */
interface Place {
  parts: Parts;
  index: number;
}

/** A walk with all alternatives at once, so that each folder is read once for all of them. */
class Walk {
  readonly found = new Set<string>();
  /** Places that were looked at in each folder: `**` leads to the same one in several ways. */
  readonly #seen = new Map<string, Map<Parts, Set<number>>>();

  constructor(
    private readonly globstar: symbol,
    private readonly ignoresCase: boolean,
  ) {}

  /** @param folder - Empty, or with a slash at its end. */
  async from(folder: string, places: readonly Place[]): Promise<void> {
    const here = this.#unseen(folder, places);
    const listed = here.some(({ parts, index }) => typeof parts[index] !== 'string');
    for (const [name, kind] of listed ? await entriesOf(folder) : await entriesNamed(folder, here)) {
      await this.#enter(folder + name, name, kind, here);
    }
    for (const up of here.filter(({ parts, index }) => parts[index] === '..')) {
      await this.from(`${folder}../`, [after(up)]);
    }
  }

  /** The places with those behind a `**` or `.`, which may stand for no name, without what was looked at before. */
  #unseen(folder: string, places: readonly Place[]): Place[] {
    const ofFolder = this.#seen.get(folder) ?? new Map<Parts, Set<number>>();
    this.#seen.set(folder, ofFolder);
    const waiting = [...places];
    const unseen: Place[] = [];
    for (let place = waiting.pop(); place; place = waiting.pop()) {
      const { parts, index } = place;
      const indices = ofFolder.get(parts) ?? new Set<number>();
      ofFolder.set(parts, indices);
      if (index === parts.length || indices.has(index)) continue;
      indices.add(index);
      unseen.push(place);
      if (parts[index] === this.globstar || parts[index] === '.') waiting.push(after(place));
    }
    return unseen;
  }

  /** Notes an entry that matches, and goes on into a folder. */
  async #enter(path: string, name: string, kind: Kind, here: readonly Place[]): Promise<void> {
    const matching = here.filter((place) => this.#matches(place, name));
    if (matching.length === 0) return;
    const link = kind.isSymbolicLink();
    const folder = link ? await leadsToFolder(path) : kind.isDirectory();
    if (!folder) {
      if (matching.some(({ parts, index }) => index === parts.length - 1)) this.found.add(path);
      return;
    }
    const inside = matching.flatMap((place) => {
      if (place.parts[place.index] !== this.globstar) return [after(place)];
      return link ? [] : [place];
    });
    if (inside.length > 0) await this.from(`${path}/`, inside);
  }

  #matches({ parts, index }: Place, name: string): boolean {
    const part = parts[index];
    if (part === undefined) return false;
    if (part === this.globstar) return !name.startsWith('.');
    if (typeof part === 'object') return part.test(name);
    if (typeof part === 'symbol') return false;
    return part === name || (this.ignoresCase && part.toLowerCase() === name.toLowerCase());
  }
}

const after = ({ parts, index }: Place): Place => ({ parts, index: index + 1 });

async function entriesOf(folder: string): Promise<[string, Kind][]> {
  try {
    const entries = await readdir(folder || '.', { withFileTypes: true });
    return entries.map((entry) => [entry.name, entry]);
  } catch {
    return [];
  }
}

/** The entries that the places name, looked up without reading the folder, which may be large. */
async function entriesNamed(folder: string, places: readonly Place[]): Promise<[string, Kind][]> {
  const names = new Set(places.map(({ parts, index }) => parts[index]));
  const entries: [string, Kind][] = [];
  for (const name of names) {
    if (typeof name !== 'string' || ['', '.', '..'].includes(name)) continue;
    try {
      entries.push([name, await lstat(folder + name)]);
    } catch {
      // A name that is not there is no match.
    }
  }
  return entries;
}

async function leadsToFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
