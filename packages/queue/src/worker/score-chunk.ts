/** Scores the images of a chunk. */
import { resolve } from 'node:path';
import { HyperIQAError, resolveProtocol, type HyperIQA, type Provenance, type ScoreAllOptions } from 'hyperiqa';
import { describeRun, failedRecord, scoredRecord, sourceOf, type ScoreRecord } from 'hyperiqa/add-on';
import type { QueueSettings } from '../settings/settings.js';
import { objectName } from '../storage/names.js';
import type { Buckets } from '../storage/s3.js';
import { pause } from '../support/waiting.js';
import type { Scored } from './shard.js';

/** Failures that may pass: the image is tried again. */
const PASSING: readonly string[] = ['ERR_IMAGE_READ', 'ERR_OUT_OF_MEMORY'];
/** Failures that say nothing of the image: the chunk is tried again, on this machine or another. */
const NOT_OF_THE_IMAGE: readonly string[] = ['ERR_DISPOSED', 'ERR_INTERNAL'];
/** Pauses before further attempts at images, ms. */
const PAUSES = [1000, 5000];

/** The parts of a worker that a chunk is scored with. */
export interface ChunkContext {
  readonly iqa: HyperIQA;
  readonly settings: QueueSettings;
  /** Folder that relative names start from. */
  readonly root: string;
  readonly buckets: Buckets;
  readonly signal: AbortSignal;
}

/**
 * A record for each image, in order.
 *
 * @throws HyperIQAError ERR_ABORTED; ERR_IMAGE_READ where not one of several images can be read: the storage is not there,
 *   and records would make its absence final; ERR_DISPOSED, ERR_INTERNAL
 */
export async function scoreChunk(images: readonly string[], context: ChunkContext): Promise<Scored> {
  const records: ScoreRecord[] = [];
  let provenance: Provenance | undefined;
  let open = images.map((_, i) => i);
  for (let attempt = 0; open.length > 0; attempt++) {
    const again: number[] = [];
    for await (const [index, record, origin] of attempts(images, open, context)) {
      records[index] = record;
      provenance ??= origin;
      if ('error' in record && PASSING.includes(record.error.code)) again.push(index);
    }
    const wait = PAUSES[attempt];
    open = wait === undefined ? [] : again.sort((a, b) => a - b);
    if (open.length > 0) await pause(wait ?? 0, context.signal);
  }
  requireReadable(records);
  return { records, provenance };
}

async function* attempts(
  images: readonly string[],
  open: readonly number[],
  { iqa, settings, root, buckets, signal }: ChunkContext,
): AsyncGenerator<[index: number, record: ScoreRecord, origin?: Provenance], void, undefined> {
  const scoring = { ...settings.scoring, seed: BigInt(settings.scoring.seed) };
  const options: ScoreAllOptions = { ...scoring, order: 'completed', signal };
  // As `hyperiqa score --output` has it, so that results of either kind are joined, and a run goes on with them.
  const run = describeRun(iqa.info, {
    ...scoring,
    protocol: resolveProtocol(iqa.info.model, scoring),
    provenance: settings.provenance,
  });
  /** Errors of the storage by image: they replace the scorer's, which know of a stream that broke off only. */
  const refused = new Map<number, HyperIQAError>();
  const inputs = open.map((index) => {
    const name = images[index] ?? '';
    const object = objectName(name);
    if (object === undefined) return resolve(root, name);
    return watched(buckets.read(object, signal), (error) => refused.set(index, error));
  });
  for await (const item of iqa.scoreAll<string | AsyncIterable<Uint8Array>>(inputs, options)) {
    const index = open[item.index] ?? 0;
    const name = images[index] ?? '';
    const source = typeof item.input === 'string' ? await sourceOf(item.input) : null;
    if (item.result) {
      const record = scoredRecord(name, item.result, settings.provenance);
      yield [index, { ...record, source, run }, item.result.provenance];
      continue;
    }
    const error = refused.get(index) ?? item.error;
    if (NOT_OF_THE_IMAGE.includes(error.code)) throw error;
    yield [index, { ...failedRecord(name, error), source, run }];
  }
}

/** The same chunks; what breaks them off is told. */
async function* watched(
  chunks: AsyncIterable<Uint8Array>,
  tell: (error: HyperIQAError) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* chunks;
  } catch (error) {
    if (error instanceof HyperIQAError) tell(error);
    throw error;
  }
}

function requireReadable(records: readonly ScoreRecord[]): void {
  const unread = records.filter(
    (record) => 'error' in record && ['ERR_IMAGE_NOT_FOUND', 'ERR_IMAGE_READ'].includes(record.error.code),
  );
  const [first] = unread;
  if (records.length < 2 || unread.length < records.length || first === undefined || !('error' in first)) return;
  throw new HyperIQAError(
    'ERR_IMAGE_READ',
    `Not one of the ${records.length} images can be read; the first: ${first.error.message}`,
  );
}
