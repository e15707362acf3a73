/** From records to the output: format, resumption and the end of the file. */
import { resolveProtocol, type FaceDetector, type HyperIQA } from '../index.js';
import { writerFor, type Writer } from './formats.js';
import type { Plan } from './plan.js';
import { describeRun, type ScoreRecord, type Source } from './records.js';
import { isResumable, Resume } from './resume.js';
import { StdoutSink, type FileSink, type Sink } from './sink.js';

/** Writes records in the plan's format and knows those that were there before. */
export class Recorder {
  private constructor(
    private readonly sink: Sink,
    private readonly file: FileSink | undefined,
    private readonly writer: Writer,
    /** Model and options, in records that can be resumed. */
    readonly run: string,
    readonly resumable: boolean,
    private readonly resume: Resume | undefined,
  ) {}

  /**
   * Reads what there is to resume. Nothing is written yet.
   *
   * @throws HyperIQAError ERR_INVALID_ARGUMENT, ERR_RESUME
   */
  static async prepare(
    plan: Plan,
    { info }: HyperIQA,
    detector: FaceDetector | undefined,
    file: FileSink | undefined,
  ): Promise<Recorder> {
    const { format, provenance, scoring } = plan;
    const resumable = file !== undefined && isResumable(format);
    const run = describeRun(info, {
      ...scoring,
      protocol: resolveProtocol(info.model, scoring),
      provenance,
      ...(detector && plan.faces && { faces: { info: detector.info, options: plan.faces.detecting } }),
    });
    const writer = writerFor(format, { model: info.model, provenance, resumable, faces: plan.faces !== undefined });
    const resume =
      plan.resume && file && isResumable(format)
        ? await Resume.read(file.path, { format, head: writer.head, run })
        : undefined;
    return new Recorder(file ?? new StdoutSink(), file, writer, run, resumable, resume);
  }

  /** Empties the output, or cuts off what the earlier run left unfinished. */
  async begin(): Promise<void> {
    const end = this.resume?.end ?? 0;
    await this.file?.truncate(end);
    if (end === 0 && this.writer.head !== '') await this.sink.write(this.writer.head);
  }

  /** The score that is in the file already for the image in this state. */
  kept(index: number, file: string, source: Source | null): number | undefined {
    return this.resume?.take(index, file, source);
  }

  async put(index: number, record: ScoreRecord): Promise<void> {
    const offset = this.file?.end ?? 0;
    await this.sink.write(this.writer.row(record));
    this.resume?.add(index, offset, (this.file?.end ?? 0) - offset);
  }

  /** Ends the output, also that of a run which was interrupted. */
  async finish(complete: boolean): Promise<void> {
    if (this.writer.tail !== '') await this.sink.write(this.writer.tail);
    await this.sink.close();
    await this.resume?.settle(complete);
  }
}
