/** `--resume`: what an output file holds already, and what of it still counts. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { AtomicFile } from '../../files/atomic-file.js';
import { writing } from '../../files/output-error.js';
import { HyperIQAError } from '../../index.js';
import type { Format } from './formats.js';
import { differences, type Source } from './records.js';
import { inert } from './spreadsheet.js';

/** Place of a record in the file. `value` is null for a failed one, which is always tried again. */
interface Segment<V> {
  offset: number;
  length: number;
  source: Source | null;
  value: V | null;
}

/** Formats of files that `--resume` can go on with. */
export const resumableFormats = ['jsonl', 'csv'] as const satisfies Format[];
export const isResumable = (format: Format): format is (typeof resumableFormats)[number] =>
  resumableFormats.some((one) => one === format);

/** A record as it is read: the object of a line of JSON, or the cells of a row of CSV by column. */
export type Stored = Partial<Record<string, unknown>>;

/** Conditions under which a file is continued. */
export interface ResumeFormat<V> {
  format: 'jsonl' | 'csv';
  /** The CSV header, or nothing. */
  head: string;
  /** As `describeRun` gives it. */
  run: string;
  /** Reads the part of a record that a resumed run needs; null for one that is to be made again. */
  value: (record: Stored) => V | null;
}

/** An index of the file's records: about half a kilobyte of memory each. */
export class Resume<V> {
  readonly #records = new Map<string, Segment<V>[]>();
  /** Records of this run in the order of its inputs. */
  readonly #order: (Segment<V> | undefined)[] = [];
  #obsolete = false;
  #end = 0;

  private constructor(
    private readonly path: string,
    private readonly format: ResumeFormat<V>,
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
  static async read<V>(path: string, format: ResumeFormat<V>): Promise<Resume<V>> {
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
      if (typeof record?.file !== 'string' || typeof record.run !== 'string' || record.run === '')
        throw refuse(path, `record ${number} was not written by this command`);
      if (record.run !== format.run) {
        throw refuse(path, `it was made otherwise: ${differences(record.run, format.run)}`);
      }
      const segment = { offset, length, source: sourceIn(record), value: format.value(record) };
      const others = resume.#records.get(record.file);
      if (others) others.push(segment);
      else resume.#records.set(record.file, [segment]);
    }
    return resume;
  }

  /** The values of all records that the file holds and that nothing has taken the place of. */
  *values(): Generator<V, void, undefined> {
    for (const { value } of [...this.#records.values()].flat()) if (value !== null) yield value;
  }

  /**
   * Finds what the file holds for the image in its present state, as the input numbered `index`; undefined where its
   * record must be made. Records of earlier states no longer count.
   *
   * @param onObsolete - Called for each record of an earlier state.
   */
  take(index: number, file: string, source: Source | null, onObsolete?: (value: V) => void): V | undefined {
    const name = this.format.format === 'csv' ? inert(file) : file;
    const segments = this.#records.get(name) ?? [];
    const valid = segments.filter(
      (segment) =>
        segment.value !== null && segment.source?.size === source?.size && segment.source?.mtimeMs === source?.mtimeMs,
    );
    const [taken, ...others] = valid;
    if (valid.length < segments.length) this.#obsolete = true;
    for (const segment of segments) if (segment.value !== null && !valid.includes(segment)) onObsolete?.(segment.value);
    if (others.length > 0) this.#records.set(name, others);
    else this.#records.delete(name);
    this.#order[index] = taken;
    return taken?.value ?? undefined;
  }

  /** Notes a new record of the input numbered `index`. */
  add(index: number, offset: number, length: number): void {
    this.#order[index] = { offset, length, source: null, value: null };
  }

  /**
   * Puts the file into its final shape: records that no longer count are dropped, and where the run is `complete`,
   * those of this run stand in the order of the inputs, after those of images that were not named this time. The
   * file is replaced in one step.
   *
   * @throws HyperIQAError ERR_OUTPUT
   */
  async settle(complete: boolean): Promise<void> {
    const byOffset = (a: Segment<V>, b: Segment<V>) => a.offset - b.offset;
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
  /** Position in `rest` from which the search goes on, and whether that is inside quotes. */
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

function fromJson(text: string): Stored | undefined {
  try {
    return (JSON.parse(text) as Stored | null) ?? undefined;
  } catch {
    return undefined;
  }
}

function fromCsv(head: string, text: string): Stored | undefined {
  try {
    return parse<Stored>(head + text, { columns: true })[0];
  } catch {
    return undefined;
  }
}

/** CSV has the two in columns of their own, empty where there was no file. */
function sourceIn({ source, size, mtimeMs }: Stored): Source | null {
  if (size === undefined) return (source as Source | undefined) ?? null;
  return size === '' ? null : { size: Number(size), mtimeMs: Number(mtimeMs) };
}

/** Writes the segments of a file, after a new head, into a file that then takes its place. */
async function replace(path: string, head: string, segments: readonly Segment<unknown>[]): Promise<void> {
  await writing(`${path} cannot be put in order`, async () => {
    await using from = await open(path, 'r');
    await using to = await AtomicFile.create(path, { alone: true });
    await to.handle.writeFile(head);
    for (const { offset, length } of segments) {
      const { buffer } = await from.read(Buffer.alloc(length), 0, length, offset);
      await to.handle.writeFile(buffer);
    }
    await to.publish();
  });
}
