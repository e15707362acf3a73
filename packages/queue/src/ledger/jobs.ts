/** Chunks as jobs of BullMQ. */
import { createHash } from 'node:crypto';
import { Queue } from 'bullmq';
import type { CheckedQueue } from '../settings/options.js';
import { canonical, type QueueSettings } from '../settings/settings.js';
import { bullmqConnection, PREFIX } from './connection.js';
import { IDENTITY_BYTES, identityOf } from './identity.js';

/** Data of a job. */
export interface ChunkData {
  /** Names of the images. */
  readonly images: readonly string[];
  /** Their identities one after the other in Base64, where they do not follow from the names. */
  readonly identities?: string;
  /** Attempts before it goes to the dead letters. */
  readonly attempts: number;
}

export type ChunkQueue = Queue<ChunkData, undefined, 'chunk'>;

export function chunkQueue(options: CheckedQueue): ChunkQueue {
  return new Queue(options.queue, { connection: bullmqConnection(options), prefix: PREFIX });
}

/** A name for a chunk that the same images and settings give again. Begins with a letter, as BullMQ wants it. */
export function chunkName(settings: QueueSettings, identities: readonly Buffer[]): string {
  const hash = createHash('sha256').update(canonical(settings));
  for (const identity of identities) hash.update(identity);
  return `c${hash.digest('hex').slice(0, 31)}`;
}

export function identitiesOf({ images, identities }: ChunkData): Buffer[] {
  if (identities === undefined) return images.map(identityOf);
  const blob = Buffer.from(identities, 'base64');
  return images.map((_, i) => blob.subarray(i * IDENTITY_BYTES, (i + 1) * IDENTITY_BYTES));
}

/** Adds the job of a chunk. To add one again that waits or runs changes nothing. */
export async function addJob(queue: ChunkQueue, chunk: string, data: ChunkData): Promise<void> {
  await queue.add('chunk', data, {
    jobId: chunk,
    attempts: data.attempts,
    backoff: { type: 'exponential', delay: 2000, jitter: 0.5 },
    // The ledger keeps what is worth knowing of a chunk that is done.
    removeOnComplete: true,
    stackTraceLimit: 1,
  });
}
