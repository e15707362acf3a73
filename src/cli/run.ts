/** One run of `hyperiqa score`: from the inputs through the engine to whole records, whatever happens between. */
import { addAbortSignal } from 'node:stream';
import { HyperIQA, HyperIQAError } from '../index.js';
import { expand, type Entry } from './inputs.js';
import { Interrupt } from './interrupt.js';
import type { Plan } from './plan.js';
import { Progress } from './progress.js';
import { Recorder } from './recorder.js';
import { failed, scored, sourceOf, type Resumable, type ScoreRecord, type Source } from './records.js';
import { FileSink } from './sink.js';
import { Tally } from './tally.js';
import { tell } from './text.js';

/**
 * Runs the plan.
 *
 * @returns the exit code
 * @throws HyperIQAError where the run cannot be set up or its output not be written; ClosedPipe
 */
export async function run(plan: Plan): Promise<number> {
  const interrupt = new Interrupt();
  const file = plan.output === undefined ? undefined : await FileSink.open(plan.output);
  try {
    if (plan.resume && !file?.regular) {
      throw new HyperIQAError('ERR_RESUME', `${String(plan.output)} is not a file that could be continued.`);
    }
    const entries = await startEntries(plan, interrupt.signal);
    await using iqa = await HyperIQA.load(plan.model, { ...plan.loading, signal: interrupt.signal });
    const recorder = await Recorder.prepare(plan, iqa, file);
    return await scoreEntries(plan, iqa, entries, recorder, interrupt);
  } catch (error) {
    if (interrupt.exitCode === undefined || !isAborted(error)) throw error;
    tell('interrupted before the first image was scored');
    return interrupt.exitCode;
  } finally {
    // Whatever way the run ended: an unread list must not keep the process waiting.
    interrupt.stop();
    await file?.release();
  }
}

const isAborted = (error: unknown) =>
  (error instanceof HyperIQAError && error.code === 'ERR_ABORTED') || (error as Error).name === 'AbortError';

/** The entries of the plan. Where nothing has to be waited for, an empty selection is found out before all else. */
async function startEntries(plan: Plan, signal: AbortSignal): Promise<AsyncIterable<Entry>> {
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

/** An input on its way, in the order of the inputs. `error`: it has failed already. */
interface Slot extends Entry {
  index: number;
  source: Source | null;
}

async function scoreEntries(
  plan: Plan,
  iqa: HyperIQA,
  entries: AsyncIterable<Entry>,
  recorder: Recorder,
  interrupt: Interrupt,
): Promise<number> {
  const { signal } = interrupt;
  const tally = new Tally(plan, iqa.info.model.score.higherIsBetter);
  const slots: Slot[] = [];

  async function* inputs(): AsyncGenerator<string, void, undefined> {
    let index = 0;
    try {
      for await (const entry of entries) {
        if (signal.aborted) return;
        const source = recorder.resumable ? await sourceOf(entry.file) : null;
        const kept = entry.error ? undefined : recorder.kept(index, entry.file, source);
        if (kept === undefined) slots.push({ ...entry, index, source });
        else {
          tally.keep(kept);
          progress?.advance();
        }
        index++;
        if (kept === undefined && !entry.error) yield entry.file;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
  const put = async ({ index, source }: Slot, make: (resumable: Resumable) => ScoreRecord): Promise<void> => {
    const record = make(recorder.resumable ? { source, run: recorder.run } : {});
    tally.add(record);
    progress?.advance();
    if (process.stdout.isTTY) progress?.clear();
    await recorder.put(index, record);
  };
  /** Inputs that failed before they came to the engine have their place among the others. */
  const putFailed = async (): Promise<void> => {
    for (let slot = slots[0]; slot?.error; slot = slots[0]) {
      const { file, error } = slot;
      slots.shift();
      await put(slot, (resumable) => failed(file, error, resumable));
    }
  };

  // Refuses what does not fit the model, so it comes before anything is written.
  const results = iqa.scoreAll(inputs(), { ...plan.scoring, signal });
  await recorder.begin();
  const progress = startProgress(plan, signal);
  try {
    for await (const { result, error } of results) {
      if (signal.aborted) break;
      await putFailed();
      const slot = slots.shift();
      if (!slot) throw new HyperIQAError('ERR_INTERNAL', 'A result came that nobody asked for.');
      await put(slot, (resumable) =>
        result ? scored(slot.file, result, plan.provenance, resumable) : failed(slot.file, error, resumable),
      );
    }
    if (!signal.aborted) await putFailed();
  } catch (error) {
    // Whoever waits for more input or for the engine is to stop now, not when the list ends.
    interrupt.stop();
    if (interrupt.exitCode === undefined || !isAborted(error)) throw error;
  } finally {
    progress?.stop();
  }
  await recorder.finish(!signal.aborted);
  if (interrupt.exitCode !== undefined) {
    tell(tally.interrupted(recorder.resumable));
    return interrupt.exitCode;
  }
  if (!plan.quiet) tally.report();
  return tally.exitCode;
}

function startProgress({ paths, recursive, quiet }: Plan, signal: AbortSignal): Progress | undefined {
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
