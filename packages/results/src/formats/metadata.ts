/** Facts about all results of a file, which Parquet keeps as its key-value metadata. */
import type { Provenance } from 'hyperiqa';

/** Facts that hold for all results of a file. */
export interface ResultMetadata {
  /** Model and options, as in the field `run` of records without its shard; undefined where no record has it. */
  readonly run?: string | undefined;
  /** The provenances of the scores, each different one once: shards may come from unlike machines. */
  readonly provenance: readonly Provenance[];
}

/** Key of the field `run` in a file's metadata. */
export const runKey = 'hyperiqa.run';
/** Key of the provenances, a list in JSON. */
export const provenanceKey = 'hyperiqa.provenance';

/** Collects the provenances that differ. */
export class Provenances {
  readonly #byText = new Map<string, Provenance>();

  add(provenance: Provenance): void {
    this.#byText.set(JSON.stringify(provenance), provenance);
  }

  get all(): Provenance[] {
    return [...this.#byText.values()];
  }
}
