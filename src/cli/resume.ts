/** `--resume`: what an output file holds already, and what of it still counts. */
import { constants, createReadStream } from 'node:fs';
import { chmod, open, rename, stat, unlink } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { HyperIQAError } from '../index.js';
import { inert, type Format } from './formats.js';
import { differences, type ScoredRecord, type ScoreRecord, type Source } from './records.js';

/** Where a record stands in the file. `score` is null for a failed one, which is always tried again. */
interface Segment {
  offset: number;
  length: number;
  source: Source | null;
  score: number | null;
}

/** Whether `--resume` can go on with a file of this format. */
export const isResumable = (format: Format): format is 'jsonl' | 'csv' => format === 'jsonl' || format === 'csv';

/** What a file must be to be continued. */
export interface ResumeFormat {
  format: 'jsonl' | 'csv';
  /** The CSV header, or nothing. */
  head: string;
  /** As `describeRun` gives it. */
  run: string;
}

/** An index of the file's records: about half a kilobyte of memory each. */
export class Resume {
  readonly #records = new Map<string, Segment[]>();
  /** Records of this run in the order of its inputs. */
  readonly #order: (Segment | undefined)[] = [];
  #obsolete = false;
  #end = 0;

  private constructor(
    private readonly path: string,
    private readonly format: ResumeFormat,
  ) {}

  /** End of the last whole record; whatever follows was torn off when the earlier run ended. */
  get end(): number {
    return this.#end;
  }

  /**
   * Reads an output file.
   *
   * @throws HyperIQAError ERR_RESUME: written by something else, or with another model or other options
   */
  static async read(path: string, format: ResumeFormat): Promise<Resume> {
    const resume = new Resume(path, format);
    let number = 0;
    for await (const { offset, length, text, whole } of pieces(path, format.format === 'csv')) {
      if (!whole) {
        // Cut off in its first line: that is ours to replace only if it began as ours do.
        const start = (format.head || '{"file":').slice(0, text.length);
        if (offset === 0 && !text.startsWith(start)) throw refuse(path, 'it was not written by this command');
        break;
      }
      resume.#end = offset + length;
      number++;
      if (offset === 0 && format.head !== '') {
        if (text !== format.head) throw refuse(path, 'its columns are not those of this run');
        continue;
      }
      const record = format.format === 'csv' ? fromCsv(format.head, text) : fromJson(text);
      if (record === undefined) throw refuse(path, `record ${number} was not written by this command`);
      if (record.run !== format.run) {
        throw refuse(path, `it was made otherwise: ${differences(record.run, format.run)}`);
      }
      const segment = { offset, length, source: record.source, score: record.score };
      const others = resume.#records.get(record.file);
      if (others) others.push(segment);
      else resume.#records.set(record.file, [segment]);
    }
    return resume;
  }

  /**
   * The score that the file holds for the image in its present state, as the input numbered `index`; undefined where
   * it must be scored. Records of earlier states no longer count.
   */
  take(index: number, file: string, source: Source | null): number | undefined {
    const name = this.format.format === 'csv' ? inert(file) : file;
    const segments = this.#records.get(name) ?? [];
    const valid = segments.filter(
      (segment) =>
        segment.score !== null && segment.source?.size === source?.size && segment.source?.mtimeMs === source?.mtimeMs,
    );
    const [taken, ...others] = valid;
    if (valid.length < segments.length) this.#obsolete = true;
    if (others.length > 0) this.#records.set(name, others);
    else this.#records.delete(name);
    this.#order[index] = taken;
    return taken?.score ?? undefined;
  }

  /** Notes a new record of the input numbered `index`. */
  add(index: number, offset: number, length: number): void {
    this.#order[index] = { offset, length, source: null, score: null };
  }

  /**
   * Puts the file into its final shape: records that no longer count are dropped, and where the run is `complete`,
   * those of this run stand in the order of the inputs, after those of images that were not named this time. The
   * file is replaced in one step.
   *
   * @throws HyperIQAError ERR_OUTPUT
   */
  async settle(complete: boolean): Promise<void> {
    const byOffset = (a: Segment, b: Segment) => a.offset - b.offset;
    const order = this.#order.filter((segment) => segment !== undefined);
    const sorted = order.every((segment, i) => segment.offset >= (order[i - 1]?.offset ?? 0));
    if (!this.#obsolete && (sorted || !complete)) return;
    const unnamed = [...this.#records.values()].flat().sort(byOffset);
    const all = [...unnamed, ...order];
    await replace(this.path, this.format.head, complete ? all : all.sort(byOffset));
  }
}

const refuse = (path: string, why: string) =>
  new HyperIQAError(
    'ERR_RESUME',
    `${path} cannot be continued: ${why}. Use the options that made it, or another --output.`,
  );

interface Piece {
  offset: number;
  length: number;
  text: string;
  /** False for what follows the last line feed. */
  whole: boolean;
}

/** The file's text in pieces that each end with a line feed, for CSV one outside quotes; and what follows the last one. */
async function* pieces(path: string, quoted: boolean): AsyncGenerator<Piece, void, undefined> {
  let offset = 0;
  let rest: Buffer = Buffer.alloc(0);
  /** Where the search goes on in `rest`, and whether that is inside quotes. */
  let at = 0;
  let inside = false;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    let start = 0;
    for (; at < rest.length; at++) {
      const byte = rest[at];
      if (quoted && byte === 0x22) inside = !inside;
      if (byte !== 0x0a || inside) continue;
      const length = at + 1 - start;
      yield { offset, length, text: rest.toString('utf8', start, at + 1), whole: true };
      offset += length;
      start = at + 1;
    }
    rest = rest.subarray(start);
    at -= start;
  }
  if (rest.length > 0) yield { offset, length: rest.length, text: rest.toString('utf8'), whole: false };
}

interface Stored {
  file: string;
  source: Source | null;
  score: number | null;
  run: string;
}

function fromJson(text: string): Stored | undefined {
  let record: Partial<ScoredRecord> | null;
  try {
    record = JSON.parse(text) as Partial<ScoreRecord> | null;
  } catch {
    return undefined;
  }
  if (typeof record?.file !== 'string' || typeof record.run !== 'string') return undefined;
  return { file: record.file, source: record.source ?? null, score: record.score ?? null, run: record.run };
}

function fromCsv(head: string, text: string): Stored | undefined {
  let row: Partial<Record<string, string>> | undefined;
  try {
    [row] = parse<Partial<Record<string, string>>>(head + text, { columns: true });
  } catch {
    return undefined;
  }
  const { file, size, mtimeMs, score, run } = row ?? {};
  if (file === undefined || !run) return undefined;
  const source = size ? { size: Number(size), mtimeMs: Number(mtimeMs) } : null;
  return { file, source, score: score ? Number(score) : null, run };
}

/** Writes the segments of a file, after a new head, into a file that then takes its place. */
async function replace(path: string, head: string, segments: readonly Segment[]): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await using from = await open(path, 'r');
    await using to = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL);
    await to.writeFile(head);
    for (const { offset, length } of segments) {
      const { buffer } = await from.read(Buffer.alloc(length), 0, length, offset);
      await to.writeFile(buffer);
    }
    await to.sync();
    await chmod(temporary, (await stat(path)).mode);
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw new HyperIQAError('ERR_OUTPUT', `${path} cannot be put in order: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
