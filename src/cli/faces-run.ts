/** One run of `hyperiqa faces`: from the inputs through the detector to records and crops. */
import { FaceDetector, type DetectAllOptions, type DetectorLoadOptions, type DetectResult } from '../index.js';
import { CropFiles } from './crop-files.js';
import { isAborted, outcomes, startEntries, startProgress, type InputPlan, type Outcome } from './entries.js';
import { facesWriterFor, type FacesFormat, type FacesRecord } from './faces-formats.js';
import { Interrupt } from './interrupt.js';
import { FileSink, StdoutSink, type Sink } from './sink.js';
import { count, tell } from './text.js';

/** What a command line of `faces` asks for. */
export interface FacesPlan extends InputPlan {
  format: FacesFormat;
  provenance: boolean;
  output: string | undefined;
  /** Folder for the crops of the kept faces. */
  crops: string | undefined;
  model: string | undefined;
  loading: DetectorLoadOptions;
  detecting: Omit<DetectAllOptions, 'signal' | 'order' | 'crops'>;
}

/**
 * Runs the plan.
 *
 * @returns the exit code
 * @throws HyperIQAError where the run cannot be set up or its output not be written; ClosedPipe
 */
export async function runFaces(plan: FacesPlan): Promise<number> {
  const interrupt = new Interrupt();
  const { signal } = interrupt;
  const file = plan.output === undefined ? undefined : await FileSink.open(plan.output);
  const counts: Record<string, number> = {};
  try {
    const entries = await startEntries(plan, signal);
    await using detector = await FaceDetector.load(plan.model, { ...plan.loading, signal });
    const results = outcomes(entries, (files) =>
      detector.detectAll(files, { ...plan.detecting, crops: plan.crops !== undefined, signal }),
    );
    const crops = plan.crops === undefined ? undefined : await CropFiles.open(plan.crops);
    const sink: Sink = file ?? new StdoutSink();
    const writer = facesWriterFor(plan.format, plan.provenance);
    await file?.truncate(0);
    if (writer.head !== '') await sink.write(writer.head);
    const progress = startProgress(plan, signal);
    try {
      for await (const outcome of results) {
        if (signal.aborted) break;
        const record = await recordOf(outcome, plan, crops);
        counts[record.status] = (counts[record.status] ?? 0) + 1;
        progress?.advance();
        if (process.stdout.isTTY) progress?.clear();
        await sink.write(writer.row(record));
      }
    } catch (error) {
      if (interrupt.exitCode === undefined || !isAborted(error)) throw error;
    } finally {
      progress?.stop();
    }
    if (writer.tail !== '') await sink.write(writer.tail);
    await sink.close();
  } catch (error) {
    if (interrupt.exitCode === undefined || !isAborted(error)) throw error;
  } finally {
    interrupt.stop();
    await file?.release();
  }
  if (interrupt.exitCode !== undefined) {
    tell(`interrupted after ${count(total(counts), 'record')}`);
    return interrupt.exitCode;
  }
  if (!plan.quiet) report(counts);
  return counts.error === undefined ? 0 : 1;
}

async function recordOf(
  { file, result, error }: Outcome<DetectResult>,
  plan: FacesPlan,
  crops: CropFiles | undefined,
): Promise<FacesRecord> {
  if (error) return { file, status: 'error', error: { code: error.code, message: error.message } };
  const { status, width, height, warnings } = result;
  const faces = [];
  for (const [i, { pixels, ...face }] of result.faces.entries()) {
    // Only one face can be kept with `exactlyOne`: its crop bears the photograph's name.
    const number = plan.detecting.exactlyOne ? undefined : i + 1;
    faces.push(crops && pixels ? { ...face, cropFile: await crops.write(file, pixels, number) } : face);
  }
  return { file, status, faces, width, height, warnings, ...(plan.provenance && { provenance: result.provenance }) };
}

const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, n) => sum + n, 0);

/** `15 images: 12 ok, 2 no-face, 1 several` */
function report(counts: Record<string, number>): void {
  if (total(counts) === 0) tell('the list on standard input is empty');
  else {
    const parts = ['ok', 'no-face', 'too-small', 'several', 'error'].flatMap((status) =>
      counts[status] === undefined ? [] : [`${counts[status]} ${status}`],
    );
    tell(`${count(total(counts), 'image')}: ${parts.join(', ')}`);
  }
}
