/** Controls for operators of a queue: stop it, let it go on, empty it, give dead letters another chance. */
import { identitiesOf } from '../ledger/jobs.js';
import type { QueueOptions } from '../settings/options.js';
import { withQueue, type OpenQueue } from './access.js';

/**
 * Workers finish the chunks that they have, and take no others until `resume`. Lasts, also over a restart of Redis.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT; ERR_QUEUE_CONNECTION; ERR_QUEUE_NOT_FOUND
 */
export async function pause(options: QueueOptions = {}): Promise<void> {
  await withQueue(options, ({ jobs }) => jobs.pause());
}

/**
 * Workers take chunks again.
 *
 * @throws HyperIQAError as `pause`
 */
export async function resume(options: QueueOptions = {}): Promise<void> {
  await withQueue(options, ({ jobs }) => jobs.resume());
}

/** Numbers of what `drain` or `retry` did. */
export interface Moved {
  readonly chunks: number;
  readonly images: number;
}

/** Jobs that are moved between looks at the queue. */
const PAGE = 100;

/**
 * Takes every chunk that waits out of the queue, dead letters included. Chunks that are being scored end as usual. The
 * images can be enqueued again.
 *
 * @returns what was taken out
 * @throws HyperIQAError as `pause`
 */
export async function drain(options: QueueOptions = {}): Promise<Moved> {
  return withQueue(options, async (queue) => {
    const all = await Promise.all((['waiting', 'delayed', 'failed'] as const).map((state) => drainState(queue, state)));
    return {
      chunks: all.reduce((sum, { chunks }) => sum + chunks, 0),
      images: all.reduce((sum, { images }) => sum + images, 0),
    };
  });
}

async function drainState({ ledger, jobs }: OpenQueue, state: 'waiting' | 'delayed' | 'failed'): Promise<Moved> {
  let [chunks, images] = [0, 0];
  /** Chunks that were not taken out stay at the front of the list. */
  let kept = 0;
  for (;;) {
    const found = await jobs.getJobs(state, kept, kept + PAGE - 1);
    if (found.length === 0) return { chunks, images };
    for (const { id = '', data } of found) {
      // Should this process end in the middle, the next enqueue makes a job of it again.
      await ledger.toOutbox(id, JSON.stringify(data));
      const removed = (await jobs.getJobState(id)) !== 'active' && (await jobs.remove(id)) === 1;
      if (removed && (await ledger.release(id, identitiesOf(data)))) {
        chunks++;
        images += data.images.length;
      } else {
        await ledger.delivered(id);
        if (!removed) kept++;
      }
    }
  }
}

/**
 * Puts the dead letters back into the queue, with all their attempts.
 *
 * @returns what was put back
 * @throws HyperIQAError as `pause`
 */
export async function retry(options: QueueOptions = {}): Promise<Moved> {
  return withQueue(options, async ({ jobs }) => {
    let [chunks, images] = [0, 0];
    for (;;) {
      const found = await jobs.getFailed(0, PAGE - 1);
      if (found.length === 0) return { chunks, images };
      for (const job of found) {
        await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true });
        chunks++;
        images += job.data.images.length;
      }
    }
  });
}
