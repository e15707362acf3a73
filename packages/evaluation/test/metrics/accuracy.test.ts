import { describe, expect, it } from 'vitest';
import {
  applyLinear,
  bias,
  epsilonInsensitiveRmse,
  gapSlope,
  leastSquaresMap,
  mae,
  mapScale,
  mse,
  opinionHalfWidth95,
  outlierRatio,
  rmse,
  shareInBand,
  type Figure,
  type Values,
} from '../../src/metrics/index.js';
import { endsOf, expectNear, expectRelative, fixture, valueOf, type ErrorName } from './fixtures.js';

const errors: [ErrorName, (predicted: Values, scores: Values) => Figure][] = [
  ['mse', mse],
  ['rmse', rmse],
  ['mae', mae],
  ['bias', bias],
];
const invalid = expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' });

describe('errors against exact arithmetic', () => {
  for (const { name, x, y, ...expected } of fixture('correlation.json'))
    for (const [figure, compute] of errors)
      it(`${figure}: ${name}`, () => {
        const result = compute(x, y);
        if (expected[figure] === Infinity) expect(result).toEqual({ value: null, undefinedBecause: 'overflow' });
        // Subnormal numbers have fewer digits; a bias is what is left of cancelling errors.
        else if (figure === 'bias') expectNear(valueOf(result), expected.bias, 1e-12 * Math.max(1, expected.mae));
        else if (figure === 'mse' && /subnormal both|e-300/.test(name)) expectNear(valueOf(result), expected.mse, 1e-9);
        else expectRelative(valueOf(result), expected[figure], 1e-9);
      });

  it('are defined for a single pair, and zero where there is no error', () => {
    for (const compute of errors.map(([, each]) => each)) expect(compute([3], [3])).toEqual({ value: 0 });
    expect(rmse([5], [2])).toEqual({ value: 3 });
    expect(bias([2], [5])).toEqual({ value: -3 });
  });

  it('are undefined for no pairs, NaN, infinities and differences that overflow', () => {
    for (const compute of errors.map(([, each]) => each)) {
      expect(compute([], [])).toEqual({ value: null, undefinedBecause: 'too-few' });
      expect(compute([1, NaN], [1, 2])).toEqual({ value: null, undefinedBecause: 'nan' });
      expect(compute([1, 2], [1, -Infinity])).toEqual({ value: null, undefinedBecause: 'infinite' });
      expect(compute([1.5e308], [-1.5e308])).toEqual({ value: null, undefinedBecause: 'overflow' });
      expect(() => compute([1], [])).toThrow(invalid);
    }
  });
});

describe('errors against the scatter of opinions', () => {
  for (const { name, x, y, deviations, opinions, halfWidths, ...expected } of fixture('opinions.json'))
    it(name, () => {
      expect(valueOf(outlierRatio(x, y, deviations))).toBe(expected.outlierRatio);
      const computed = opinionHalfWidth95(deviations, opinions);
      computed.forEach((value, i) => {
        expectNear(value, halfWidths[i]!, 1e-9);
      });
      for (const d of [0, 1, 4] as const) {
        const star = expected[`rmseStar${d}`];
        const result = epsilonInsensitiveRmse(x, y, halfWidths, d);
        if (star === null) expect(result).toEqual({ value: null, undefinedBecause: 'too-few' });
        else expectNear(valueOf(result), star, 1e-9);
      }
      expect(epsilonInsensitiveRmse(x, y, halfWidths)).toEqual(epsilonInsensitiveRmse(x, y, halfWidths, 1));
    });

  it('takes one number of opinions for all, and has no interval from fewer than two', () => {
    expect([...opinionHalfWidth95([2, 4], 100)]).toEqual([0.392, 0.784]);
    expect([...opinionHalfWidth95([2, 4], [1, 0])]).toEqual([NaN, NaN]);
  });

  it('counts an error of exactly two deviations as none', () => {
    expect(outlierRatio([3, 3.01], [1, 1], [1, 1])).toEqual({ value: 0.5 });
  });

  it('says what is wrong', () => {
    expect(outlierRatio([1], [1], [NaN])).toEqual({ value: null, undefinedBecause: 'nan' });
    expect(outlierRatio([NaN], [1], [1])).toEqual({ value: null, undefinedBecause: 'nan' });
    expect(epsilonInsensitiveRmse([1, 2], [1, 2], [1, NaN])).toEqual({ value: null, undefinedBecause: 'nan' });
    expect(epsilonInsensitiveRmse([1, NaN], [1, 2], [1, 1])).toEqual({ value: null, undefinedBecause: 'nan' });
    expect(() => outlierRatio([1], [1], [-1])).toThrow(invalid);
    expect(() => outlierRatio([1], [1], [1, 2])).toThrow(invalid);
    expect(() => epsilonInsensitiveRmse([1], [1], [-0.1])).toThrow(invalid);
    expect(() => epsilonInsensitiveRmse([1], [1], [1], 0.5)).toThrow(invalid);
    expect(() => opinionHalfWidth95([1, 2], [3])).toThrow(invalid);
  });
});

