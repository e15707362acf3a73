/** Computes a value for every place from the scores of overlapping patches. */
import type { QualityMap } from './types.js';

/** Values on a regular raster over the resized image, row by row. */
export interface Raster {
  width: number;
  height: number;
  values: Float64Array;
}

/**
 * The value of a place is the mean of the patches that cover it, weighted by how near their centres are: a patch counts
 * fully in its middle and not at all at its edge, on each axis. Places near the edges of the image, which lie in the outer
 * half of every patch, are covered in the same way by fewer patches.
 *
 * @param cell - Side of a cell of the raster, pixels of the resized image.
 */
export function rasterOf({ rows, columns, patches, patchSize, resized }: QualityMap, cell: number): Raster {
  const xs = patches.slice(0, columns).map(({ x }) => x);
  const ys = Array.from({ length: rows }, (_, row) => patches[row * columns]?.y ?? 0);
  const across = weights(xs, patchSize, resized.width, cell);
  const down = weights(ys, patchSize, resized.height, cell);
  const width = across.length;
  const height = down.length;
  // One axis after the other: the weights are products.
  const halfway = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    across.forEach((weighted, x) => {
      halfway[row * width + x] = weightedSum(weighted, (index) => patches[row * columns + index]?.score);
    });
  }
  const values = new Float64Array(width * height);
  down.forEach((weighted, y) => {
    for (let x = 0; x < width; x++) {
      values[y * width + x] = weightedSum(weighted, (index) => halfway[index * width + x]);
    }
  });
  return { width, height, values };
}

/** A patch along an axis, by its place in the row or column. */
interface Weighted {
  index: number;
  weight: number;
}

function weightedSum(weighted: readonly Weighted[], valueOf: (index: number) => number | undefined): number {
  let sum = 0;
  for (const { index, weight } of weighted) sum += weight * (valueOf(index) ?? NaN);
  return sum;
}

/** Lists for each cell along an axis the patches that cover its centre, with weights that add up to 1. */
function weights(starts: readonly number[], patchSize: number, length: number, cell: number): Weighted[][] {
  return Array.from({ length: Math.ceil(length / cell) }, (_, i) => {
    const centre = Math.min((i + 0.5) * cell, length - 0.5);
    const covering = starts.flatMap((start, index) => {
      const distance = Math.abs(centre - start - patchSize / 2);
      return distance < patchSize / 2 ? [{ index, weight: 1 - distance / (patchSize / 2) }] : [];
    });
    const sum = covering.reduce((total, { weight }) => total + weight, 0);
    return covering.map(({ index, weight }) => ({ index, weight: weight / sum }));
  });
}
