/** From records to the output: format, resumption and the end of the file. */
import { isAborted, type Claim } from '../input/entries.js';
import type { Writer } from './formats.js';
import { sourceOf, type Resumable, type Source } from './records.js';
import { Resume, type ResumeFormat } from './resume.js';
import { StdoutSink, type Output, type Sink } from '../output/sink.js';

export interface RecorderOptions<R, V> {
  /** File that takes the place of standard output. */
  file: Output | undefined;
  writer: Writer<R>;
  /** Reader of earlier records; undefined for formats that cannot be resumed. */
  format: Omit<ResumeFormat<V>, 'head'> | undefined;
  /** Go on with what the file holds. */
  resume: boolean;
}

/** Writes records of kind `R` and knows what (`V`) of the file's earlier ones still counts. */
export class Recorder<R, V> {
  private constructor(
    private readonly sink: Sink,
    private readonly file: Output | undefined,
    private readonly writer: Writer<R>,
    /** Model and options, in records that can be resumed. */
    private readonly run: string | undefined,
    private readonly resume: Resume<V> | undefined,
  ) {}

  /**
   * Reads what there is to resume. Nothing is written yet.
   *
   * @throws HyperIQAError ERR_RESUME
   */
  static async prepare<R, V>({ file, writer, format, resume }: RecorderOptions<R, V>): Promise<Recorder<R, V>> {
    const run = file && format?.run;
    const earlier =
      resume && file && format ? await Resume.read(file.path, { ...format, head: writer.head }) : undefined;
    return new Recorder(file ?? new StdoutSink(), file, writer, run, earlier);
  }

  get resumable(): boolean {
    return this.run !== undefined;
  }

  /** Values kept of the records that the file held. */
  kept(): Iterable<V> {
    return this.resume?.values() ?? [];
  }

  /** Empties the output, or cuts off what the earlier run left unfinished. */
  async begin(): Promise<void> {
    const end = this.resume?.end ?? 0;
    await this.file?.truncate(end);
    if (end === 0 && this.writer.head !== '') await this.sink.write(this.writer.head);
  }

  /**
   * Tells inputs whose record is there already from those to be worked on.
   *
   * @param onKept - Called for the former.
   * @param onObsolete - Called for records of an input whose file has changed.
   */
  claims(onKept: (value: V) => void, onObsolete?: (value: V) => void): Claim {
    return async (index, { file, error }) => {
      if (!this.resumable) return null;
      const source = await sourceOf(file);
      const value = error ? undefined : this.resume?.take(index, file, source, onObsolete);
      if (value === undefined) return source;
      onKept(value);
      return undefined;
    };
  }

  /** Writes the record of the input numbered `index`. */
  async put(index: number, source: Source | null, record: R): Promise<void> {
    const resumable: Resumable = this.run === undefined ? {} : { source, run: this.run };
    const offset = this.file?.end ?? 0;
    await this.sink.write(this.writer.row({ ...record, ...resumable }));
    this.resume?.add(index, offset, (this.file?.end ?? 0) - offset);
  }

  /**
   * Ends the output, also that of a run which was interrupted.
   *
   * @param seal - Called for a complete output once it is on the disk, and before another run may write to it.
   */
  async finish(complete: boolean, seal?: () => Promise<void>): Promise<void> {
    if (this.writer.tail !== '') await this.sink.write(this.writer.tail);
    // While the file is this run's alone: closing it lets others write.
    if (this.resume || seal) await this.file?.flush();
    await this.resume?.settle(complete);
    if (complete) await seal?.();
    await this.sink.close();
  }
}

/**
 * Ends the output of a run that came to its end or was told to stop. In the latter case a reader that takes nothing
 * more is no failure.
 *
 * @param seal - Called where the run came to its end.
 */
export async function endOfOutput(
  recorder: Recorder<never, unknown>,
  signal: AbortSignal,
  seal?: () => Promise<void>,
): Promise<void> {
  try {
    await recorder.finish(!signal.aborted, seal);
  } catch (error) {
    if (!signal.aborted || !isAborted(error)) throw error;
  }
}
