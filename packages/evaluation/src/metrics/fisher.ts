/** Fisher's interval for a linear correlation. */
import { normalQuantile } from './distributions.js';
import { undefinedInterval, type Interval } from './figure.js';
import { checkLevel, invalid } from './input.js';

/**
 * The confidence interval of a PLCC by Fisher's z: tanh(atanh r ± q/√(n − 3)), q the normal quantile (1.96 for 95 %).
 * Undefined for fewer than 4 images; a correlation of ±1 has the interval [±1, ±1].
 *
 * @param r - The correlation, −1 to 1.
 * @param n - Number of images.
 * @param level - Coverage, default 0.95.
 * @throws MetricsError ERR_INVALID_ARGUMENT for numbers out of range.
 */
export function fisherInterval(r: number, n: number, level = 0.95): Interval {
  checkLevel(level);
  if (!(Math.abs(r) <= 1)) throw invalid(`r must be a correlation from -1 to 1, not ${r}.`);
  if (!Number.isInteger(n) || n < 0) throw invalid(`n must be a number of images, not ${n}.`);
  if (n < 4) return undefinedInterval(level, 'too-few');
  const reach = normalQuantile((1 + level) / 2) / Math.sqrt(n - 3);
  return { lower: Math.tanh(Math.atanh(r) - reach), upper: Math.tanh(Math.atanh(r) + reach), level };
}
