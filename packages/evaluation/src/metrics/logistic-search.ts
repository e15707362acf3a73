/**
 * The least-squares search behind the logistic fits.
 *
 * Both mappings are linear in all parameters but two, the centre and the steepness of the curve. The linear ones are
 * solved exactly for each trial of those two ("variable projection", Golub & Pereyra 1973, SIAM J. Numer. Anal. 10,
 * 413–432; the Jacobian is Kaufman's 1975 simplification). Predictions are standardised first, so scale and offset of a
 * predictor do not matter. What remains is small enough to be searched for the global minimum: from the usual start and
 * from the best points of a grid. That is needed, since the usual start of the 5-parameter curve (slope 0) is a saddle
 * point, from which it depends on rounding errors where a search ends.
 */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the arrays by construction */
import { leastSquares, type LeastSquaresSolution } from './levenberg-marquardt.js';
import { dot } from './moments.js';
import { sigmoid, sigmoidSlope } from './sigmoid.js';

/** The curve is σ(t), t = steepness·(z − centre), at standardised predictions z. @internal */
export interface Curve {
  readonly centre: number;
  readonly steepness: number;
  /**
   * z ↦ constant + linear·z + amplitude·g, where g is the logistic function less `shift`: 0, 1, or 1/2 + t/4. Which of
   * these it is depends on where the curve lies; the difference belongs to the constant and linear part, and choosing it
   * well keeps the sums accurate where the curve is nearly an exponential or nearly straight.
   */
  readonly constant: number;
  readonly linear: number;
  readonly amplitude: number;
  readonly shift: Shift;
}

/** @internal */
export type Shift = 'none' | 'one' | 'tangent';

interface Bounded {
  readonly centre: number;
  readonly steepness: number;
  readonly centreHeld: boolean;
  readonly steepnessHeld: boolean;
}

interface Projection {
  readonly centre: number;
  readonly steepness: number;
  readonly direction: Float64Array;
  /** 0 where nothing is left. */
  readonly length: number;
  readonly shift: Shift;
}

/** Limits of the search: beyond them the curve is, within rounding, a step, a parabola or cubic, or an exponential. */
const STEEPNESS = [0.01, 1e4] as const;
/**
 * Distance that the centre may lie outside the predictions, in units of 1/steepness; e^−18 of the curve's height is
 * left.
 */
const OUTSIDE = 18;
const GRID_STEEPNESS = [0.1, 0.3, 1, 2, 4, 8, 16, 40, 100, 400, 1600];
const GRID_CENTRES = 49;
const BINS = 600;
/** Number of grid points from which a search starts on merged pairs, and number of its results refined on all pairs. */
const MERGED_STARTS = 16;
const FULL_STARTS = 3;
/** Few pairs have many minima, with steps between neighbours, but cost little. */
const FEW = 100;
const STARTS_AMONG_FEW = 60;

/** σ(t) − 1/2 − t/4, by its series where the terms would cancel. */
function bend(t: number): number {
  if (Math.abs(t) > 0.2) return 0.5 * Math.tanh(t / 2) - t / 4;
  const s = t * t;
  return t * s * (-1 / 48 + s * (1 / 480 + s * (-17 / 80640 + s * (31 / 1451520 - s * (691 / 319334400)))));
}

/** @internal */
export class LogisticSearch {
  readonly #z: Float64Array;
  readonly #low: number;
  readonly #high: number;
  readonly #scores: Float64Array;
  readonly #counts: ArrayLike<number> | undefined;
  /** √counts, the weights of the residuals. */
  readonly #roots: Float64Array | undefined;
  /** Orthonormal columns that the linear part spans: the constant and, for five parameters, z. */
  readonly #fixed: Float64Array[];
  readonly #target: Float64Array;
  /** The target less its linear part. */
  readonly #rest: Float64Array;
  readonly #withLine: boolean;
  #last: Projection | undefined;

  /**
   * @param z - Standardised predictions.
   * @param scores - Standardised scores.
   * @param withLine - Whether a term linear in z belongs to the mapping.
   * @param counts - How often each pair occurs; all once if left out.
   */
  constructor(z: Float64Array, scores: Float64Array, withLine: boolean, counts?: ArrayLike<number>) {
    this.#z = z;
    this.#low = z.reduce((a, b) => Math.min(a, b));
    this.#high = z.reduce((a, b) => Math.max(a, b));
    this.#withLine = withLine;
    this.#roots = counts && Float64Array.from(counts, Math.sqrt);
    this.#fixed = [];
    const columns = withLine ? [z.map(() => 1), z] : [z.map(() => 1)];
    for (const column of columns) {
      const weighted = this.#weighted(column);
      this.#removeFixed(weighted);
      const length = Math.sqrt(dot(weighted, weighted));
      if (length > 0) this.#fixed.push(weighted.map((value) => value / length));
    }
    this.#scores = scores;
    this.#counts = counts;
    this.#target = this.#weighted(scores);
    this.#rest = this.#target.slice();
    this.#removeFixed(this.#rest);
  }

