/** The monotonic logistic mappings from predictions to human scores, and their least-squares fits. */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the arrays by construction */
import { meanOf, rmse } from './accuracy.js';
import { plcc } from './correlation.js';
import { undefinedFigure, type Figure, type UndefinedReason } from './figure.js';
import { badNumber, doubles, invalid, isConstant, pairs, type Values } from './input.js';
import { leastSquares } from './levenberg-marquardt.js';
import { logistic4Problem, logistic4Start, logistic4Value } from './logistic4.js';
import { LogisticSearch, type Curve } from './logistic-search.js';
import { centred, dot, timesPowerOfTwo } from './moments.js';

/**
 * Logistic mapping, named by its number of parameters:
 * - `logistic4`: ŷ = (β1 − β2)/(1 + exp(−(x − β3)/|β4|)) + β2 (VQEG 2000; start [max y, min y, mean x, std(x)/4]);
 * - `logistic5`: ŷ = β1·(1/2 − 1/(1 + exp(β2·(x − β3)))) + β4·x + β5 (Sheikh, Sabir, Bovik 2006; start
 *   [10, 0, mean x, 0.1, 0.1]).
 */
export type LogisticModel = 'logistic4' | 'logistic5';

/** A fitted mapping. */
export interface LogisticFit {
  readonly model: LogisticModel;
  /** [β1, …]. */
  readonly parameters: readonly number[];
  /** True if the fit converged (by SciPy's default tolerance). If not, its mapping is not to be used. */
  readonly converged: boolean;
  readonly iterations: number;
  /** Σ(ŷ − y)², in squared units of the scores. */
  readonly sumOfSquares: number;
  readonly undefinedBecause?: never;
}

/** Result if nothing can be fitted, with the reason. */
export interface UndefinedFit {
  readonly model: LogisticModel;
  readonly parameters: null;
  readonly converged: false;
  readonly undefinedBecause: UndefinedReason;
}

/** Options of a fit. */
export interface FitOptions {
  /** Number of steps after which a search counts as not converged. Default 500. */
  readonly maxIterations?: number;
}

const mappings: Record<LogisticModel, (b: ArrayLike<number>, x: number) => number> = {
  logistic4: logistic4Value,
  logistic5: (b, x) => 0.5 * b[0]! * Math.tanh((b[1]! * (x - b[2]!)) / 2) + b[3]! * x + b[4]!,
};

const parameterCount: Record<LogisticModel, number> = { logistic4: 4, logistic5: 5 };

/**
 * Fits a logistic mapping from predictions to human scores by least squares (Levenberg–Marquardt); one step costs O(n).
 *
 * `logistic4` takes the minimum that its start leads to, as VQEG and SciPy's `curve_fit` do; only if that search does not
 * converge, others are tried. The start of `logistic5` has slope 0, a saddle point from which rounding errors decide
 * where a search ends, so its global minimum is searched for: the sum of squares is at most what `curve_fit` finds.
 *
 * Undefined for NaN, infinities, fewer pairs than parameters and constant columns. A fit that did not converge is
 * returned with `converged: false`.
 *
 * @throws MetricsError ERR_INVALID_ARGUMENT when the lengths differ or an option is out of range.
 */
export function fitLogistic(
  model: LogisticModel,
  predicted: Values,
  scores: Values,
  options: FitOptions = {},
): LogisticFit | UndefinedFit {
  const [x, y] = pairs(predicted, scores);
  return fitWeighted(model, x, y, options);
}

/**
 * @param options - `counts`: how often each pair occurs, all once if left out; `from`: a fit of similar data, where the
 *   search begins instead.
 * @internal
 */
export function fitWeighted(
  model: LogisticModel,
  x: Float64Array,
  y: Float64Array,
  options: FitOptions & Weighting,
): LogisticFit | UndefinedFit {
  const maxIterations = options.maxIterations ?? 500;
  if (!Number.isInteger(maxIterations) || maxIterations < 1)
    throw invalid(`maxIterations must be 1, 2, 3, …, not ${maxIterations}.`);
  const reason = fitUndefined(model, x, y);
  if (reason !== undefined) return { model, parameters: null, converged: false, undefinedBecause: reason };

  const direct =
    model === 'logistic4' && options.from === undefined ? fromStart(x, y, maxIterations, options.counts) : undefined;
  const { parameters, converged, iterations } = direct ?? search(model, x, y, maxIterations, options);
  const value = mappings[model];
  const errors = y.map((score, i) => (value(parameters, x[i]!) - score) * Math.sqrt(options.counts?.[i] ?? 1));
  const sumOfSquares = dot(errors, errors);
  if (!parameters.every(Number.isFinite) || !Number.isFinite(sumOfSquares))
    return { model, parameters: null, converged: false, undefinedBecause: 'overflow' };
  return { model, parameters, converged, iterations, sumOfSquares };
}

