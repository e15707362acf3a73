import { describe, expect, it } from 'vitest';
import { applyLogistic, fitLogistic, fittedFigures, plcc, rmse, type LogisticModel } from '../../src/metrics/index.js';
import { leastSquares } from '../../src/metrics/levenberg-marquardt.js';
import { jacobiSvd, triangularise } from '../../src/metrics/small-svd.js';
import { expectNear, fixture, koniq, named, valueOf, type ScipyFit } from './fixtures.js';

const models: LogisticModel[] = ['logistic4', 'logistic5'];
const invalid = expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' });

/** Compares with SciPy's `curve_fit` from the same start. */
function compare(model: LogisticModel, x: number[], y: number[], scipy: ScipyFit | null): void {
  const fitted = fittedFigures(model, x, y);
  const { fit } = fitted;
  if (fit.parameters === null) throw new Error(fit.undefinedBecause);
  expect(fit.converged).toBe(true);
  // The sum of squares is what the mapping gives, and its figures are those of the mapped predictions.
  const mapped = applyLogistic(fit, x);
  const sum = mapped.reduce((total, value, i) => total + (value - y[i]!) ** 2, 0);
  const scatter = y.reduce((total, value) => total + value * value, 0);
  expect(Math.abs(sum - fit.sumOfSquares)).toBeLessThanOrEqual(1e-9 * sum + 1e-14 * scatter);
  expect(plcc(mapped, y)).toEqual(fitted.plcc);
  expect(rmse(mapped, y)).toEqual(fitted.rmse);
  if (scipy === null) return;
  expect(fit.sumOfSquares).toBeLessThanOrEqual(scipy.sumOfSquares * (1 + 1e-7) + 1e-14 * scatter);
  // SciPy ends in another minimum here, or stops on the way to one at infinity: ours is better by more than rounding.
  if (fit.sumOfSquares > scipy.sumOfSquares * (1 - 1e-6)) {
    expectNear(valueOf(fitted.plcc), scipy.plcc, 1e-6, 'PLCC');
    expectNear(valueOf(fitted.rmse), scipy.rmse, 1e-6, 'RMSE');
  }
}

describe('logistic fits against SciPy', () => {
  for (const { name, x, y, ...scipy } of fixture('fits.json'))
    for (const model of models)
      it(`${model}: ${name}`, () => {
        compare(model, x, y, model === 'logistic4' ? scipy.logistic4Exact : scipy.logistic5);
      });

  it('logistic4 ends in the minimum of SciPy’s default, not only in one as good', () => {
    let same = 0;
    const cases = fixture('fits.json').filter((each) => each.logistic4 !== null);
    for (const { x, y, logistic4 } of cases)
      if (Math.abs(valueOf(fittedFigures('logistic4', x, y).plcc) - logistic4!.plcc) <= 1e-6) same++;
    // The rest are minima at infinity, which both only approach, and one in pure noise.
    expect(same).toBeGreaterThanOrEqual(0.85 * cases.length);
  });

  const published = fixture('koniq.json');
  for (const column of ['hyperiqa', 'brisque'] as const)
    for (const model of models)
      it(`${model}: ${column} on KonIQ-10k`, () => {
        for (const part of ['all', 'test'] as const) {
          const { predicted, mos } = koniq(column, part === 'test');
          compare(model, predicted, mos, published[column][part][model]);
        }
      });
});