describe('direction of the errors', () => {
  for (const [i, { x, y, level, ...expected }] of fixture('comparison.json').gaps.entries())
    it(`slope of the gap against linregress ${i}`, () => {
      const { slope, intercept, interval } = gapSlope(x, y, level);
      expectNear(valueOf(slope), expected.slope, 1e-9);
      expectNear(valueOf(intercept), expected.intercept, 1e-9);
      const [low, high] = endsOf(interval);
      expectNear(low, expected.low, 1e-9);
      expectNear(high, expected.high, 1e-9);
    });

  it('has no slope where there is none', () => {
    const none = (reason: string) => ({
      slope: { value: null, undefinedBecause: reason },
      intercept: { value: null, undefinedBecause: reason },
      interval: { lower: null, upper: null, level: 0.95, undefinedBecause: reason },
    });
    expect(gapSlope([1, 2], [1, 2])).toEqual(none('too-few'));
    expect(gapSlope([1, 2, 3], [4, 4, 4])).toEqual(none('constant-scores'));
    expect(gapSlope([1, NaN, 3], [1, 2, 3])).toEqual(none('nan'));
    expect(gapSlope([3, 4, 5], [1, 2, 3])).toMatchObject({ slope: { value: 0 }, intercept: { value: 2 } });
    expect(() => gapSlope([1, 2, 3], [1, 2, 3], 1)).toThrow(invalid);
  });

  it('maps scales by their ends', () => {
    expect([...applyLinear(mapScale([0, 1], [1, 5]), [0, 0.5, 1])]).toEqual([1, 3, 5]);
    expect([...applyLinear(mapScale([0, 100], [5, 1]), [0, 100])]).toEqual([5, 1]);
    expect(() => mapScale([1, 1], [0, 1])).toThrow(invalid);
    expect(() => mapScale([0, 1], [2, 2])).toThrow(invalid);
    expect(() => mapScale([0, Infinity], [0, 1])).toThrow(invalid);
  });

  it('maps by least squares, after which the bias over all images is 0', () => {
    const { x, y } = fixture('comparison.json').gaps.at(-1)!;
    const map = leastSquaresMap(x, y);
    if (map.undefinedBecause !== undefined) throw new Error(map.undefinedBecause);
    expect(Math.abs(valueOf(bias(applyLinear(map, x), y)))).toBeLessThan(1e-10);
    expect(leastSquaresMap([1, 1, 1], [1, 2, 3])).toEqual({ undefinedBecause: 'constant-predictions' });
    expect(leastSquaresMap([1, 2, 3], [4, 4, 4])).toEqual({ slope: 0, intercept: 4 });
  });

  it('counts the share in a band, ends included', () => {
    expect(shareInBand([19.9, 20, 30, 40, 40.1], 20, 40)).toEqual({ value: 0.6 });
    expect(shareInBand([-Infinity, 3], -Infinity, 0)).toEqual({ value: 0.5 });
    expect(shareInBand([], 0, 1)).toEqual({ value: null, undefinedBecause: 'too-few' });
    expect(shareInBand([NaN], 0, 1)).toEqual({ value: null, undefinedBecause: 'nan' });
    expect(() => shareInBand([1], 2, 1)).toThrow(invalid);
    expect(() => shareInBand([1], NaN, 1)).toThrow(invalid);
  });
});
