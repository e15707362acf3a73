/** Tells one result of an image that was computed twice from two results. */

/** Points by which a score may differ between batches and orders: what hyperiqa promises (README). */
const TOLERANCE = 0.001;

/** @param a - JSON of a record or a row. @param b - Another of the same image. */
export const sameResult = (a: string, b: string): boolean => a === b || same(JSON.parse(a), JSON.parse(b));

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isObject(a) && isObject(b)) {
    const names = Object.keys(a);
    return names.length === Object.keys(b).length && names.every((name) => name in b && same(a[name], b[name]));
  }
  const [x, y] = [numberOf(a), numberOf(b)];
  return x !== undefined && y !== undefined && Math.abs(x - y) <= TOLERANCE;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** The number of a cell, which CSV has as text. */
function numberOf(value: unknown): number | undefined {
  if (typeof value !== 'number' && !(typeof value === 'string' && /^-?\d+(\.\d+)?(e-?\d+)?$/.test(value)))
    return undefined;
  return Number(value);
}
