/** Paths by their last parts. */

interface Branch {
  /** Rows whose whole path is the way to here. */
  ends: number[];
  more: Map<string, Entry>;
}

/** A row alone, or a branch where several share the way to here. */
type Entry = number | Branch;

/** Rows in the order of a walk that a result may list: enough for a message. */
const EXAMPLES = 4;

/** The part of a path that ends before `end`, and where it starts. */
function partBefore(path: string, end: number): { part: string; start: number } {
  const start = end === 0 ? 0 : path.lastIndexOf('/', end - 1) + 1;
  return { part: path.slice(start, end), start };
}

/** End of the part before the one at `start`; −1 if there is none. */
const previous = (start: number): number => (start === 0 ? -1 : start - 1);

/**
 * A tree of the parts of paths from the last to the first, with branches only where paths share parts. Building and
 * searching take time in proportion to the length of the paths, also where a million files have the same name.
 */
export class SuffixIndex {
  readonly #root = new Map<string, Entry>();

  /** @param paths - With `/` between their parts. */
  constructor(private readonly paths: readonly string[]) {
    paths.forEach((_, row) => {
      this.#add(row);
    });
  }

  /**
   * The row that shares most parts with the path, counted from the last part. Where several do, the one whose whole path
   * is shared; else all are candidates, of which some are given.
   */
  find(path: string): { row: number; shared: number } | { candidates: readonly number[]; shared: number } | undefined {
    let branch: Branch | undefined;
    let shared = 0;
    for (let map = this.#root, end = path.length; end >= 0; shared++) {
      const { part, start } = partBefore(path, end);
      const entry = map.get(part);
      if (entry === undefined) break;
      if (typeof entry === 'number') return { row: entry, shared: shared + 1 + this.#agreeing(path, start, entry) };
      branch = entry;
      map = entry.more;
      end = previous(start);
    }
    if (branch === undefined) return undefined;
    const [row, ...others] = branch.ends;
    if (row !== undefined && others.length === 0) return { row, shared };
    return { candidates: rowsOf(branch), shared };
  }

  /** Counts the further parts that a path shares with a row that has the same end from `start` on. */
  #agreeing(path: string, start: number, row: number): number {
    const other = this.paths[row] ?? '';
    let end = previous(start);
    let otherEnd = this.#endBefore(row, path.length - start);
    let agreeing = 0;
    while (end >= 0 && otherEnd >= 0) {
      const [a, b] = [partBefore(path, end), partBefore(other, otherEnd)];
      if (a.part !== b.part) break;
      agreeing++;
      end = previous(a.start);
      otherEnd = previous(b.start);
    }
    return agreeing;
  }

  /** End of the part of a row's path that comes before its last `length` characters; −1 if there is none. */
  #endBefore(row: number, length: number): number {
    return previous((this.paths[row] ?? '').length - length);
  }

  #add(row: number): void {
    const path = this.paths[row] ?? '';
    let map = this.#root;
    for (let end = path.length; ;) {
      const { part, start } = partBefore(path, end);
      let entry = map.get(part);
      if (entry === undefined) {
        map.set(part, row);
        return;
      }
      if (typeof entry === 'number') {
        entry = this.#branchOf(entry, path.length - start);
        map.set(part, entry);
      }
      end = previous(start);
      if (end < 0) {
        entry.ends.push(row);
        return;
      }
      map = entry.more;
    }
  }

  /** A branch with one row in it, whose last `length` characters are the way to there. */
  #branchOf(row: number, length: number): Branch {
    const end = this.#endBefore(row, length);
    if (end < 0) return { ends: [row], more: new Map() };
    return { ends: [], more: new Map([[partBefore(this.paths[row] ?? '', end).part, row]]) };
  }
}

/** Some rows of a branch. */
function rowsOf(branch: Branch): number[] {
  const rows: number[] = [];
  const open: Entry[] = [branch];
  for (let entry = open.pop(); entry !== undefined && rows.length < EXAMPLES; entry = open.pop()) {
    if (typeof entry === 'number') {
      rows.push(entry);
      continue;
    }
    rows.push(...entry.ends.slice(0, EXAMPLES));
    let room = EXAMPLES;
    for (const next of entry.more.values()) {
      if (room-- === 0) break;
      open.push(next);
    }
  }
  return rows.slice(0, EXAMPLES).sort((a, b) => a - b);
}
