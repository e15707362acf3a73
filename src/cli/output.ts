/** What `--output` may name, and how it is opened. */
import { fstat, type Stats } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { openLocked } from '../files/lock.js';
import { writing } from '../files/output-error.js';
import { identityOf, isSameFile } from '../files/same-file.js';
import { SNIFF_BYTES, sniffFormat } from '../image/formats.js';
import { HyperIQAError } from '../index.js';
import { expand } from './inputs.js';
import { cannotWrite, FileSink, StdoutSink, WholeFileSink, type Output, type Sink } from './sink.js';
import { DeviceSink, PipeSink, StreamOutput } from './stream-output.js';
import { tellUnlocked } from './text.js';

const STDIN = 0;
const STDOUT = 1;

/** What must not be written over. */
export interface OutputInputs {
  /** Files that the command reads, as they were named; those that were not count as nothing. */
  files: readonly (string | undefined)[];
  /** Arguments that stand for images, as `expand` takes them. */
  images?: { paths: readonly string[]; recursive: boolean };
}

/**
 * Opens an output that grows record by record. A regular file is locked until it is closed, and is not changed yet. For
 * a named pipe, waits for a reader until `signal` says otherwise.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT for an input or an image; ERR_OUTPUT; ERR_OUTPUT_BUSY. AbortError
 */
export async function openOutput(path: string, inputs: OutputInputs, signal: AbortSignal): Promise<Output> {
  const existing = await statOf(path);
  if (existing && !existing.isFile()) return new StreamOutput(path, await openStream(path, existing, signal));
  const { handle, locked } = await writing(cannotWrite(path), () => openLocked(path));
  const sink = new FileSink(handle, await realpath(path), existing === undefined);
  try {
    await requireNoInput(path, inputs, existing !== undefined, signal);
    if (!locked) tellUnlocked(path);
    return sink;
  } catch (error) {
    await sink.release();
    throw error;
  }
}

/** The part of a plan that says where records go. */
export interface RecordsPlan {
  paths: readonly string[];
  recursive: boolean;
  output: string | undefined;
  resume: boolean;
}

/**
 * Opens the output of a command that writes a record an image; undefined for standard output.
 *
 * @param files - What the command reads besides the images.
 * @throws HyperIQAError as `openOutput` does; ERR_RESUME for what has no records to go on with
 */
export async function openRecords(
  { output, resume, ...images }: RecordsPlan,
  files: readonly (string | undefined)[],
  signal: AbortSignal,
): Promise<Output | undefined> {
  if (output === undefined) return undefined;
  const file = await openOutput(output, { files, images }, signal);
  if (!resume || file.regular) return file;
  await file.release();
  throw new HyperIQAError('ERR_RESUME', `${output} is not a file that could be continued.`);
}

/**
 * Opens an output that is written at the end, in one piece: a regular file is replaced in one step when the sink is
 * closed. That it can be is found out now, so that work for an hour does not end at a typing error.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT for an input or an image; ERR_OUTPUT. AbortError
 */
export async function openWholeOutput(path: string, inputs: OutputInputs, signal: AbortSignal): Promise<Sink> {
  const existing = await statOf(path);
  if (existing && !existing.isFile()) return openStream(path, existing, signal);
  await requireNoInput(path, inputs, existing !== undefined, signal);
  const sink = new WholeFileSink(path);
  await sink.probe();
  return sink;
}

function statOf(path: string): Promise<Stats | undefined> {
  return writing(cannotWrite(path), () =>
    stat(path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }),
  );
}

async function openStream(path: string, existing: Stats, signal: AbortSignal): Promise<Sink> {
  // /dev/stdout, which cannot be opened by its name where it is a socket.
  const { dev, ino } = await promisify(fstat)(STDOUT);
  if (existing.dev === dev && existing.ino === ino) return new StdoutSink();
  return writing<Sink>(cannotWrite(path), () =>
    existing.isFIFO() ? PipeSink.open(path, signal) : DeviceSink.open(path),
  );
}

async function requireNoInput(
  path: string,
  { files, images }: OutputInputs,
  existed: boolean,
  signal: AbortSignal,
): Promise<void> {
  const named = [...files, ...(images?.paths.filter((input) => input !== '-') ?? [])];
  for (const input of named) {
    if (input !== undefined && (await isSameFile(input, path))) throw isInput(path, input);
  }
  if (!existed) return;
  const { dev, ino } = await stat(path);
  const list = await promisify(fstat)(STDIN).catch(() => undefined);
  if (list?.isFile() && list.dev === dev && list.ino === ino) throw isInput(path, 'standard input');
  const found = await imageIn(path);
  if (found !== undefined) {
    throw new HyperIQAError(
      'ERR_INVALID_ARGUMENT',
      `--output ${path} is a ${found} image and would be overwritten: name another file.`,
    );
  }
  // Folders and patterns: they may name the output without saying so.
  const output = await identityOf(path);
  for await (const { file } of images ? expand(images.paths, images) : []) {
    signal.throwIfAborted();
    if ((await identityOf(file)) === output) throw isInput(path, file);
  }
}

const isInput = (path: string, input: string) =>
  new HyperIQAError(
    'ERR_INVALID_ARGUMENT',
    `--output ${path} is an input, ${input}, and would be overwritten: name another file.`,
  );

/** The format of an image of any name; undefined for anything else, and for a file that cannot be read. */
async function imageIn(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SNIFF_BYTES), 0, SNIFF_BYTES, 0);
    return sniffFormat(buffer.subarray(0, bytesRead)).format ?? undefined;
  } catch {
    return undefined;
  }
}
