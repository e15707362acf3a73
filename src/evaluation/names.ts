/** Which image a name means: predictions and human scores name the same file in different ways. */

/** How a name was found, from the surest way to the last. */
export type MatchedBy = 'exact' | 'base-name' | 'stem' | 'stem-ignoring-case';

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

/** Finds rows by name: exact name, then base name, then stem, then stem in any case; the last three only if unique. */
export class NameIndex {
  readonly #exact = new Map<string, number>();
  readonly #loose: { by: MatchedBy; key: (name: string) => string; rows: Map<string, number[]> }[] = [
    { by: 'base-name', key: baseName, rows: new Map() },
    { by: 'stem', key: stem, rows: new Map() },
    { by: 'stem-ignoring-case', key: (name) => stem(name).toLowerCase(), rows: new Map() },
  ];

  /** @param names - Of the rows, without repetitions. */
  constructor(names: readonly string[]) {
    names.forEach((name, row) => {
      this.#exact.set(name, row);
      for (const { key, rows } of this.#loose) {
        const found = rows.get(key(name));
        if (found) found.push(row);
        else rows.set(key(name), [row]);
      }
    });
  }

  /** The row that is meant; `undefined` where there is none, and all candidates where there are several. */
  find(name: string): { row: number; by: MatchedBy } | { candidates: readonly number[] } | undefined {
    const exact = this.#exact.get(name);
    if (exact !== undefined) return { row: exact, by: 'exact' };
    for (const { by, key, rows } of this.#loose) {
      const found = rows.get(key(name));
      const [row] = found ?? [];
      if (found === undefined || row === undefined) continue;
      return found.length === 1 ? { row, by } : { candidates: found };
    }
    return undefined;
  }
}