function fitUndefined(model: LogisticModel, x: Float64Array, y: Float64Array): UndefinedReason | undefined {
  const bad = badNumber(x, y);
  if (bad !== undefined) return bad;
  if (x.length < parameterCount[model]) return 'too-few';
  if (isConstant(x)) return 'constant-predictions';
  return isConstant(y) ? 'constant-scores' : undefined;
}

interface Found {
  readonly parameters: readonly number[];
  readonly converged: boolean;
  readonly iterations: number;
}

interface Weighting {
  readonly counts?: ArrayLike<number>;
  readonly from?: LogisticFit;
}

/** The 4-parameter fit in its own parameters and from its own start; nothing if it does not converge. */
function fromStart(
  x: Float64Array,
  y: Float64Array,
  maxIterations: number,
  counts: ArrayLike<number> | undefined,
): Found | undefined {
  const problem = logistic4Problem(x, y, counts);
  const { parameters, converged, iterations } = leastSquares(problem, logistic4Start(x, y), maxIterations);
  return converged ? { parameters: [...parameters], converged, iterations } : undefined;
}

/** The global minimum, as far as a search finds it; with `from`, the one near that fit. */
function search(
  model: LogisticModel,
  x: Float64Array,
  y: Float64Array,
  maxIterations: number,
  { counts, from }: Weighting,
): Found {
  const [z, meanX, unitX] = standardised(x);
  const [target, meanY, unitY] = standardised(y);
  const start: [number, number] =
    from === undefined
      ? [0, model === 'logistic4' ? 4 : 0]
      : [(from.parameters[2]! - meanX) / unitX, steepnessOf(from) * unitX];
  const { curve, converged, iterations } = new LogisticSearch(z, target, model === 'logistic5', counts).best(start, {
    grid: from === undefined,
    maxIterations,
  });
  return { parameters: inOriginalUnits(model, curve, { meanX, unitX, meanY, unitY }), converged, iterations };
}

const steepnessOf = (fit: LogisticFit): number =>
  fit.model === 'logistic4' ? 1 / Math.abs(fit.parameters[3]!) : Math.abs(fit.parameters[1]!);

/** The reference's parameters of a curve between standardised columns. */
function inOriginalUnits(
  model: LogisticModel,
  curve: Curve,
  units: { meanX: number; unitX: number; meanY: number; unitY: number },
): number[] {
  const { meanX, unitX, meanY, unitY } = units;
  const height = unitY * curve.amplitude;
  const b3 = meanX + unitX * curve.centre;
  const end = meanY + unitY * curve.constant;
  if (model === 'logistic4') {
    const [upper, lower] = curve.shift === 'none' ? [end + height, end] : [end, end - height];
    return [upper, lower, b3, unitX / curve.steepness];
  }
  const b2 = curve.steepness / unitX;
  // g = ½·tanh(t/2) + ½, − ½ or − t/4; what is not the tanh goes to the line.
  const slope = (unitY * curve.linear) / unitX - (curve.shift === 'tangent' ? (height * b2) / 4 : 0);
  const atMean =
    end +
    (curve.shift === 'none' ? height / 2 : 0) -
    (curve.shift === 'one' ? height / 2 : 0) +
    (curve.shift === 'tangent' ? (height * curve.steepness * curve.centre) / 4 : 0);
  return [height, b2, b3, slope, atMean - slope * meanX];
}

/** The predictions on the scale of the human scores, by a fitted mapping. */
export function applyLogistic(fit: LogisticFit, predicted: Values): Float64Array {
  const value = mappings[fit.model];
  return doubles(predicted).map((x) => value(fit.parameters, x));
}

/** PLCC and RMSE after a logistic fit. */
export interface FittedFigures {
  readonly fit: LogisticFit | UndefinedFit;
  /** PLCC of mapped predictions and scores; undefined when the fit is, or did not converge. */
  readonly plcc: Figure;
  /** RMSE of mapped predictions and scores, in units of the scores; undefined as `plcc`. */
  readonly rmse: Figure;
}

/**
 * Fits the mapping and computes PLCC and RMSE of the mapped predictions.
 *
 * @throws MetricsError ERR_INVALID_ARGUMENT when the lengths differ or an option is out of range.
 */
export function fittedFigures(
  model: LogisticModel,
  predicted: Values,
  scores: Values,
  options: FitOptions = {},
): FittedFigures {
  const fit = fitLogistic(model, predicted, scores, options);
  if (fit.parameters === null || !fit.converged) {
    const reason = undefinedFigure(fit.parameters === null ? fit.undefinedBecause : 'fit-not-converged');
    return { fit, plcc: reason, rmse: reason };
  }
  const mapped = applyLogistic(fit, predicted);
  return { fit, plcc: plcc(mapped, scores), rmse: rmse(mapped, scores) };
}

/** Values less their mean, in units of their standard deviation (divisor n); with mean and unit. */
function standardised(values: Float64Array): [Float64Array, number, number] {
  const { values: rest, exponent } = centred(values);
  const unit = Math.sqrt(dot(rest, rest) / rest.length);
  return [rest.map((value) => value / unit), meanOf(values), timesPowerOfTwo(unit, exponent)];
}
