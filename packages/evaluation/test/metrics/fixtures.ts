/** The reference figures beside this file, and how the tests compare with them. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Figure, Interval, LogisticModel } from '../../src/metrics/index.js';

interface Columns {
  name: string;
  x: number[];
  y: number[];
}

export type CorrelationName = 'srcc' | 'krcc' | 'plcc';
export type ErrorName = 'mse' | 'rmse' | 'mae' | 'bias';

export interface ScipyFit {
  parameters: number[];
  sumOfSquares: number;
  plcc: number;
  rmse: number;
}

type PublishedFigures = Record<CorrelationName, number> &
  Record<LogisticModel, ScipyFit | null> & {
    n: number;
  };

/** Content of each file; make_fixtures.py says how it is computed. */
interface Fixtures {
  'correlation.json': (Columns & Record<CorrelationName | ErrorName | 'scipyPlcc', number>)[];
  'huge.json': ({ name: string; size: number; step: number } & Record<CorrelationName, number>)[];
  'fits.json': (Columns & Record<LogisticModel | 'logistic4Exact', ScipyFit | null>)[];
  'bootstrap.json': (Columns & {
    statistic: CorrelationName | ErrorName;
    intervals: Record<'bca' | 'percentile', [number, number]>;
    standardError: number;
    replicates: number[];
    estimate: number;
    jackknife: number[];
    counts: number[];
    resampled: number;
  })[];
  'comparison.json': {
    dependent: Record<'r1' | 'r2' | 'r12' | 'n' | 'z' | 'p' | 'low' | 'high', number>[];
    fisher: Record<'r' | 'n' | 'level' | 'low' | 'high', number>[];
    gaps: (Omit<Columns, 'name'> & Record<'level' | 'slope' | 'intercept' | 'low' | 'high', number>)[];
  };
  'distributions.json': {
    upperTail: [number, number][];
    quantile: [number, number][];
    t: [number, number, number][];
  };
  'opinions.json': (Columns & {
    deviations: number[];
    opinions: number[];
    halfWidths: number[];
    outlierRatio: number;
    different: number;
    similar: number;
    rmseStar0: number | null;
    rmseStar1: number | null;
    rmseStar4: number | null;
    betterWorse?: number;
    correct?: number;
    differentSimilar?: number;
  })[];
  'koniq.json': Record<'hyperiqa' | 'brisque', Record<'all' | 'test', PublishedFigures>>;
}

/** A file of reference figures: JSON in which NaN and infinities are strings. */
export function fixture<Name extends keyof Fixtures>(name: Name): Fixtures[Name] {
  const text = readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');
  return JSON.parse(text, (_, value: unknown) =>
    value === 'nan' ? NaN : value === 'inf' ? Infinity : value === '-inf' ? -Infinity : value,
  ) as Fixtures[Name];
}

/** The case of that name. */
export function named<Case extends { name: string }>(cases: Case[], name: string): Case {
  const found = cases.find((each) => each.name === name);
  if (found === undefined) throw new Error(`There is no case ${name}.`);
  return found;
}

/** KonIQ's scores with the published predictions; all rows, or those of the official test split. */
export function koniq(column: 'hyperiqa' | 'brisque', testOnly = false): { predicted: number[]; mos: number[] } {
  const [header, ...rows] = readFileSync(new URL('fixtures/koniq.csv', import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','));
  const at = (name: string): number => header!.indexOf(name);
  const chosen = testOnly ? rows.filter((row) => row[at('set')] === 'test') : rows;
  return { predicted: chosen.map((row) => Number(row[at(column)])), mos: chosen.map((row) => Number(row[at('MOS')])) };
}

/** Uniform numbers by the generator that make_fixtures.py uses. */
export function lcg(size: number, seed: number): Float64Array {
  let state = seed >>> 0;
  return Float64Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  });
}

/** The value of a defined figure. */
export function valueOf(figure: Figure): number {
  if (figure.value === null) throw new Error(`undefined because of ${figure.undefinedBecause}`);
  return figure.value;
}

export function endsOf(interval: Interval): [number, number] {
  if (interval.lower === null) throw new Error(`undefined because of ${interval.undefinedBecause}`);
  return [interval.lower, interval.upper];
}

/** Within `tolerance`, relative to the expected number where that is above 1. */
export function expectNear(actual: number, expected: number, tolerance: number, what = ''): void {
  const difference = Math.abs(actual - expected);
  expect(difference, `${what}: ${actual}, expected ${expected}`).toBeLessThanOrEqual(
    tolerance * Math.max(1, Math.abs(expected)),
  );
}

/** Within `tolerance` of the expected number at any scale. */
export function expectRelative(actual: number, expected: number, tolerance: number, what = ''): void {
  const difference = Math.abs(actual - expected);
  expect(difference, `${what}: ${actual}, expected ${expected}`).toBeLessThanOrEqual(tolerance * Math.abs(expected));
}
