/** Checks and opens the destination that `--output` names. */
import { fstat, type Stats } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { SNIFF_BYTES, sniffFormat } from '../../add-on.js';
import { writing } from '../../files/output-error.js';
import { HyperIQAError } from '../../index.js';
import { openLocked } from '../../locks/file-lock.js';
import { Outputs } from './distinct.js';
import { expand } from '../input/inputs.js';
import type { Shard } from '../input/shard.js';
import { cannotWrite, FileSink, StdoutSink, WholeFileSink, type Output, type Sink } from './sink.js';
import { DeviceSink, PipeSink, StreamOutput } from './stream-output.js';
import { tellUnlocked } from '../terminal/text.js';

const STDOUT = 1;

/** Files that must not be overwritten. */
export interface OutputInputs {
  /** Files that the command reads, as they were named; those that were not count as nothing. */
  files: readonly (string | undefined)[];
  /** Arguments that stand for images, as `expand` takes them. */
  images: { paths: readonly string[]; recursive: boolean };
}

/**
 * Opens an output that grows record by record. A regular file is locked until it is closed, and is not changed yet. For
 * a named pipe, waits for a reader until `signal` says otherwise.
 *
 * @throws HyperIQAError ERR_OUTPUT, also for an input or an image; ERR_OUTPUT_BUSY. AbortError
 */
export async function openOutput(path: string, inputs: OutputInputs, signal: AbortSignal): Promise<Output> {
  const existing = await statOf(path);
  if (existing && !existing.isFile()) return new StreamOutput(path, await openStream(path, existing, signal));
  // Before the file is made, which would then be found among the images.
  await refuseInputs(path, inputs, signal);
  const { handle, locked } = await writing(cannotWrite(path), () => openLocked(path));
  const sink = new FileSink(handle, await realpath(path), existing === undefined);
  try {
    await refuseImage(path);
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
  /** Share of the images, whose end is marked beside the output. */
  shard?: Shard | undefined;
}

/**
 * Opens the output of a command that writes a record an image; undefined for standard output.
 *
 * @param files - What the command reads besides the images.
 * @throws HyperIQAError as `openOutput` does; ERR_RESUME for what has no records to go on with
 */
export async function openRecords(
  { output, resume, shard, ...images }: RecordsPlan,
  files: readonly (string | undefined)[],
  signal: AbortSignal,
): Promise<Output | undefined> {
  if (output === undefined) {
    // A table that is appended to by redirection may be an input, too.
    await refuseInputs('-', { files, images }, signal);
    return undefined;
  }
  const file = await openOutput(output, { files, images }, signal);
  if (file.regular || !(resume || shard)) return file;
  await file.release();
  if (resume) throw new HyperIQAError('ERR_RESUME', `${output} is not a file that could be continued.`);
  throw new HyperIQAError('ERR_OUTPUT', `${output} is not a file: --shard marks its end with another file beside it.`);
}

/**
 * Opens an output that is written at the end, in one piece: a regular file is replaced in one step when the sink is
 * closed. That it can be is found out now, so that work for an hour does not end at a typing error.
 *
 * @throws HyperIQAError ERR_OUTPUT, also for an image. AbortError
 */
export async function openWholeOutput(path: string, signal: AbortSignal): Promise<Sink> {
  const existing = await statOf(path);
  if (existing && !existing.isFile()) return openStream(path, existing, signal);
  await refuseImage(path);
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

/** @throws HyperIQAError ERR_OUTPUT where the output is read by the command; `-` is standard output */
async function refuseInputs(output: string, { files, images }: OutputInputs, signal: AbortSignal): Promise<void> {
  const outputs = await Outputs.of([output]);
  await outputs.refuse([...files.filter((file) => file !== undefined), ...images.paths]);
  // Folders and patterns may name the output without saying so, if it was there before.
  if (!(await isThere(output))) return;
  for await (const { file } of expand(images.paths, images)) {
    signal.throwIfAborted();
    await outputs.refuse([file]);
  }
}

/** Tests whether a regular file exists that might be read. */
async function isThere(output: string): Promise<boolean> {
  const found = output === '-' ? await promisify(fstat)(STDOUT) : await stat(output).catch(() => undefined);
  return found?.isFile() ?? false;
}

/** @throws HyperIQAError ERR_OUTPUT for an image, which nobody means to be overwritten by a table */
async function refuseImage(path: string): Promise<void> {
  const found = await imageIn(path);
  if (found === undefined) return;
  throw new HyperIQAError('ERR_OUTPUT', `${path} is a ${found} image and would be overwritten: name another file.`);
}

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
