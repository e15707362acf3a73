/** An account of rows that are not evaluated. */
import type { DroppedRow, DropReason } from './types.js';

/** Counts the occurrences of each reason; reasons that did not occur are left out. */
export function countReasons(reasons: Iterable<DropReason>): Partial<Record<DropReason, number>> {
  const counts: Partial<Record<DropReason, number>> = {};
  for (const reason of reasons) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

/** `2 no-match, 1 duplicate` */
export const describeReasons = (counts: Readonly<Partial<Record<DropReason, number>>>): string =>
  Object.entries(counts)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(', ');

/** The reasons of dropped rows in words. */
export function droppedByReason(dropped: readonly DroppedRow[]): string {
  return describeReasons(countReasons(dropped.map(({ reason }) => reason)));
}
