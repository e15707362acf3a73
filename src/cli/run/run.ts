/** One run of `hyperiqa score`: from the inputs through the engine to whole records, whatever happens between. */
import {
  HyperIQA,
  resolveProtocol,
  type BatchItem,
  type Info,
  type Provenance,
  type ScoreResult,
} from '../../index.js';
import { FaceDetector, scoreAllWithFaces, type FaceScoreResult } from '../../faces/index.js';
import { isAborted, outcomes, startEntries, startProgress } from '../input/entries.js';
import { writerFor } from '../records/formats.js';
import type { Entry } from '../input/inputs.js';
import { Interrupt } from '../terminal/interrupt.js';
import { defined } from '../flags.js';
import { openRecords } from '../output/output.js';
import type { Plan } from './plan.js';
import { endOfOutput, Recorder } from '../records/recorder.js';
import { describeRun, facesOf, failed, scored, type ScoreRecord } from '../records/records.js';
import { scoreIn, scoreWithFacesIn } from '../records/stored.js';
import { isResumable } from '../records/resume.js';
import { removeShardMark, writeShardMark } from '../records/shard-mark.js';
import type { Output } from '../output/sink.js';
import { Tally } from '../records/tally.js';
import { tell } from '../terminal/text.js';

/**
 * Runs the plan.
 *
 * @returns the exit code
 * @throws HyperIQAError where the run cannot be set up or its output not be written; ClosedPipe
 */
export async function run(plan: Plan): Promise<number> {
  const interrupt = new Interrupt();
  let file: Output | undefined;
  try {
    file = await openRecords(plan, [plan.model, plan.faces?.model], interrupt.signal);
    const entries = await startEntries(plan, interrupt.signal);
    await using iqa = await HyperIQA.load(plan.model, { ...plan.loading, signal: interrupt.signal });
    await using detector =
      plan.faces && (await FaceDetector.load(plan.faces.model, { ...plan.faces.loading, signal: interrupt.signal }));
    const recorder = await startRecorder(plan, iqa, detector, file);
    return await scoreEntries(plan, iqa, detector, entries, recorder, file, interrupt);
  } catch (error) {
    if (interrupt.exitCode === undefined || !isAborted(error)) throw error;
    tell('interrupted before the first image was scored');
    return interrupt.exitCode;
  } finally {
    // However the run ended, an unread list must not keep the process waiting.
    interrupt.stop();
    await file?.release();
  }
}

/** Recorder of scores; the value kept from an earlier run is the score. */
type ScoreRecorder = Recorder<ScoreRecord, number>;

function startRecorder(
  plan: Plan,
  { info }: HyperIQA,
  detector: FaceDetector | undefined,
  file: Output | undefined,
): Promise<ScoreRecorder> {
  const { format, provenance, faces, resume } = plan;
  const resumable = file !== undefined && isResumable(format);
  return Recorder.prepare({
    file,
    writer: writerFor(format, { model: info.model, provenance, resumable, faces: faces !== undefined }),
    format: isResumable(format)
      ? { format, run: runOf(plan, info, detector), value: faces ? scoreWithFacesIn : scoreIn }
      : undefined,
    resume,
  });
}

function runOf({ scoring, provenance, faces, shard }: Plan, info: Info, detector: FaceDetector | undefined): string {
  return describeRun(info, {
    ...scoring,
    protocol: resolveProtocol(info.model, scoring),
    provenance,
    ...(detector && faces && { faces: { info: detector.info, options: faces.detecting } }),
    ...defined({ shard }),
  });
}

async function scoreEntries(
  plan: Plan,
  iqa: HyperIQA,
  detector: FaceDetector | undefined,
  entries: AsyncIterable<Entry>,
  recorder: ScoreRecorder,
  output: Output | undefined,
  interrupt: Interrupt,
): Promise<number> {
  const { signal } = interrupt;
  const tally = new Tally(plan, iqa.info.model.score.higherIsBetter);
  const claim = recorder.claims((score) => {
    tally.keep(score);
    progress?.advance();
  });
  // Refuses what does not fit the model, so it comes before anything is written.
  const results = outcomes(entries, signal, (files) => startScoring(plan, iqa, detector, files, signal), claim);
  const { shard } = plan;
  if (shard && output) await removeShardMark(output.path);
  await recorder.begin();
  const progress = startProgress(plan, signal);
  let provenance: Provenance | null = null;
  try {
    for await (const { index, file, source, result, error } of results) {
      if (signal.aborted) break;
      const record = result
        ? { ...scored(file, result.image, plan.provenance), ...facesIn(result, plan.provenance) }
        : failed(file, error);
      if (result) provenance = result.image.provenance;
      tally.add(record);
      progress?.advance();
      if (process.stdout.isTTY) progress?.clear();
      await recorder.put(index, source, record);
    }
  } catch (error) {
    // A wait for more input or for the engine is to end now, not when the list ends.
    interrupt.stop();
    if (interrupt.exitCode === undefined || !isAborted(error)) throw error;
  } finally {
    progress?.stop();
  }
  const seal =
    shard && output && (() => writeShardMark(output.path, { shard, run: runOf(plan, iqa.info, detector), provenance }));
  await endOfOutput(recorder, signal, seal);
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
  const { limitInputPixels, limitInputBytes } = scoring;
  const detect = { ...faces.detecting, ...defined({ limitInputPixels, limitInputBytes }) };
  const order = concurrency === undefined ? {} : { concurrency };
  return scoreAllWithFaces(iqa, detector, files, { score, detect, ...order, signal });
}

async function* withoutFaces(
  items: AsyncIterable<BatchItem<string, ScoreResult>>,
): AsyncGenerator<BatchItem<string, Result>, void, undefined> {
  for await (const item of items) yield item.result ? { ...item, result: { image: item.result } } : item;
}
