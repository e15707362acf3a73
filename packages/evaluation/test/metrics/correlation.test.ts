import { describe, expect, it } from 'vitest';
import { krcc, midRanks, plcc, srcc, type Figure, type Values } from '../../src/metrics/index.js';
import { expectNear, fixture, koniq, lcg, named, valueOf, type CorrelationName } from './fixtures.js';

const correlations: [CorrelationName, (predicted: Values, scores: Values) => Figure][] = [
  ['srcc', srcc],
  ['krcc', krcc],
  ['plcc', plcc],
];

describe('correlations against SciPy', () => {
  for (const { name, x, y, ...expected } of fixture('correlation.json')) {
    for (const [figure, compute] of correlations)
      it(`${figure}: ${name}`, () => {
        expectNear(valueOf(compute(x, y)), expected[figure], 1e-9);
        // SciPy's own sums agree with the exact ones except on the extreme scales.
        if (figure === 'plcc' && !/1e|subnormal|neighbouring/.test(name))
          expectNear(valueOf(compute(x, y)), expected.scipyPlcc, 1e-9);
      });
  }

  for (const { name, size, step, ...expected } of fixture('huge.json'))
    // Some 0.3 s each. The limit only ends a figure that compares every pair with every other, which would take hours.
    it(`a million pairs: ${name}`, { timeout: 600_000 }, () => {
      const a = lcg(size, 1);
      const b = lcg(size, 2);
      const round = (value: number): number => (step ? Math.floor(value * step) : value);
      const x = a.map(round);
      const y = a.map((value, i) => round(value * value + b[i]! * 0.5));
      for (const [figure, compute] of correlations) {
        expectNear(valueOf(compute(x, y)), expected[figure], 1e-9, figure);
      }
    });
});

describe('correlations of the published KonIQ-10k predictions', () => {
  const published = fixture('koniq.json');
  for (const column of ['hyperiqa', 'brisque'] as const)
    for (const part of ['all', 'test'] as const)
      it(`${column}, ${part}`, () => {
        const { predicted, mos } = koniq(column, part === 'test');
        expect(predicted).toHaveLength(published[column][part].n);
        for (const [figure, compute] of correlations)
          expectNear(valueOf(compute(predicted, mos)), published[column][part][figure], 1e-9, figure);
      });

  it('gives the figures that are known for HyperIQA', () => {
    const all = koniq('hyperiqa');
    const test = koniq('hyperiqa', true);
    expect(valueOf(srcc(test.predicted, test.mos)).toFixed(3)).toBe('0.903');
    expect(valueOf(srcc(all.predicted, all.mos)).toFixed(3)).toBe('0.947');
    expect(valueOf(plcc(all.predicted, all.mos)).toFixed(3)).toBe('0.956');
  });
});

describe('undefined correlations', () => {
  const cases: [string, number[], number[], string, string?][] = [
    ['no pairs', [], [], 'too-few'],
    ['one pair', [1], [2], 'too-few'],
    ['two pairs', [1, 2], [2, 1], 'too-few'],
    ['constant predictions', [0.1, 0.1, 0.1, 0.1], [1, 2, 3, 4], 'constant-predictions'],
    ['constant scores', [1, 2, 3, 4], [7, 7, 7, 7], 'constant-scores'],
    ['both constant', [1, 1, 1], [2, 2, 2], 'constant-predictions'],
    ['zeros of both signs', [0, -0, 0], [1, 2, 3], 'constant-predictions'],
    ['NaN in the predictions', [1, NaN, 3, 4], [1, 2, 3, 4], 'nan'],
    ['NaN in the scores', [1, 2, 3, 4], [1, 2, 3, NaN], 'nan'],
    ['NaN and an infinity', [1, Infinity, 3, 4], [1, 2, 3, NaN], 'nan'],
    ['NaN among two', [1, NaN], [1, 2], 'nan'],
    ['an infinity', [1, Infinity, 3, 4], [1, 2, 3, 4], 'infinite', 'plcc'],
  ];
  for (const [name, x, y, reason, only] of cases)
    for (const [figure, compute] of correlations)
      if (only === undefined || only === figure)
        it(`${figure}: ${name}`, () => {
          expect(compute(x, y)).toEqual({ value: null, undefinedBecause: reason });
        });

  it('ranks infinities', () => {
    expect(srcc([-Infinity, 1, 2, Infinity], [1, 2, 3, 4])).toEqual({ value: 1 });
    expect(krcc([-Infinity, 1, 2, Infinity], [1, 2, 4, 3]).value).toBeCloseTo(2 / 3, 15);
  });

  it('refuses columns of different lengths', () => {
    for (const compute of correlations.map(([, each]) => each))
      expect(() => compute([1, 2, 3], [1, 2])).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
  });
});

describe('columns of any kind', () => {
  it('takes typed arrays and leaves the input as it is', () => {
    const x = Float32Array.of(3, 1, 2, 5);
    const y = [30, 10, 20, 50];
    expect(srcc(x, y)).toEqual({ value: 1 });
    expect(krcc(x, y)).toEqual({ value: 1 });
    expect(valueOf(plcc(x, y))).toBeCloseTo(1, 15);
    expect([...x]).toEqual([3, 1, 2, 5]);
    expect(y).toEqual([30, 10, 20, 50]);
  });

  it('is symmetric, and odd in each column', () => {
    const { x, y } = named(fixture('correlation.json'), 'tied both 300');
    const negated = x.map((value) => -value);
    for (const compute of correlations.map(([, each]) => each)) {
      expectNear(valueOf(compute(y, x)), valueOf(compute(x, y)), 1e-14);
      expectNear(valueOf(compute(negated, y)), -valueOf(compute(x, y)), 1e-14);
    }
  });

  it('gives mid-ranks', () => {
    expect([...midRanks([10, 20, 10, 5, 20, 20])]).toEqual([2.5, 5, 2.5, 1, 5, 5]);
    expect([...midRanks([-0, 0, Infinity])]).toEqual([1.5, 1.5, 3]);
    expect([...midRanks([1, NaN])]).toEqual([NaN, NaN]);
    expect([...midRanks([])]).toEqual([]);
  });
});
