/**
 * Nonlinear least squares: the Levenberg–Marquardt method in the trust-region form of Moré 1978 ("The Levenberg–Marquardt
 * algorithm: implementation and theory", LNM 630, 105–116), with MINPACK's constants. MINPACK is what SciPy's `curve_fit`
 * runs, so from the same start the same minimum is found.
 *
 * Why not ml-levenberg-marquardt 5.1, the maintained library: it keeps a step that made the fit worse (`parameters` moves
 * unconditionally), damps all parameters alike although ours differ by orders of magnitude, ends only at `maxIterations`
 * or at an absolute error bound, and so cannot say whether it converged.
 */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the arrays by construction */
import { euclideanLength } from './moments.js';
import { jacobiSvd, triangularise } from './small-svd.js';

/** @internal */
export interface LeastSquaresProblem {
  readonly rows: number;
  /** Writes the residuals at `parameters`. */
  residuals(parameters: Float64Array, out: Float64Array): void;
  /** Writes the derivative of all residuals by each parameter, one column per parameter. */
  jacobian(parameters: Float64Array, columns: Float64Array[]): void;
}

/** @internal */
export interface LeastSquaresSolution {
  readonly parameters: Float64Array;
  readonly sumOfSquares: number;
  /** The relative change of the sum of squares or of the parameters fell below √ε, as SciPy's default. */
  readonly converged: boolean;
  /** Steps tried, the rejected ones included. */
  readonly iterations: number;
}

/** MINPACK's and SciPy's default: √(machine precision). */
const TOLERANCE = Math.sqrt(Number.EPSILON);
/**
 * Steps after convergence. They bring a proper minimum to full accuracy; where the minimum lies at infinity, more of them
 * would only move the parameters further away than anybody else's fit, for nothing.
 */
const POLISHING = 30;
/** The first step is at most this many times the scaled length of the start. */
const FIRST_RADIUS = 100;

/** @internal */
export function leastSquares(
  problem: LeastSquaresProblem,
  start: ArrayLike<number>,
  maxIterations: number,
): LeastSquaresSolution {
  const { rows } = problem;
  let parameters = Float64Array.from(start);
  const size = parameters.length;
  let residuals = new Float64Array(rows);
  let trialResiduals = new Float64Array(rows);
  const columns = Array.from({ length: size }, () => new Float64Array(rows));
  const scale = new Float64Array(size);
  const right = new Float64Array(rows);

  problem.residuals(parameters, residuals);
  let norm = euclideanLength(residuals);
  let radius = 0;
  let damping = 0;
  let converged = false;
  let polishing = 0;
  let iterations = 0;
  let finished = !Number.isFinite(norm);

  for (let first = true; !finished && iterations < maxIterations; first = false) {
    problem.jacobian(parameters, columns);
    for (let k = 0; k < size; k++) {
      const length = euclideanLength(columns[k]!);
      scale[k] = first ? length || 1 : Math.max(scale[k]!, length);
    }
    if (!scale.every(Number.isFinite)) break;
    if (first) radius = FIRST_RADIUS * (scaledLength(parameters, scale) || 1);

    right.set(residuals);
    triangularise(columns, right);
    const subproblem = new StepFinder(columns, right, scale);

    for (let accepted = false; !accepted && !finished && iterations < maxIterations;) {
      iterations++;
      const step = subproblem.within(radius, damping);
      damping = step.damping;
      if (first) radius = Math.min(radius, step.length);
      const trial = parameters.map((value, k) => value - step.values[k]!);
      problem.residuals(trial, trialResiduals);
      const trialNorm = euclideanLength(trialResiduals);

      // Changes of the sum of squares relative to the current one: measured, and as the linear model predicts.
      const actual = 0.1 * trialNorm < norm ? 1 - (trialNorm / norm) ** 2 : -1;
      const linear = (step.linearChange / norm) ** 2;
      const damped = damping * (step.length / norm) ** 2;
      const predicted = linear + 2 * damped;
      const slope = -(linear + damped);
      if (!(predicted > 0)) {
        // Nothing to gain in any direction (or, not a number: nothing more to compute with).
        converged ||= predicted === 0;
        finished = true;
        break;
      }
      const ratio = actual / predicted;

      if (ratio <= 0.25) {
        let shrink = actual >= 0 ? 0.5 : (0.5 * slope) / (slope + 0.5 * actual);
        if (!(0.1 * trialNorm < norm) || shrink < 0.1) shrink = 0.1;
        radius = shrink * Math.min(radius, step.length / 0.1);
        damping /= shrink;
      } else if (damping === 0 || ratio >= 0.75) {
        radius = 2 * step.length;
        damping *= 0.5;
      }
      if (ratio >= 1e-4) {
        parameters = trial;
        [residuals, trialResiduals] = [trialResiduals, residuals];
        norm = trialNorm;
        accepted = true;
      }

      const change = Math.max(Math.abs(actual), predicted);
      const reach = scaledLength(parameters, scale);
      if ((change <= TOLERANCE && ratio <= 2) || radius <= TOLERANCE * reach || norm === 0) converged = true;
      const exhausted = (change <= Number.EPSILON && ratio <= 2) || radius <= Number.EPSILON * reach || norm === 0;
      if (exhausted || !Number.isFinite(radius)) finished = true;
    }
    if (converged && ++polishing > POLISHING) finished = true;
  }
  return { parameters, sumOfSquares: norm * norm, converged, iterations };
}

