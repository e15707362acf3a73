/** Checks that all results come from one model with one set of options. */
import { differences, splitRun } from 'hyperiqa/add-on';
import type { StoredResult } from '../formats/result.js';
import type { Row } from '../table/table.js';
import { conflict } from './sources.js';

/** Columns of provenance that decide a score. */
const deciding = ['modelSha256', 'protocol', 'cropPlan', 'seed', 'maxStandardError', 'maxCrops', 'dtype'] as const;

/** Compares each result with the first one. */
export class SameRun {
  /** Text of the last result's `run`, which is mostly that of the next, too. */
  #lastRun: string | undefined;
  #first: { run: string | undefined; path: string } | undefined;
  #stripped: string | undefined;

  /** The field `run` of all records, without a shard; undefined where they have none. */
  get run(): string | undefined {
    return this.#stripped;
  }

  /** @throws HyperIQAError ERR_RESULTS_CONFLICT */
  check({ row, record }: StoredResult, path: string): void {
    const text = record ? record.run : row.run;
    if (typeof text === 'string') {
      if (text === this.#lastRun) return;
      const { run } = splitRun(text);
      this.#stripped ??= run;
      this.#compare(run, path);
      this.#lastRun = text;
    } else if (row.errorCode === undefined) {
      this.#compare(fromProvenance(row), path);
    }
  }

  #compare(run: string | undefined, path: string): void {
    this.#first ??= { run, path };
    const { run: there, path: other } = this.#first;
    if (run === there) return;
    if (run === undefined || there === undefined) {
      const [silent, telling] = run === undefined ? [path, other] : [other, path];
      throw conflict(`Results in ${silent} do not say by what model they were made, and those in ${telling} do.`);
    }
    throw conflict(`${path} was made otherwise than ${other}: ${differences(run, there)}.`);
  }
}

/** Words for the model and the options by the columns of provenance; undefined where there are none. */
function fromProvenance(row: Row): string | undefined {
  if (row.modelSha256 === undefined) return undefined;
  return deciding.map((name) => `${name}=${String(row[name] ?? 'none')}`).join(' ');
}
