import { describe, expect, it } from 'vitest';
import { analysePairs } from '../../src/metrics/index.js';
import { expectNear, fixture, koniq, lcg, valueOf } from './fixtures.js';

const invalid = expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' });

describe('analysis of pairs', () => {
  for (const { name, x, y, deviations, opinions, ...expected } of fixture('opinions.json')) {
    const errors = deviations.map((value, i) => value / Math.sqrt(opinions[i]!));
    for (const pairsInMemory of [2 ** 22, 100, 1])
      it(`agrees with the Mann–Whitney statistic: ${name}, ${pairsInMemory} pairs in memory`, () => {
        const analysis = analysePairs(x, y, errors, { pairsInMemory });
        expect(analysis.differentPairs).toBe(expected.different);
        expect(analysis.similarPairs).toBe(expected.similar);
        if (expected.betterWorse === undefined) {
          expect(analysis.aucBetterWorse.undefinedBecause).toBe('no-different-pairs');
        } else {
          expectNear(valueOf(analysis.aucBetterWorse), expected.betterWorse, 1e-12);
          expectNear(valueOf(analysis.correctBetterWorse), expected.correct!, 1e-12);
        }
        if (expected.differentSimilar !== undefined)
          expectNear(valueOf(analysis.aucDifferentSimilar), expected.differentSimilar, 1e-12);
      });
  }

  it('a perfect predictor orders all pairs', () => {
    const y = [1, 2, 3, 4, 5];
    const errors = [0.4, 0.4, 0.4, 0.4, 0.4];
    expect(analysePairs(y, y, errors)).toEqual({
      aucDifferentSimilar: { value: 1 },
      aucBetterWorse: { value: 1 },
      correctBetterWorse: { value: 1 },
      differentPairs: 6,
      similarPairs: 4,
    });
    expect(analysePairs(y.toReversed(), y, errors)).toMatchObject({
      aucDifferentSimilar: { value: 1 },
      aucBetterWorse: { value: 0 },
      correctBetterWorse: { value: 0 },
    });
  });

  it('a constant predictor tells nothing', () => {
    expect(analysePairs([7, 7, 7, 7], [1, 2, 3, 1], [0.1, 0.1, 0.1, 0.1], { pairsInMemory: 2 })).toMatchObject({
      aucDifferentSimilar: { value: 0.5 },
      aucBetterWorse: { value: 0.5 },
      correctBetterWorse: { value: 0 },
    });
  });

  it('takes predictions of any scale, and scores without uncertainty', () => {
    const y = [1, 1, 2, 3];
    const none = [0, 0, 0, 0];
    const expected = analysePairs([0, 1, 3, 2], y, none);
    expect(expected).toMatchObject({ differentPairs: 5, similarPairs: 1 });
    expect(
      analysePairs(
        [-3, -1, 3, 1].map((value) => value * 2 ** 1022),
        y,
        none,
      ),
    ).toEqual(expected);
    expect(analysePairs([0, 5e-324, 15e-324, 10e-324], y, none, { pairsInMemory: 1 })).toEqual(expected);
  });

  it('says why a figure is undefined', () => {
    const reasons = (analysis: ReturnType<typeof analysePairs>) => [
      analysis.aucDifferentSimilar.undefinedBecause,
      analysis.aucBetterWorse.undefinedBecause,
      analysis.correctBetterWorse.undefinedBecause,
    ];
    expect(reasons(analysePairs([1], [1], [1]))).toEqual(['too-few', 'too-few', 'too-few']);
    expect(reasons(analysePairs([1, NaN], [1, 2], [1, 1]))).toEqual(['nan', 'nan', 'nan']);
    expect(reasons(analysePairs([1, 2], [1, Infinity], [1, 1]))).toEqual(['infinite', 'infinite', 'infinite']);
    const alike = 'no-different-pairs';
    expect(reasons(analysePairs([1, 2, 3], [1, 2, 3], [9, 9, 9]))).toEqual([alike, alike, alike]);
    expect(reasons(analysePairs([1, 2, 3], [1, 2, 3], [0, 0, 0]))).toEqual(['no-similar-pairs', undefined, undefined]);
  });

  it('refuses what cannot be meant', () => {
    expect(() => analysePairs([1, 2], [1], [1])).toThrow(invalid);
    expect(() => analysePairs([1, 2], [1, 2], [1])).toThrow(invalid);
    expect(() => analysePairs([1, 2], [1, 2], [1, -1])).toThrow(invalid);
    expect(() => analysePairs([1, 2], [1, 2], [1, 1], { threshold: -1 })).toThrow(invalid);
    expect(() => analysePairs([1, 2], [1, 2], [1, 1], { pairsInMemory: 0 })).toThrow(invalid);
  });

  it('analyses two million pairs in bounded memory', { timeout: 120_000 }, () => {
    const { predicted, mos } = koniq('hyperiqa', true);
    const errors = lcg(mos.length, 1).map((value) => 1 + value);
    const all = analysePairs(predicted, mos, errors);
    expect(all.differentPairs + all.similarPairs).toBe((2015 * 2014) / 2);
    expect(analysePairs(predicted, mos, errors, { pairsInMemory: 100_000 })).toEqual(all);
    expect(valueOf(all.aucBetterWorse)).toBeGreaterThan(0.95);
  });
});
