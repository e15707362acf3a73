/** Long loops over pixels, cut into pieces so that the event loop is never held for more than some milliseconds. */
import { setImmediate } from 'node:timers/promises';

/** Pixels of one piece: about 2 ms of simple arithmetic. */
const PIXELS = 1 << 20;

/** Calls `work(firstRow, endRow)` for consecutive pieces of an image and lets other events run in between. */
export async function forSlices(
  width: number,
  height: number,
  work: (firstRow: number, endRow: number) => void,
): Promise<void> {
  const rows = Math.max(1, Math.floor(PIXELS / width));
  for (let row = 0; row < height; row += rows) {
    if (row > 0) await setImmediate();
    work(row, Math.min(row + rows, height));
  }
}
