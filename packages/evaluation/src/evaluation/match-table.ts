/** The rows of one table of predictions, each with the one image that it means. */
import { foldersOf, waysOfMatching, type MatchedBy, type NameIndex } from './names.js';
import type { DroppedRow, DropReason, PredictionRow } from './types.js';

/** A row and how it was found. */
export interface Matched {
  readonly row: PredictionRow;
  readonly by: MatchedBy;
}

/** Matches and dropped rows of a table. */
export interface TableMatches {
  /** Matches by the number of the image, in the order of the table. */
  readonly matched: ReadonlyMap<number, Matched>;
  /** Rows that mean no image, each with the image that has its name in another folder, if there is one. */
  readonly unmatched: readonly { readonly row: PredictionRow; readonly elsewhere: string | undefined }[];
  readonly dropped: readonly DroppedRow[];
}

/** A row that is not evaluated. */
export function droppedRow(
  row: PredictionRow,
  reason: DropReason,
  message: string,
  predictor: string | null = null,
): DroppedRow {
  const where = row.line === null ? '' : `line ${row.line}: `;
  return { source: row.source, line: row.line, file: row.file, reason, predictor, message: where + message };
}

interface Claim extends Matched {
  readonly shared: number;
}

/**
 * Gives each row of a table its image. Of several rows for one image the one that matches best counts; equally good ones
 * are ambiguous and all dropped.
 *
 * @param names - Of the images, as the index has them.
 */
export function matchTable(
  rows: readonly PredictionRow[],
  index: NameIndex,
  names: (image: number) => string,
): TableMatches {
  const folders = foldersOf(rows.map(({ file }) => file));
  const claims = new Map<number, Claim[]>();
  const unmatched: { row: PredictionRow; elsewhere: string | undefined }[] = [];
  const dropped: DroppedRow[] = [];
  for (const row of rows) {
    const meaning = index.find(row.file, folders);
    if (meaning === undefined) {
      unmatched.push({ row, elsewhere: undefined });
    } else if ('elsewhere' in meaning) {
      unmatched.push({ row, elsewhere: names(meaning.elsewhere) });
    } else if ('candidates' in meaning) {
      dropped.push(droppedRow(row, 'ambiguous', `could be ${some(meaning.candidates.map(names), ' or ')}`));
    } else {
      const claim = { row, by: meaning.by, shared: meaning.shared };
      const others = claims.get(meaning.row);
      if (others) others.push(claim);
      else claims.set(meaning.row, [claim]);
    }
  }
  const matched = new Map<number, Matched>();
  for (const [image, claimants] of claims) {
    const [best, ...equals] = bestOf(claimants);
    if (best === undefined) continue;
    if (equals.length === 0) matched.set(image, best);
    for (const { row } of claimants) {
      if (equals.length > 0) {
        const rivals = [best, ...equals.slice(0, 4)].map((claim) => claim.row).filter((other) => other !== row);
        const files = some(
          rivals.map(({ file }) => file),
          ', ',
        );
        dropped.push(droppedRow(row, 'ambiguous', `${names(image)} could be this image or ${files}`));
      } else if (row !== best.row) {
        dropped.push(droppedRow(row, 'duplicate', `${best.row.file} matches ${names(image)} better`));
      }
    }
  }
  return { matched, unmatched, dropped };
}

/** The surest of the claims, several where they are equally sure. */
function bestOf(claims: readonly Claim[]): Claim[] {
  let best: Claim[] = [];
  for (const claim of claims) {
    const [leader] = best;
    const order = leader === undefined ? -1 : rank(claim) - rank(leader) || leader.shared - claim.shared;
    if (order < 0) best = [claim];
    else if (order === 0) best.push(claim);
  }
  return best;
}

const rank = ({ by }: Claim): number => waysOfMatching.indexOf(by);

/** The first three names. */
const some = (names: readonly string[], separator: string): string =>
  names.slice(0, 3).join(separator) + (names.length > 3 ? `${separator}others` : '');
