/** Pearson's linear and Spearman's rank correlation. */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the arrays by construction */
import { figure, undefinedFigure, type Figure } from './figure.js';
import { correlationUndefined, pairs, type Values } from './input.js';
import { centred, correlationOf, dot } from './moments.js';
import { centredMidRanks, denseRanks } from './ranks.js';

/**
 * PLCC, Pearson's linear correlation of predictions and human scores, −1 to 1; O(n). The columns are scaled by powers of
 * two and centred before anything is multiplied, so neither a large offset nor an extreme scale costs accuracy.
 *
 * Undefined for fewer than 3 pairs, NaN, infinities and constant columns.
 *
 * @throws MetricsError ERR_INVALID_ARGUMENT when the lengths differ.
 */
export function plcc(predicted: Values, scores: Values): Figure {
  const [x, y] = pairs(predicted, scores);
  const reason = correlationUndefined(x, y, false);
  if (reason !== undefined) return undefinedFigure(reason);
  const dx = centred(x).values;
  const dy = centred(y).values;
  return figure(correlationOf(dot(dx, dy), dot(dx, dx), dot(dy, dy)));
}

/**
 * SRCC, Spearman's rank correlation, −1 to 1: Pearson's correlation of the mid-ranks (the definition that holds with
 * ties); O(n log n).
 *
 * Undefined for fewer than 3 pairs, NaN and constant columns. Infinities are ranked.
 *
 * @throws MetricsError ERR_INVALID_ARGUMENT when the lengths differ.
 */
export function srcc(predicted: Values, scores: Values): Figure {
  const [x, y] = pairs(predicted, scores);
  const reason = correlationUndefined(x, y, true);
  if (reason !== undefined) return undefinedFigure(reason);
  const rx = ranksPerValue(x);
  const ry = ranksPerValue(y);
  return figure(correlationOf(dot(rx, ry), dot(rx, rx), dot(ry, ry)));
}

function ranksPerValue(values: Float64Array): Float64Array {
  const { rank, counts } = denseRanks(values);
  const ofGroup = new Float64Array(counts.length);
  centredMidRanks(counts, values.length, ofGroup);
  return Float64Array.from(rank, (group) => ofGroup[group]!);
}
