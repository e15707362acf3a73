/** One run of `hyperiqa faces`: from the inputs through the detector to records and crops. */
import {
  FaceDetector,
  type DetectAllOptions,
  type DetectorLoadOptions,
  type DetectResult,
  type FaceStatus,
} from '../../faces/index.js';
import { CropFiles } from '../output/crop-files.js';
import { isAborted, outcomes, startEntries, startProgress, type InputPlan, type Outcome } from '../input/entries.js';
import {
  facesWriterFor,
  type FaceRecord,
  type FacesFormat,
  type FacesRecord,
  type FoundRecord,
} from '../records/faces-formats.js';
import { inFlags } from '../terminal/in-flags.js';
import { Interrupt } from '../terminal/interrupt.js';
import { openRecords } from '../output/output.js';
import { OutputFolder } from '../output/output-folder.js';
import { endOfOutput, Recorder } from '../records/recorder.js';
import { describeFacesRun } from '../records/records.js';
import type { Stored } from '../records/resume.js';
import { isFaceStatus } from '../records/stored.js';
import type { Output } from '../output/sink.js';
import { count, tell } from '../terminal/text.js';

/** Work that a command line of `faces` asks for. */
export interface FacesPlan extends InputPlan {
  format: FacesFormat;
  provenance: boolean;
  output: string | undefined;
  resume: boolean;
  /** Folder for the crops of the kept faces. */
  crops: string | undefined;
  model: string | undefined;
  loading: DetectorLoadOptions;
  detecting: Omit<DetectAllOptions, 'signal' | 'order' | 'crops' | 'concurrency'>;
  concurrency: Pick<DetectAllOptions, 'concurrency'>;
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
  let file: Output | undefined;
  let folder: OutputFolder | undefined;
  const counts = new Counts();
  let resumable = false;
  try {
    file = await openRecords(plan, [plan.model], signal);
    const entries = await startEntries(plan, signal);
    await using detector = await FaceDetector.load(plan.model, { ...plan.loading, signal });
    const recorder = await startRecorder(plan, detector, file);
    resumable = recorder.resumable;
    folder = plan.crops === undefined ? undefined : await OutputFolder.open(plan.crops, plan);
    const crops = folder && new CropFiles(folder);
    for (const { cropFiles } of recorder.kept()) crops?.reserve(cropFiles);
    const claim = recorder.claims(
      ({ status }) => {
        counts.add(status, 'before');
        progress?.advance();
      },
      ({ cropFiles }) => crops?.release(cropFiles),
    );
    // Refuses options that cannot be, so it comes before anything is written.
    const results = outcomes(
      entries,
      signal,
      (files) =>
        detector.detectAll(files, { ...plan.detecting, ...plan.concurrency, crops: plan.crops !== undefined, signal }),
      claim,
    );
    await recorder.begin();
    const progress = startProgress(plan, signal);
    try {
      for await (const outcome of results) {
        if (signal.aborted) break;
        const record = await recordOf(outcome, plan, crops);
        counts.add(record.status, 'now');
        progress?.advance();
        if (process.stdout.isTTY) progress?.clear();
        await recorder.put(outcome.index, outcome.source, record);
      }
    } catch (error) {
      interrupt.stop();
      if (interrupt.exitCode === undefined || !isAborted(error)) throw error;
    } finally {
      progress?.stop();
    }
    await endOfOutput(recorder, signal);
  } catch (error) {
    if (interrupt.exitCode === undefined || !isAborted(error)) throw error;
  } finally {
    interrupt.stop();
    await folder?.release();
    await file?.release();
  }
  if (interrupt.exitCode !== undefined) {
    tell(
      `interrupted after ${count(counts.now, 'record')}${resumable ? '; run the same command with --resume to go on' : ''}`,
    );
    return interrupt.exitCode;
  }
  if (!plan.quiet) tell(counts.text());
  return counts.failed ? 1 : 0;
}

/** Part of an earlier record that still counts. */
interface Kept {
  status: FaceStatus;
  cropFiles: string[];
}

function startRecorder(
  { format, provenance, crops, detecting, resume }: FacesPlan,
  { info }: FaceDetector,
  file: Output | undefined,
): Promise<Recorder<FacesRecord, Kept>> {
  return Recorder.prepare({
    file,
    writer: facesWriterFor(format, provenance),
    format:
      format === 'jsonl'
        ? {
            format,
            run: describeFacesRun(info, { detecting, crops: crops ?? false, provenance }),
            value: keptIn,
          }
        : undefined,
    resume,
  });
}

function keptIn(stored: Stored): Kept | null {
  const { status, faces } = stored as Partial<FoundRecord>;
  // A record that failed has no faces and is made again.
  if (!isFaceStatus(status) || !Array.isArray(faces)) return null;
  // The file may have been changed by hand: check every value.
  const crops = faces.map((face: Partial<FaceRecord> | null) => face?.cropFile);
  return { status, cropFiles: crops.filter((crop) => typeof crop === 'string') };
}

async function recordOf(
  { file, result, error }: Outcome<DetectResult>,
  plan: FacesPlan,
  crops: CropFiles | undefined,
): Promise<FacesRecord> {
  if (error) return { file, status: 'error', error: { code: error.code, message: inFlags(error.message) } };
  const { status, width, height, warnings } = result;
  const faces = [];
  for (const [i, { pixels, ...face }] of result.faces.entries()) {
    // Only one face can be kept with `exactlyOne`: its crop bears the photograph's name.
    const number = plan.detecting.exactlyOne ? undefined : i + 1;
    faces.push(crops && pixels ? { ...face, cropFile: await crops.write(file, pixels, number) } : face);
  }
  return { file, status, faces, width, height, warnings, ...(plan.provenance && { provenance: result.provenance }) };
}

/** Counts of images by outcome. */
class Counts {
  readonly #byStatus = new Map<string, number>();
  #before = 0;
  now = 0;

  add(status: FacesRecord['status'], when: 'before' | 'now'): void {
    this.#byStatus.set(status, (this.#byStatus.get(status) ?? 0) + 1);
    if (when === 'now') this.now++;
    else this.#before++;
  }

  get failed(): boolean {
    return this.#byStatus.has('error');
  }

  /** `15 images: 12 ok, 2 no-face, 1 several` */
  text(): string {
    const total = this.now + this.#before;
    if (total === 0) return 'the list on standard input is empty';
    const parts = ['ok', 'no-face', 'too-small', 'several', 'error'].flatMap((status) => {
      const number = this.#byStatus.get(status);
      return number === undefined ? [] : [`${number} ${status}`];
    });
    const before = this.#before > 0 ? `; ${this.#before} looked at before` : '';
    return `${count(total, 'image')}: ${parts.join(', ')}${before}`;
  }
}
