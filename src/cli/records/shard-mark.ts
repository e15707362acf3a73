/**
 * The file beside the records of a shard that says that they are all there. Records alone cannot: a run that was killed
 * leaves whole records, too, and a shard without images an empty file.
 */
import { readFile, realpath, rm, stat } from 'node:fs/promises';
import { writeWhole } from '../../files/atomic-file.js';
import { writing } from '../../files/output-error.js';
import type { Provenance } from '../../index.js';
import type { Shard } from '../input/shard.js';
import { cannotWrite } from '../output/sink.js';

/** Content of the mark. */
export interface ShardMark {
  readonly shard: Shard;
  /** Model and options, as in the records. */
  readonly run: string;
  /** Size of the file with the records. */
  readonly bytes: number;
  /** Provenance of the scores; null where the run that completed the shard scored no image itself. */
  readonly provenance: Provenance | null;
}

/** @param output - Path of the records, without links. */
const markPath = (output: string) => `${output}.shard.json`;

/** Marks records as complete. @throws HyperIQAError ERR_OUTPUT */
export async function writeShardMark(output: string, mark: Omit<ShardMark, 'bytes'>): Promise<void> {
  const path = markPath(output);
  await writing(cannotWrite(path), async () => {
    const { size: bytes } = await stat(output);
    await writeWhole(path, `${JSON.stringify({ ...mark, bytes } satisfies ShardMark)}\n`);
  });
}

/** Takes the mark away, before records change. @throws HyperIQAError ERR_OUTPUT */
export async function removeShardMark(output: string): Promise<void> {
  await writing(`${markPath(output)} cannot be removed`, () => rm(markPath(output), { force: true }));
}

/**
 * Reads the mark of a file with records.
 *
 * @param output - Path of the records; a link is followed.
 * @returns undefined where there is none that can be read: the records are then not known to be complete
 */
export async function readShardMark(output: string): Promise<ShardMark | undefined> {
  try {
    const mark = JSON.parse(await readFile(markPath(await realpath(output)), 'utf8')) as Partial<ShardMark> | null;
    const { shard, run, bytes, provenance = null } = mark ?? {};
    const whole =
      Number.isInteger(shard?.index) &&
      Number.isInteger(shard?.count) &&
      typeof run === 'string' &&
      Number.isInteger(bytes);
    return whole ? ({ shard, run, bytes, provenance } as ShardMark) : undefined;
  } catch {
    return undefined;
  }
}