describe('logistic fits', () => {
  const { x, y } = named(fixture('fits.json'), 'unit interval 200');

  it('do not depend on scale and offset of the predictions or of the scores', () => {
    for (const model of models) {
      const before = fittedFigures(model, x, y);
      const after = fittedFigures(
        model,
        x.map((value) => 1e9 + 64 * value),
        y.map((value) => value * 1e-8),
      );
      expectNear(valueOf(after.plcc), valueOf(before.plcc), 1e-6, model);
      expectNear(valueOf(after.rmse) * 1e8, valueOf(before.rmse), 1e-6, model);
    }
  });

  it('recover a curve without noise', () => {
    const b = [90, 10, 0.5, 0.1];
    const exact = x.map((value) => (b[0]! - b[1]!) / (1 + Math.exp(-(value - b[2]!) / b[3]!)) + b[1]!);
    const fit = fitLogistic('logistic4', x, exact);
    fit.parameters!.forEach((value, i) => {
      expectNear(Math.abs(value), b[i]!, 1e-9);
    });
    expectNear(valueOf(fittedFigures('logistic5', x, exact).plcc), 1, 1e-9);
  });

  it('are undefined, with the reason, where there is nothing to fit', () => {
    for (const model of models) {
      const none = (reason: string) => {
        const undefinedBecause = { value: null, undefinedBecause: reason };
        return {
          fit: { model, parameters: null, converged: false, undefinedBecause: reason },
          plcc: undefinedBecause,
          rmse: undefinedBecause,
        };
      };
      expect(fittedFigures(model, [1, 2, 3], [1, 2, 3])).toEqual(none('too-few'));
      expect(fittedFigures(model, [1, 1, 1, 1, 1, 1], [1, 2, 3, 4, 5, 6])).toEqual(none('constant-predictions'));
      expect(fittedFigures(model, [1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 1, 1])).toEqual(none('constant-scores'));
      expect(fittedFigures(model, [1, 2, 3, 4, 5, NaN], [1, 2, 3, 4, 5, 6])).toEqual(none('nan'));
      expect(fittedFigures(model, [1, 2, 3, 4, 5, 6], [1, 2, Infinity, 4, 5, 6])).toEqual(none('infinite'));
      expect(() => fittedFigures(model, [1, 2], [1])).toThrow(invalid);
      expect(() => fitLogistic(model, x, y, { maxIterations: 0 })).toThrow(invalid);
    }
  });

  it('say when they did not converge, and give no figures then', () => {
    for (const model of models) {
      const { fit, ...figures } = fittedFigures(model, x, y, { maxIterations: 1 });
      expect(fit).toMatchObject({ model, converged: false });
      const reason = { value: null, undefinedBecause: 'fit-not-converged' };
      expect(figures).toEqual({ plcc: reason, rmse: reason });
    }
  });

  it('cope with predictions of two values', () => {
    const two = y.map((_, i) => i % 2);
    for (const model of models) {
      const mapped = fittedFigures(model, two, y);
      const means = [0, 1].map((kind) => {
        const part = y.filter((_, i) => i % 2 === kind);
        return part.reduce((a, b) => a + b, 0) / part.length;
      });
      const best = Math.sqrt(y.reduce((sum, value, i) => sum + (value - means[i % 2]!) ** 2, 0) / y.length);
      expectNear(valueOf(mapped.rmse), best, 1e-6, model);
    }
  });
});

describe('least squares', () => {
  it('solves Rosenbrock’s valley from its usual start', () => {
    const { parameters, sumOfSquares, converged } = leastSquares(
      {
        rows: 2,
        residuals: (p, out) => {
          out[0] = 10 * (p[1]! - p[0]! ** 2);
          out[1] = 1 - p[0]!;
        },
        jacobian: (p, [a, b]) => {
          a!.set([-20 * p[0]!, -1]);
          b!.set([10, 0]);
        },
      },
      [-1.2, 1],
      200,
    );
    expect(converged).toBe(true);
    expect(sumOfSquares).toBeLessThan(1e-20);
    parameters.forEach((value) => {
      expectNear(value, 1, 1e-9);
    });
  });

  it('reports a start that is not a number as not converged', () => {
    const problem = {
      rows: 1,
      residuals: (_: Float64Array, out: Float64Array) => void out.fill(NaN),
      jacobian: (_: Float64Array, columns: Float64Array[]) => void columns[0]!.fill(1),
    };
    expect(leastSquares(problem, [1], 10)).toMatchObject({ converged: false, iterations: 0 });
  });

  it('triangularises and decomposes', () => {
    const columns = [
      [1, 2, 3, 4],
      [0, 1, 0, 1],
      [5, -1, 2, 2],
    ].map((column) => Float64Array.from(column));
    const original = columns.map((column) => column.slice());
    const right = Float64Array.of(1, 2, 3, 5);
    triangularise(columns, right);
    // RᵀR = AᵀA
    const upper = (k: number, i: number): number => (i <= k ? columns[k]![i]! : 0);
    for (let p = 0; p < 3; p++)
      for (let q = 0; q < 3; q++) {
        let [expected, actual] = [0, 0];
        for (let i = 0; i < 4; i++) expected += original[p]![i]! * original[q]![i]!;
        for (let i = 0; i < 3; i++) actual += upper(p, i) * upper(q, i);
        expectNear(actual, expected, 1e-13);
      }
    // U·diag(s)·Vᵀ = A
    const { scaledLeft, singular, right: v } = jacobiSvd(original);
    for (let k = 0; k < 3; k++) {
      expectNear(Math.hypot(...scaledLeft[k]!), singular[k]!, 1e-13);
      for (let i = 0; i < 4; i++) {
        let entry = 0;
        for (let j = 0; j < 3; j++) entry += scaledLeft[j]![i]! * v[j]![k]!;
        expectNear(entry, original[k]![i]!, 1e-13);
      }
    }
  });
});
