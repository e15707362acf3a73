import { describe, expect, it } from 'vitest';
import {
  applyLogistic,
  bootstrap,
  compareCorrelations,
  fisherInterval,
  fitLogistic,
  pairedBootstrap,
  pairedBootstraps,
  resampledBias,
  resampledKrcc,
  resampledMae,
  resampledMse,
  resampledPlcc,
  resampledRefitted,
  resampledRmse,
  resampledSrcc,
  type Resampled,
  type Values,
} from '../../src/metrics/index.js';
import { bcaInterval, percentileInterval } from '../../src/metrics/bootstrap.js';
import { normalCdf, normalQuantile, normalUpperTail, studentTQuantile } from '../../src/metrics/distributions.js';
import {
  endsOf,
  expectNear,
  expectRelative,
  fixture,
  koniq,
  lcg,
  valueOf,
  type CorrelationName,
  type ErrorName,
} from './fixtures.js';

const figures: Record<CorrelationName | ErrorName, (predicted: Values, scores: Values) => Resampled> = {
  srcc: resampledSrcc,
  krcc: resampledKrcc,
  plcc: resampledPlcc,
  rmse: resampledRmse,
  mae: resampledMae,
  mse: resampledMse,
  bias: resampledBias,
};
const invalid = expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' });
const ones = (size: number): Uint32Array => new Uint32Array(size).fill(1);

describe('distributions against SciPy', () => {
  const { upperTail, quantile, t } = fixture('distributions.json');
  it('normal tail', () => {
    for (const [z, expected] of upperTail) expectRelative(normalUpperTail(z), expected, 1e-12, `z = ${z}`);
    expect([normalUpperTail(Infinity), normalUpperTail(-Infinity), normalUpperTail(NaN)]).toEqual([0, 1, NaN]);
    expect(normalCdf(0)).toBe(0.5);
  });
  it('normal quantile', () => {
    for (const [p, expected] of quantile) expectNear(normalQuantile(p), expected, 1e-13, `p = ${p}`);
    expect([normalQuantile(0), normalQuantile(1), normalQuantile(1.1)]).toEqual([-Infinity, Infinity, NaN]);
  });
  it('Student’s t', () => {
    for (const [level, degrees, expected] of t)
      expectNear(studentTQuantile(level, degrees), expected, 1e-11, `${level}, ${degrees}`);
  });
});

