/**
 * Interface of a chaos scenario: one module in `scenarios/` each, used by the short run of the tests and by the long
 * one.
 */
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

export interface Scenario {
  /** Action and invariant, in a few words. */
  readonly about: string;
  /**
   * One round. It depends on nothing but the seed behind `random` and on timing.
   *
   * @returns what was seen, in figures
   * @throws Error where something does not hold
   */
  round(context: Context): Promise<string>;
}

export interface Context {
  readonly random: Random;
  /** An empty folder, which goes when the round has passed. */
  readonly folder: string;
  /** Amount of work in a round: 1 in the tests, more in long runs. */
  readonly scale: number;
}

/** Random choices that a seed repeats. */
export class Random {
  readonly #generator;

  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed);
    // Neighbouring seeds begin alike.
    for (let i = 0; i < 32; i++) this.int(0, 1);
  }

  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return uniformInt(this.#generator, low, high);
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.int(0, values.length - 1)];
    if (value === undefined) throw new RangeError('nothing to pick from');
    return value;
  }

  /** True in this share of the cases. */
  chance(share: number): boolean {
    return this.int(0, 999_999) < share * 1_000_000;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.int(0, 255)));
  }
}

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
