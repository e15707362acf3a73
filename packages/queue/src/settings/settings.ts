/** Settings of a queue: model, scoring and place of the results, the same for all of its images. */
import type { Crops, Protocol, ProtocolName } from 'hyperiqa';

/** Settings of a queue, as its first `enqueue` made them. They are kept in Redis, so they are plain data. */
export interface QueueSettings {
  /** Version of this object's form. */
  readonly version: 1;
  /** SHA-256 of the model file. */
  readonly model: string;
  readonly scoring: ScoringSettings;
  /** Records have their provenance. */
  readonly provenance: boolean;
  /** Folder (absolute path) or `s3://bucket/prefix` that shards are written to. */
  readonly results: string;
  /** Format of the shards. */
  readonly format: ShardFormat;
  /** `path`: an image is known by its name; `content`: by its bytes, for objects by their ETag. */
  readonly identity: Identity;
}

/** `jsonl`: records as JSON lines; `parquet`: the columns of CSV with types. */
export type ShardFormat = 'jsonl' | 'parquet';

/** Meaning of "the same image" for `enqueue`. */
export type Identity = 'path' | 'content';

/** Options of `HyperIQA.score` that decide on the score. */
export interface ScoringSettings {
  readonly protocol?: ProtocolName | Protocol;
  readonly crops?: number | Crops;
  /** A whole number below 2⁶⁴ as text, because JSON would round it. */
  readonly seed: string;
  readonly maxStandardError?: number;
  readonly maxCrops?: number;
  readonly limitInputPixels?: number;
  readonly limitInputBytes?: number;
}

/** The fields in which two settings differ, for a message: `seed "7" (here "8")`. */
export function differences(there: QueueSettings, here: QueueSettings): string {
  const [a, b] = [flat(there), flat(here)];
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((key) => a.get(key) !== b.get(key))
    .map((key) => `${key} ${a.get(key) ?? 'not set'} (here ${b.get(key) ?? 'not set'})`)
    .join(', ');
}

/** One text for equal settings, whatever the order of their fields. */
export const canonical = (settings: QueueSettings): string =>
  JSON.stringify([...flat(settings)].sort(([a], [b]) => (a < b ? -1 : 1)));

function flat({ scoring, ...rest }: QueueSettings): Map<string, string> {
  return new Map(Object.entries({ ...rest, ...scoring }).map(([key, value]) => [key, inOrder(value)]));
}

function inOrder(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