describe('figures of resampled images', () => {
  for (const { name, statistic, x, y, ...expected } of fixture('bootstrap.json')) {
    const resampled = figures[statistic](x, y);
    it(`${name}: of all images, of a resample, without each image`, () => {
      expectNear(resampled.value(ones(25), 25), expected.estimate, 1e-12);
      expectNear(resampled.value(Uint32Array.from(expected.counts), 25), expected.resampled, 1e-12);
      const jackknife = resampled.jackknife!();
      expected.jackknife.forEach((value, i) => {
        expectNear(jackknife[i]!, value, 1e-12);
        const counts = ones(25);
        counts[i] = 0;
        expectNear(resampled.value(counts, 24), value, 1e-12);
      });
    });

    it(`${name}: intervals of SciPy's replicates`, () => {
      const replicates = Float64Array.from(expected.replicates);
      const bca = endsOf(bcaInterval(expected.estimate, replicates, Float64Array.from(expected.jackknife), 0.9));
      const percentile = endsOf(percentileInterval(replicates, 0.9));
      for (const end of [0, 1] as const) {
        expectNear(bca[end], expected.intervals.bca[end], 1e-9);
        expectNear(percentile[end], expected.intervals.percentile[end], 1e-12);
      }
    });

    it(`${name}: our replicates scatter as SciPy's`, () => {
      const { result } = bootstrap({ result: resampled }, { replicates: 2000, level: 0.9 });
      expectNear(valueOf(result.estimate), expected.estimate, 1e-12);
      const ratio = valueOf(result.standardError) / expected.standardError;
      // SciPy's 299 replicates tell their own scatter within about 4 %.
      expect(ratio).toBeGreaterThan(0.8);
      expect(ratio).toBeLessThan(1.25);
      const [low, high] = endsOf(result.interval);
      expect(low).toBeLessThan(expected.estimate);
      expect(high).toBeGreaterThan(expected.estimate);
    });
  }

  it('are undefined where the figure is', () => {
    const { constant, srcc } = bootstrap(
      { constant: resampledSrcc([1, 1, 1], [1, 2, 3]), srcc: resampledSrcc([1, 2, 3], [1, 2, 3]) },
      { replicates: 50, method: 'percentile' },
    );
    const reason = { undefinedBecause: 'constant-predictions' };
    expect(constant).toMatchObject({
      estimate: { value: null, ...reason },
      interval: { lower: null, upper: null, ...reason },
      standardError: { value: null, ...reason },
      undefinedReplicates: 50,
    });
    expect(srcc.estimate).toEqual({ value: 1 });
    // Three equal draws of three have no correlation: one resample in nine.
    expect(srcc.undefinedReplicates).toBeGreaterThan(0);
    expect(srcc.replicates).toHaveLength(50 - srcc.undefinedReplicates);
    expect(endsOf(srcc.interval)).toEqual([1, 1]);
    for (const resample of Object.values(figures)) {
      expect(resample([1, NaN, 3, 4], [1, 2, 3, 4]).undefinedBecause).toBe('nan');
      expect(() => resample([1, 2], [1])).toThrow(invalid);
    }
    expect(resampledMse([1e200], [0]).undefinedBecause).toBe('overflow');
  });

  it('are undefined where most resamples have no figure', () => {
    const x = Array.from({ length: 40 }, (_, i) => (i === 0 ? 1 : 0));
    const y = x.map((_, i) => i);
    const groups = x.map((_, i) => (i < 2 ? 'a' : i < 4 ? 'b' : i % 5));
    const { plcc } = bootstrap({ plcc: resampledPlcc(x, y) }, { replicates: 60 });
    expect(plcc.undefinedReplicates).toBeGreaterThan(10);
    const { rare } = bootstrap({ rare: { ...resampledPlcc(x, y), value: () => NaN } }, { replicates: 20, groups });
    expect(rare).toMatchObject({ interval: { undefinedBecause: 'undefined-replicates' }, undefinedReplicates: 20 });
  });

  it('have no BCa interval when all replicates lie on one side', () => {
    const interval = bcaInterval(5, Float64Array.of(1, 2, 3), Float64Array.of(1, 2, 3), 0.95);
    expect(interval).toEqual({ lower: null, upper: null, level: 0.95, undefinedBecause: 'one-sided-replicates' });
  });
});

