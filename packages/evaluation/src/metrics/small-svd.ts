/** Dense linear algebra for tall, narrow matrices, stored as columns. */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the arrays by construction */
import { dot, euclideanLength } from './moments.js';

/**
 * Reduces the least-squares problem min ‖A·p − b‖ to one with as many rows as columns, by Householder reflections in
 * place (R is read from the first rows of the columns, Qᵀb from the first entries of `right`).
 *
 * @param columns - The columns of A, overwritten.
 * @param right - b, overwritten.
 * @internal
 */
export function triangularise(columns: Float64Array[], right: Float64Array): void {
  const rows = right.length;
  for (let k = 0; k < Math.min(columns.length, rows - 1); k++) {
    const pivot = columns[k]!;
    const norm = euclideanLength(pivot.subarray(k));
    if (norm === 0) continue;
    const diagonal = pivot[k]! > 0 ? -norm : norm;
    const head = pivot[k]! - diagonal;
    // The reflector is (1, v) with v = rest / head; what it does to a vector w: w −= β·(vᵀw)·v.
    const beta = -head / diagonal;
    for (let i = k + 1; i < rows; i++) pivot[i]! /= head;
    const others = [...columns.slice(k + 1), right];
    for (const other of others) {
      let product = other[k]!;
      for (let i = k + 1; i < rows; i++) product += pivot[i]! * other[i]!;
      product *= beta;
      other[k]! -= product;
      for (let i = k + 1; i < rows; i++) other[i]! -= product * pivot[i]!;
    }
    pivot[k] = diagonal;
  }
}

/** A = U·diag(s)·Vᵀ. @internal */
export interface Svd {
  /** Columns of U times their singular value; orthogonal. */
  readonly scaledLeft: Float64Array[];
  readonly singular: Float64Array;
  /** Columns of V. */
  readonly right: Float64Array[];
}

/** Singular values by one-sided Jacobi rotations (Hestenes 1958), accurate for small ones too. @internal */
export function jacobiSvd(columns: readonly Float64Array[]): Svd {
  const size = columns.length;
  const left = columns.map((column) => column.slice());
  const right = columns.map((_, k) => Float64Array.from({ length: size }, (_, i) => (i === k ? 1 : 0)));
  for (let sweep = 0, rotated = true; rotated && sweep < 40; sweep++) {
    rotated = false;
    for (let p = 0; p < size - 1; p++) {
      for (let q = p + 1; q < size; q++) {
        const [a, b] = [left[p]!, left[q]!];
        const [aa, bb, ab] = [dot(a, a), dot(b, b), dot(a, b)];
        if (!(Math.abs(ab) > 1e-15 * Math.sqrt(aa) * Math.sqrt(bb))) continue;
        rotated = true;
        const zeta = (bb - aa) / (2 * ab);
        const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const cosine = 1 / Math.hypot(1, tangent);
        rotate(a, b, cosine, cosine * tangent);
        rotate(right[p]!, right[q]!, cosine, cosine * tangent);
      }
    }
  }
  return { scaledLeft: left, singular: Float64Array.from(left, (column) => Math.sqrt(dot(column, column))), right };
}

function rotate(a: Float64Array, b: Float64Array, cosine: number, sine: number): void {
  for (let i = 0; i < a.length; i++) {
    const value = a[i]!;
    a[i] = cosine * value - sine * b[i]!;
    b[i] = sine * value + cosine * b[i]!;
  }
}
