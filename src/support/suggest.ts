/** Suggests the name that a mistyped one was probably meant to be. */
import { closest, distance } from 'fastest-levenshtein';

/** The known name that is near enough to be meant, if there is one. */
export function suggestion(unknown: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const best = closest(unknown, known);
  const part = known.filter((name) => name.startsWith(unknown));
  // A slip in three letters is a typing error (two neighbours exchanged count as two); more is another word.
  if (distance(unknown, best) <= Math.ceil(unknown.length / 3)) return best;
  return part.length === 1 ? part[0] : undefined;
}