describe('bootstrap', () => {
  const x = lcg(200, 3);
  const y = x.map((value, i) => value + lcg(200, 4)[i]!);

  it('is reproducible: the same seed gives the same bits, on every machine', () => {
    const draw = (seed: number) => bootstrap({ srcc: resampledSrcc(x, y) }, { seed, replicates: 100 }).srcc;
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7).replicates).not.toEqual(draw(8).replicates);
    expect(draw(-1).replicates).toEqual(draw(0xffffffff).replicates);
    const { bias } = bootstrap({ bias: resampledBias([0, 1, 2, 4, 8], [0, 0, 0, 0, 0]) }, { seed: 42, replicates: 6 });
    expect([...bias.replicates].map((value) => Math.round(value * 5))).toMatchInlineSnapshot(`
      [
        8,
        24,
        14,
        13,
        11,
        17,
      ]
    `);
  });

  it('draws the same images for all figures, whichever are asked for', () => {
    const both = bootstrap({ plcc: resampledPlcc(x, y), krcc: resampledKrcc(x, y) }, { replicates: 50 });
    const one = bootstrap({ krcc: resampledKrcc(x, y) }, { replicates: 50 });
    expect(one.krcc).toEqual(both.krcc);
  });

  it('draws whole groups', () => {
    const errors = Array.from({ length: 12 }, (_, i) => (i < 6 ? 0 : 1));
    const zeros = errors.map(() => 0);
    const groups = errors.map((value) => (value ? 'one' : 'zero'));
    const { bias } = bootstrap(
      { bias: resampledBias(errors, zeros) },
      { groups, replicates: 400, method: 'percentile' },
    );
    expect([...new Set(bias.replicates)].sort()).toEqual([0, 0.5, 1]);
    // Two groups: the scatter of their mean, not that of twelve images.
    expectNear(valueOf(bias.standardError), 0.354, 0.03);
  });

  it('is by image when every group has one image', () => {
    const groups = Array.from({ length: 200 }, (_, i) => `content ${i}`);
    const byGroup = bootstrap({ srcc: resampledSrcc(x, y) }, { groups, replicates: 200 }).srcc;
    const byImage = bootstrap({ srcc: resampledSrcc(x, y) }, { replicates: 200 }).srcc;
    expect(byGroup.replicates).toEqual(byImage.replicates);
    const [a, b] = [endsOf(byGroup.interval), endsOf(byImage.interval)];
    expectNear(a[0], b[0], 1e-10);
    expectNear(a[1], b[1], 1e-10);
  });

  it('covers the truth about as often as it says', () => {
    let covered = 0;
    for (let trial = 0; trial < 200; trial++) {
      const noise = lcg(80, 100 + trial);
      const errors = noise.map((value) => value ** 2);
      const { bias } = bootstrap(
        { bias: resampledBias(errors, new Float64Array(80)) },
        { replicates: 300, level: 0.9, seed: trial },
      );
      const [low, high] = endsOf(bias.interval);
      if (low <= 1 / 3 && 1 / 3 <= high) covered++;
    }
    expect(covered).toBeGreaterThan(165);
    expect(covered).toBeLessThan(196);
  });

  it('repeats the fit in each resample when asked', () => {
    const scores = x.map((value, i) => 100 / (1 + Math.exp(-8 * (value - 0.5))) + 10 * lcg(200, 9)[i]!);
    for (const model of ['logistic4', 'logistic5'] as const) {
      const fit = fitLogistic(model, x, scores);
      if (fit.parameters === null) throw new Error(fit.undefinedBecause);
      const mapped = applyLogistic(fit, x);
      const result = bootstrap(
        {
          refitted: resampledRefitted(model, 'rmse', x, scores),
          correlation: resampledRefitted(model, 'plcc', x, scores),
          fixed: resampledRmse(mapped, scores),
        },
        { replicates: 60, method: 'percentile' },
      );
      expectNear(valueOf(result.refitted.estimate), valueOf(result.fixed.estimate), 1e-6);
      expectNear(valueOf(result.correlation.estimate), valueOf(bootstrapOnce(resampledPlcc(mapped, scores))), 1e-6);
      expect(result.refitted.undefinedReplicates).toBe(0);
      // A fit to the resample is at least as close to it as the fit to all images.
      result.refitted.replicates.forEach((value, i) => {
        expect(value).toBeLessThanOrEqual(result.fixed.replicates[i]! * (1 + 1e-6));
      });
    }
    expect(resampledRefitted('logistic4', 'plcc', [1, 1, 1, 1], [1, 2, 3, 4]).undefinedBecause).toBe(
      'constant-predictions',
    );
  });

  it('refuses options out of range', () => {
    const srcc = resampledSrcc(x, y);
    for (const options of [
      { replicates: 1 },
      { replicates: 10.5 },
      { seed: 0.5 },
      { seed: 2 ** 32 },
      { level: 0 },
      { level: 1 },
      { level: NaN },
      { groups: ['a'] },
    ])
      expect(() => bootstrap({ srcc }, options)).toThrow(invalid);
    expect(() => bootstrap({ srcc, other: resampledSrcc([1, 2, 3], [1, 2, 3]) })).toThrow(invalid);
  });

  // Under a second where nothing else runs. The limit only ends a figure that compares every pair with every other.
  it('has the interval of KonIQ-10k from 1,000 replicates', { timeout: 600_000 }, () => {
    const { predicted, mos } = koniq('hyperiqa');
    const { srcc } = bootstrap({ srcc: resampledSrcc(predicted, mos) });
    const [low, high] = endsOf(srcc.interval);
    expect(low).toBeGreaterThan(0.943);
    expect(low).toBeLessThan(0.946);
    expect(high).toBeGreaterThan(0.9475);
    expect(high).toBeLessThan(0.951);
  });
});

const bootstrapOnce = (resampled: Resampled) =>
  bootstrap({ resampled }, { replicates: 2, method: 'percentile' }).resampled.estimate;