  /**
   * The best curve found from this start [centre, steepness] and, if asked, from a grid over all curves. The grid is
   * searched on pairs that are merged with their neighbours; the best results are refined on all pairs.
   */
  best(
    start: readonly [number, number],
    options: { readonly grid: boolean; readonly maxIterations: number },
  ): { curve: Curve; converged: boolean; iterations: number } {
    let iterations = 0;
    const from = (starts: readonly (readonly [number, number])[], on: LogisticSearch): LeastSquaresSolution[] =>
      starts
        .map(([centre, steepness]) => {
          const solution = on.#search(centre, steepness, options.maxIterations);
          iterations += solution.iterations;
          return solution;
        })
        .sort((a, b) => a.sumOfSquares - b.sumOfSquares);

    let starts: (readonly [number, number])[] = [start];
    if (options.grid) {
      const merged = this.#merged();
      starts = from([start, ...merged.#gridStarts()], merged)
        .slice(0, FULL_STARTS)
        .map(({ parameters }) => {
          const { centre, steepness } = merged.#bounded(parameters);
          return [centre, steepness];
        });
    }
    const best = from(starts, this)[0]!;
    const { centre, steepness } = this.#bounded(best.parameters);
    return { curve: this.#curve(centre, steepness), converged: best.converged, iterations };
  }

  #search(centre: number, steepness: number, maxIterations: number): LeastSquaresSolution {
    return leastSquares(
      {
        rows: this.#z.length,
        residuals: (parameters, out) => {
          const { direction } = this.#project(this.#bounded(parameters));
          const along = dot(direction, this.#rest);
          for (let i = 0; i < out.length; i++) out[i] = along * direction[i]! - this.#rest[i]!;
        },
        jacobian: (parameters, [byCentre, byLogSteepness]) => {
          const bounded = this.#bounded(parameters);
          const { centre: a, steepness: steep } = bounded;
          const { direction, length, shift } = this.#project(bounded);
          const amplitude = length > 0 ? dot(direction, this.#rest) / length : 0;
          const z = this.#z;
          for (let i = 0; i < z.length; i++) {
            const t = steep * (z[i]! - a);
            const slope = amplitude * (shift === 'tangent' ? -0.25 * Math.tanh(t / 2) ** 2 : sigmoidSlope(t));
            // At a bound the curve no longer depends on the parameter.
            byCentre![i] = bounded.centreHeld ? 0 : -slope * steep;
            byLogSteepness![i] = bounded.steepnessHeld || slope === 0 ? 0 : slope * t;
          }
          for (const column of [byCentre!, byLogSteepness!]) {
            const weighted = this.#weighted(column);
            this.#removeFixed(weighted);
            const along = dot(direction, weighted);
            for (let i = 0; i < column.length; i++) column[i] = weighted[i]! - along * direction[i]!;
          }
        },
      },
      [centre, Math.log(Math.min(STEEPNESS[1], Math.max(STEEPNESS[0], steepness)))],
      maxIterations,
    );
  }

  /** Centre and steepness that parameters [centre, log steepness] stand for, and which of them are held at a bound. */
  #bounded(parameters: ArrayLike<number>): Bounded {
    const [centre, steepness] = [parameters[0]!, Math.exp(parameters[1]!)];
    const steep = Math.min(STEEPNESS[1], Math.max(STEEPNESS[0], steepness));
    const reach = OUTSIDE / steep;
    const within = Math.min(this.#high + reach, Math.max(this.#low - reach, centre));
    return { centre: within, steepness: steep, centreHeld: within !== centre, steepnessHeld: steep !== steepness };
  }

  /** The curve's part that is orthogonal to the linear part, normalised. */
  #project({ centre, steepness }: { readonly centre: number; readonly steepness: number }): Projection {
    // The derivatives are asked for where the residuals have just been.
    const last = this.#last;
    if (last?.centre === centre && last.steepness === steepness) return last;
    const furthest = steepness * Math.max(Math.abs(this.#high - centre), Math.abs(this.#low - centre));
    const shift = this.#withLine && furthest < 2 ? 'tangent' : 2 * centre > this.#low + this.#high ? 'none' : 'one';
    const direction = this.#weighted(this.#shape(shift, centre, steepness));
    const before = Math.sqrt(dot(direction, direction));
    this.#removeFixed(direction);
    let length = Math.sqrt(dot(direction, direction));
    // Nothing but rounding errors left: the curve is flat or straight at all predictions.
    if (!(length > 1e-13 * before)) length = 0;
    for (let i = 0; i < direction.length; i++) direction[i] = length > 0 ? direction[i]! / length : 0;
    this.#last = { centre, steepness, direction, length, shift };
    return this.#last;
  }

  /** g at all predictions. */
  #shape(shift: Shift, centre: number, steepness: number): Float64Array {
    const values = new Float64Array(this.#z.length);
    const z = this.#z;
    for (let i = 0; i < values.length; i++) {
      const t = steepness * (z[i]! - centre);
      values[i] = shift === 'tangent' ? bend(t) : shift === 'none' ? sigmoid(t) : -sigmoid(-t);
    }
    return values;
  }

  #curve(centre: number, steepness: number): Curve {
    const { direction, length, shift } = this.#project({ centre, steepness });
    const amplitude = length > 0 ? dot(direction, this.#rest) / length : 0;
    // Fit the rest by the linear part alone: a straight line, or a mean.
    const left = this.#weighted(this.#shape(shift, centre, steepness));
    for (let i = 0; i < left.length; i++) left[i] = this.#target[i]! - amplitude * left[i]!;
    const one = this.#weighted(this.#z.map(() => 1));
    const [first, second] = this.#fixed;
    const line = second && this.#weighted(this.#z);
    const linear = second && line ? dot(second, left) / dot(second, line) : 0;
    const constant = (dot(first!, left) - (line ? linear * dot(first!, line) : 0)) / dot(first!, one);
    return { centre, steepness, constant, linear, amplitude, shift };
  }

  /**
   * The same problem with neighbouring predictions merged: means weighted with their number. What the scores scatter
   * within a bin is the same for all curves, nearly, so the sums of squares keep their order.
   */
  #merged(): LogisticSearch {
    const counts = this.#counts;
    const order = Uint32Array.from(this.#z.keys())
      .filter((i) => counts?.[i] !== 0)
      .sort((a, b) => this.#z[a]! - this.#z[b]!);
    const bins = Math.min(order.length, BINS);
    const [z, scores, weights] = [new Float64Array(bins), new Float64Array(bins), new Float64Array(bins)];
    for (let bin = 0; bin < bins; bin++) {
      const members = order.subarray(
        Math.floor((bin * order.length) / bins),
        Math.floor(((bin + 1) * order.length) / bins),
      );
      for (const i of members) {
        const count = counts?.[i] ?? 1;
        weights[bin]! += count;
        z[bin]! += count * this.#z[i]!;
        scores[bin]! += count * this.#scores[i]!;
      }
      z[bin]! /= weights[bin]!;
      scores[bin]! /= weights[bin]!;
    }
    return new LogisticSearch(z, scores, this.#withLine, weights);
  }

  /** Grid points at which a curve explains more than its neighbours of the same steepness; z must be sorted. */
  #gridStarts(): [number, number][] {
    const z = this.#z;
    const centres = Array.from({ length: GRID_CENTRES }, (_, i) => {
      const position = (i * (z.length - 1)) / (GRID_CENTRES - 1);
      return (z[Math.floor(position)]! + z[Math.ceil(position)]!) / 2;
    });
    const gains = centres.map((centre) =>
      GRID_STEEPNESS.map((steepness) => Math.abs(dot(this.#project({ centre, steepness }).direction, this.#rest))),
    );
    const candidates = gains.flatMap((row, i) =>
      row.flatMap((gain, j) => {
        const around = [gains[i - 1]?.[j] ?? 0, gains[i + 1]?.[j] ?? 0];
        return gain >= Math.max(...around)
          ? { start: [centres[i]!, GRID_STEEPNESS[j]!] as [number, number], gain }
          : [];
      }),
    );
    return candidates
      .sort((a, b) => b.gain - a.gain)
      .slice(0, z.length <= FEW ? STARTS_AMONG_FEW : MERGED_STARTS)
      .map(({ start }) => start);
  }

  #weighted(column: Float64Array): Float64Array {
    const roots = this.#roots;
    return roots ? column.map((value, i) => value * roots[i]!) : column.slice();
  }

  /** Subtracts the projection on the linear part, twice, so that rounding errors of the first time go too. */
  #removeFixed(column: Float64Array): void {
    for (let pass = 0; pass < 2; pass++)
      for (const unit of this.#fixed) {
        const along = dot(unit, column);
        for (let i = 0; i < column.length; i++) column[i]! -= along * unit[i]!;
      }
  }
}
