/** One run of `hyperiqa score`: from the inputs through the engine to whole records, whatever happens between. */
import {
  FaceDetector,
  HyperIQA,
  HyperIQAError,
  scoreAllWithFaces,
  type BatchItem,
  type FaceScoreResult,
  type ScoreResult,
} from '../index.js';
import { isAborted, startEntries, startProgress } from './entries.js';
import type { Entry } from './inputs.js';
import { Interrupt } from './interrupt.js';
import type { Plan } from './plan.js';
import { Recorder } from './recorder.js';
import { facesOf, failed, scored, sourceOf, type Resumable, type ScoreRecord, type Source } from './records.js';
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
    await using detector =
      plan.faces && (await FaceDetector.load(plan.faces.model, { ...plan.faces.loading, signal: interrupt.signal }));
    const recorder = await Recorder.prepare(plan, iqa, detector, file);
    return await scoreEntries(plan, iqa, detector, entries, recorder, interrupt);
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

/** An input on its way, in the order of the inputs. `error`: it has failed already. */
interface Slot extends Entry {
  index: number;
  source: Source | null;
}

async function scoreEntries(
  plan: Plan,
  iqa: HyperIQA,
  detector: FaceDetector | undefined,
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
  const results = startScoring(plan, iqa, detector, inputs(), signal);
  await recorder.begin();
  const progress = startProgress(plan, signal);
  try {
    for await (const { result, error } of results) {
      if (signal.aborted) break;
      await putFailed();
      const slot = slots.shift();
      if (!slot) throw new HyperIQAError('ERR_INTERNAL', 'A result came that nobody asked for.');
      await put(slot, (resumable) =>
        result
          ? { ...scored(slot.file, result.image, plan.provenance, resumable), ...facesIn(result, plan.provenance) }
          : failed(slot.file, error, resumable),
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

/** An image's score, with the faces where they were asked for. */
type Result = { image: ScoreResult; detection?: undefined } | FaceScoreResult;

const facesIn = (result: Result, provenance: boolean) => result.detection && { faces: facesOf(result, provenance) };

/** @throws HyperIQAError at once, ERR_INVALID_ARGUMENT, for options that do not fit the models */
function startScoring(
  { scoring, faces }: Plan,
  iqa: HyperIQA,
  detector: FaceDetector | undefined,
  files: AsyncIterable<string>,
  signal: AbortSignal,
): AsyncIterable<BatchItem<string, Result>> {
  if (detector === undefined || faces === undefined) return withoutFaces(iqa.scoreAll(files, { ...scoring, signal }));
  const { concurrency, ...score } = scoring;
  const { limitInputPixels } = scoring;
  const detect = { ...faces.detecting, ...(limitInputPixels !== undefined && { limitInputPixels }) };
  const order = concurrency === undefined ? {} : { concurrency };
  return scoreAllWithFaces(iqa, detector, files, { score, detect, ...order, signal });
}

async function* withoutFaces(
  items: AsyncIterable<BatchItem<string, ScoreResult>>,
): AsyncGenerator<BatchItem<string, Result>, void, undefined> {
  for await (const item of items) yield item.result ? { ...item, result: { image: item.result } } : item;
}