describe('comparison of predictors', () => {
  const { dependent, fisher } = fixture('comparison.json');
  it('Meng, Rosenthal & Rubin', () => {
    for (const { r1, r2, r12, n, ...expected } of dependent) {
      const { z, pValue, interval } = compareCorrelations(r1, r2, r12, n);
      expectNear(valueOf(z), expected.z, 1e-11);
      expectRelative(valueOf(pValue), expected.p, 1e-9);
      const [low, high] = endsOf(interval);
      expectNear(low, expected.low, 1e-11);
      expectNear(high, expected.high, 1e-11);
      expectNear(valueOf(compareCorrelations(r2, r1, r12, n).z), -expected.z, 1e-11);
    }
  });

  it('is undefined where correlations are perfect or images too few', () => {
    expect(compareCorrelations(1, 0.5, 0.5, 100).z).toEqual({ value: null, undefinedBecause: 'perfect-correlation' });
    expect(compareCorrelations(0.5, -1, 0.5, 100).pValue.undefinedBecause).toBe('perfect-correlation');
    expect(compareCorrelations(0.5, 0.5, 1, 100).interval.undefinedBecause).toBe('identical-predictors');
    expect(compareCorrelations(0.5, 0.4, 0.3, 3).z.undefinedBecause).toBe('too-few');
    for (const [r1, r2, r12, n, level] of [
      [1.1, 0, 0, 10, 0.95],
      [0, NaN, 0, 10, 0.95],
      [0, 0, -2, 10, 0.95],
      [0, 0, 0, 9.5, 0.95],
      [0, 0, 0, 10, 2],
    ] as const)
      expect(() => compareCorrelations(r1, r2, r12, n, level)).toThrow(invalid);
  });

  it('Fisher’s interval', () => {
    for (const { r, n, level, ...expected } of fisher) {
      const [low, high] = endsOf(fisherInterval(r, n, level));
      expectNear(low, expected.low, 1e-11);
      expectNear(high, expected.high, 1e-11);
    }
    expect(endsOf(fisherInterval(1, 10))).toEqual([1, 1]);
    expect(endsOf(fisherInterval(-1, 10))).toEqual([-1, -1]);
    expect(fisherInterval(0.5, 3)).toEqual({ lower: null, upper: null, level: 0.95, undefinedBecause: 'too-few' });
    expect(() => fisherInterval(1.5, 10)).toThrow(invalid);
    expect(() => fisherInterval(0.5, -1)).toThrow(invalid);
    expect(() => fisherInterval(0.5, 10, 0)).toThrow(invalid);
  });

  it('paired bootstrap tells a better predictor from an equal one', () => {
    const scores = lcg(300, 5);
    const noise = [6, 7, 8].map((seed) => lcg(300, seed));
    const predictor = (which: number, scale: number) => scores.map((value, i) => value + scale * noise[which]![i]!);
    const good = resampledSrcc(predictor(0, 0.3), scores);
    const asGood = resampledSrcc(predictor(1, 0.3), scores);
    const worse = resampledSrcc(predictor(2, 1.5), scores);
    const clear = pairedBootstrap(good, worse, { replicates: 500 });
    expect(endsOf(clear.interval)[0]).toBeGreaterThan(0);
    expectNear(valueOf(clear.pValue), 2 / 501, 1e-12);
    const equal = pairedBootstrap(good, asGood, { replicates: 500, method: 'percentile' });
    expect(endsOf(equal.interval)[0]).toBeLessThan(0);
    expect(endsOf(equal.interval)[1]).toBeGreaterThan(0);
    expect(valueOf(equal.pValue)).toBeGreaterThan(0.05);
    const swapped = pairedBootstrap(worse, good, { replicates: 500 });
    expectNear(valueOf(swapped.difference), -valueOf(clear.difference), 1e-12);
    expect(pairedBootstrap(good, good, { replicates: 20 })).toMatchObject({
      difference: { value: 0 },
      pValue: { value: 1 },
      interval: { lower: 0, upper: 0 },
    });
  });

  it('paired bootstraps of several figures are those of each two', () => {
    const scores = lcg(60, 5);
    const figures = [6, 7, 8].map((seed) => resampledSrcc(lcg(60, seed), scores));
    const all = pairedBootstraps(figures, { replicates: 50 });
    expect(all.map(({ first, second }) => [first, second])).toEqual([
      [0, 1],
      [0, 2],
      [1, 2],
    ]);
    for (const { first, second, result } of all)
      expect(result).toEqual(pairedBootstrap(figures[first]!, figures[second]!, { replicates: 50 }));
    expect(() => pairedBootstraps([figures[0]!, resampledSrcc([1, 2], [1, 2])])).toThrow(invalid);
  });

  it('paired bootstrap is undefined where one of the figures is', () => {
    const defined = resampledSrcc([1, 2, 3], [1, 2, 3]);
    const none = pairedBootstrap(defined, resampledSrcc([1, 1, 1], [1, 2, 3]), { replicates: 10 });
    expect(none.pValue).toEqual({ value: null, undefinedBecause: 'constant-predictions' });
    expect(none.difference).toEqual({ value: null, undefinedBecause: 'constant-predictions' });
    expect(() => pairedBootstrap(defined, resampledSrcc([1, 2], [1, 2]))).toThrow(invalid);
  });
});