/** The step that minimises the linearised problem within a radius. */
class StepFinder {
  readonly #scale: Float64Array;
  readonly #singular: Float64Array;
  readonly #directions: Float64Array[];
  /** Uᵀ·residuals. */
  readonly #components: Float64Array;

  /** @param columns - R of the Jacobian in its first rows. @param right - Qᵀ·residuals in its first entries. */
  constructor(columns: readonly Float64Array[], right: Float64Array, scale: Float64Array) {
    const size = columns.length;
    const triangle = columns.map((column, k) =>
      Float64Array.from({ length: size }, (_, i) => (i <= k && i < column.length ? column[i]! / scale[k]! : 0)),
    );
    const { scaledLeft, singular, right: directions } = jacobiSvd(triangle);
    // A parameter on which nothing depends here has a singular value of zero, and no step. The absolute bound is relative
    // to the longest gradient seen so far, which the scale holds.
    const negligible = Math.max(1e-100, Math.max(...singular) * size * Number.EPSILON);
    this.#scale = scale;
    this.#singular = singular.map((value) => (value > negligible ? value : 0));
    this.#directions = directions;
    this.#components = Float64Array.from(scaledLeft, (column, k) => {
      if (this.#singular[k] === 0) return 0;
      let product = 0;
      for (let i = 0; i < size; i++) product += column[i]! * (right[i] ?? 0);
      return product / singular[k]!;
    });
  }

  /**
   * @param radius - The longest step in scaled parameters, met within a tenth.
   * @param guess - The damping to begin with, of the step before.
   */
  within(
    radius: number,
    guess: number,
  ): { values: Float64Array; length: number; damping: number; linearChange: number } {
    const damping = this.#damping(radius, guess);
    const coefficients = this.#singular.map((s, k) => (s === 0 ? 0 : (s * this.#components[k]!) / (s * s + damping)));
    const values = new Float64Array(coefficients.length);
    coefficients.forEach((coefficient, k) => {
      this.#directions[k]!.forEach((entry, i) => {
        values[i]! += coefficient * entry;
      });
    });
    return {
      values: values.map((value, i) => value / this.#scale[i]!),
      length: euclideanLength(coefficients),
      damping,
      linearChange: euclideanLength(coefficients.map((coefficient, k) => coefficient * this.#singular[k]!)),
    };
  }

  /** The damping for which the step is as long as the radius; 0 when the undamped step is within it. */
  #damping(radius: number, guess: number): number {
    const undamped = this.#excess(0, radius);
    if (undamped.excess <= 0.1 * radius) return 0;
    const gradient = euclideanLength(this.#singular.map((s, k) => s * this.#components[k]!));
    let low = this.#singular.includes(0) ? 0 : undamped.newton;
    let high = gradient / radius;
    let damping = Math.min(high, Math.max(low, guess)) || gradient / (undamped.excess + radius);
    for (let i = 0; i < 10; i++) {
      if (damping === 0) damping = Math.max(Number.MIN_VALUE, 1e-3 * high);
      const { excess, newton } = this.#excess(damping, radius);
      if (Math.abs(excess) <= 0.1 * radius) break;
      if (excess > 0) low = Math.max(low, damping);
      else high = Math.min(high, damping);
      damping = Math.max(low, damping + newton);
    }
    return damping;
  }

  /** Excess of the step for this damping over the radius, and Newton's correction of the damping. */
  #excess(damping: number, radius: number): { excess: number; newton: number } {
    let squares = 0;
    let derivative = 0;
    for (let k = 0; k < this.#singular.length; k++) {
      const s = this.#singular[k]!;
      if (s === 0) continue;
      const coefficient = (s * this.#components[k]!) / (s * s + damping);
      squares += coefficient * coefficient;
      derivative += (coefficient * coefficient) / (s * s + damping);
    }
    const excess = Math.sqrt(squares) - radius;
    return { excess, newton: derivative === 0 ? 0 : ((excess / radius) * squares) / derivative };
  }
}

function scaledLength(values: Float64Array, scale: Float64Array): number {
  return euclideanLength(values.map((value, k) => value * scale[k]!));
}
