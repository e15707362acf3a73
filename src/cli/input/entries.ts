/** The inputs of a command on their way: names, progress, and records in the order of the inputs. */
import { addAbortSignal } from 'node:stream';
import { HyperIQAError, type BatchItem, type ErrorCode } from '../../index.js';
import { expand, type Entry } from './inputs.js';
import { shardOf, type Shard } from './shard.js';
import { debug } from '../terminal/debug.js';
import { Progress } from '../terminal/progress.js';
import type { Source } from '../records/records.js';

/** Inputs of a run. */
export interface InputPlan {
  paths: string[];
  recursive: boolean;
  quiet: boolean;
  /** Share of the inputs; undefined for all. */
  shard?: Shard | undefined;
}

/** Tells whether an error says that the run was stopped. */
export const isAborted = (error: unknown) => (error as Error).name === 'AbortError';

/** The entries of a plan. Where nothing has to be waited for, an empty selection is found out before all else. */
export async function startEntries(plan: InputPlan, signal: AbortSignal): Promise<AsyncIterable<Entry>> {
  const { paths, recursive, shard } = plan;
  if (paths.includes('-')) {
    // The error reaches the reader of the list; without a listener it would end the process as well.
    process.stdin.on('error', () => undefined);
    return ofShard(expand(paths, { recursive, list: addAbortSignal(signal, process.stdin) }), shard);
  }
  const entries = expand(paths, { recursive });
  const first = await entries.next();
  if (first.done) {
    const hint = recursive ? '' : ' (folders inside folders need --recursive)';
    throw new HyperIQAError('ERR_INVALID_ARGUMENT', `There is no image in ${paths.join(', ')}${hint}.`);
  }
  const all = (async function* () {
    yield first.value;
    yield* entries;
  })();
  return ofShard(all, shard);
}

/** The entries that belong to a share by the names that their records have. */
async function* ofShard(
  entries: AsyncIterable<Entry>,
  shard: Shard | undefined,
): AsyncGenerator<Entry, void, undefined> {
  for await (const entry of entries) {
    if (shard === undefined || shardOf(entry.file, shard.count) === shard.index) yield entry;
  }
}

/** Position of an input among the inputs, and its file as it was before the work on it began. */
interface Place {
  index: number;
  file: string;
  source: Source | null;
}

/** An input with its result, or with what was wrong with it. */
export type Outcome<R> = Place &
  ({ result: R; error?: undefined } | { result?: undefined; error: { code: ErrorCode; message: string } });

/** The state of an input's file, for its record; undefined where the output has the record already. */
export type Claim = (index: number, entry: Entry) => Promise<Source | null | undefined>;

/**
 * The entries with what became of them, in their order: those that could not even be looked at have their place among
 * the others.
 *
 * @param work - Called at once, so that it can refuse its options. Gives an item for each file, in order.
 */
export function outcomes<R>(
  entries: AsyncIterable<Entry>,
  signal: AbortSignal,
  work: (files: AsyncIterable<string>) => AsyncIterable<BatchItem<string, R>>,
  claim: Claim = () => Promise.resolve(null),
): AsyncIterable<Outcome<R>> {
  const pending: (Place & Entry)[] = [];
  async function* files(): AsyncGenerator<string, void, undefined> {
    let index = 0;
    try {
      for await (const entry of entries) {
        if (signal.aborted) return;
        const source = await claim(index, entry);
        if (source !== undefined) {
          pending.push({ ...entry, index, source });
          if (!entry.error) yield entry.file;
        }
        index++;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
  function* failedBefore(): Generator<Outcome<R>, void, undefined> {
    for (let place = pending[0]; place?.error; place = pending[0]) {
      pending.shift();
      yield { ...place, error: place.error };
    }
  }
  const items = work(files());
  return (async function* () {
    for await (const { result, error } of items) {
      yield* failedBefore();
      const place = pending.shift();
      if (!place) throw new HyperIQAError('ERR_INTERNAL', 'A result came that nobody asked for.');
      if (error) debug(error);
      const { index, file, source } = place;
      yield error ? { index, file, source, error } : { index, file, source, result };
    }
    yield* failedBefore();
  })();
}

/** The progress line, where there is a terminal to show it on. */
export function startProgress(
  { paths, recursive, quiet, shard }: InputPlan,
  signal: AbortSignal,
): Progress | undefined {
  if (quiet || !process.stderr.isTTY) return undefined;
  const progress = new Progress(process.stderr);
  progress.start();
  // The names are read once more rather than kept, as there may be millions. A list can be read only once.
  const again = paths.includes('-') ? undefined : ofShard(expand(paths, { recursive }), shard);
  const counting = async (): Promise<void> => {
    let total = 0;
    while (again && !signal.aborted && !(await again.next()).done) total++;
    if (total > 0) progress.total = total;
  };
  // Without a total the line shows no bar: that is all that can go wrong.
  counting().catch(() => undefined);
  return progress;
}
