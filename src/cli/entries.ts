/** The inputs of a command on their way: names, progress, and records in the order of the inputs. */
import { addAbortSignal } from 'node:stream';
import { HyperIQAError, type BatchItem, type ErrorCode } from '../index.js';
import { expand, type Entry } from './inputs.js';
import { Progress } from './progress.js';

/** What the inputs are. */
export interface InputPlan {
  paths: string[];
  recursive: boolean;
  quiet: boolean;
}

/** That a run was told to stop, however it came to know. */
export const isAborted = (error: unknown) =>
  (error instanceof HyperIQAError && error.code === 'ERR_ABORTED') || (error as Error).name === 'AbortError';

/** The entries of a plan. Where nothing has to be waited for, an empty selection is found out before all else. */
export async function startEntries(plan: InputPlan, signal: AbortSignal): Promise<AsyncIterable<Entry>> {
  const { paths, recursive } = plan;
  if (paths.includes('-')) {
    // Whoever reads the list gets the error; without a listener it would end the process as well.
    process.stdin.on('error', () => undefined);
    return expand(paths, { recursive, list: addAbortSignal(signal, process.stdin) });
  }
  const entries = expand(paths, { recursive });
  const first = await entries.next();
  if (first.done) {
    const hint = recursive ? '' : ' (folders inside folders need --recursive)';
    throw new HyperIQAError('ERR_INVALID_ARGUMENT', `There is no image in ${paths.join(', ')}${hint}.`);
  }
  return (async function* () {
    yield first.value;
    yield* entries;
  })();
}

/** An input with its result, or with what was wrong with it. */
export type Outcome<R> =
  | { file: string; result: R; error?: undefined }
  | { file: string; result?: undefined; error: { code: ErrorCode; message: string } };

/**
 * The entries with what became of them, in their order: those that could not even be looked at have their place among
 * the others.
 *
 * @param work - Gives an item for each file, in order.
 */
export async function* outcomes<R>(
  entries: AsyncIterable<Entry>,
  work: (files: AsyncIterable<string>) => AsyncIterable<BatchItem<string, R>>,
): AsyncGenerator<Outcome<R>, void, undefined> {
  const pending: Entry[] = [];
  async function* files(): AsyncGenerator<string, void, undefined> {
    for await (const entry of entries) {
      pending.push(entry);
      if (!entry.error) yield entry.file;
    }
  }
  function* failedBefore(): Generator<Outcome<R>, void, undefined> {
    for (let entry = pending[0]; entry?.error; entry = pending[0]) {
      pending.shift();
      yield { file: entry.file, error: entry.error };
    }
  }
  for await (const { result, error } of work(files())) {
    yield* failedBefore();
    const entry = pending.shift();
    if (!entry) throw new HyperIQAError('ERR_INTERNAL', 'A result came that nobody asked for.');
    yield error ? { file: entry.file, error } : { file: entry.file, result };
  }
  yield* failedBefore();
}

/** The progress line, where there is a terminal to show it on. */
export function startProgress({ paths, recursive, quiet }: InputPlan, signal: AbortSignal): Progress | undefined {
  if (quiet || !process.stderr.isTTY) return undefined;
  const progress = new Progress(process.stderr);
  progress.start();
  // The names are read once more rather than kept, as there may be millions. A list can be read only once.
  const again = paths.includes('-') ? undefined : expand(paths, { recursive });
  const counting = async (): Promise<void> => {
    let total = 0;
    while (again && !signal.aborted && !(await again.next()).done) total++;
    if (total > 0) progress.total = total;
  };
  // Without a total the line shows no bar: that is all that can go wrong.
  counting().catch(() => undefined);
  return progress;
}
