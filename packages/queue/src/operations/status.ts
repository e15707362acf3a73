/** `status`: how far a queue is. */
import { checkInteger } from 'hyperiqa/add-on';
import type { Ledger } from '../ledger/ledger.js';
import type { QueueOptions } from '../settings/options.js';
import type { QueueSettings } from '../settings/settings.js';
import { withQueue } from './access.js';

/** State of a queue. */
export interface QueueStatus {
  readonly queue: string;
  readonly settings: QueueSettings;
  /** Workers take no chunks: `pause` was called. */
  readonly paused: boolean;
  /** Workers that are connected. */
  readonly workers: number;
  /** `enqueue` calls that are under way: totals still grow. */
  readonly enqueuing: number;
  /** Every image that was enqueued has its result, and no `enqueue` is under way. */
  readonly complete: boolean;
  readonly chunks: {
    readonly total: number;
    readonly done: number;
    /** Waiting for a worker. */
    readonly waiting: number;
    /** Being scored. */
    readonly active: number;
    /** Waiting for their next attempt. */
    readonly delayed: number;
    /** Given up after their last attempt. */
    readonly dead: number;
  };
  readonly images: {
    readonly total: number;
    /** With a result, whether a score or an error. */
    readonly done: number;
    readonly scored: number;
    readonly failed: number;
  };
  /** Images whose result is an error, by its code. */
  readonly failures: Readonly<Record<string, number>>;
  /** Images a second over the last five minutes; null before the first. */
  readonly rate: number | null;
  /** At this rate, for what is enqueued so far; null where the rate is unknown or 0. */
  readonly secondsLeft: number | null;
  /** Dead letters: chunks that were given up, at most `deadLetters` of them, the newest first. */
  readonly deadLetters: readonly DeadLetter[];
}

/** A chunk that was given up. `retry` puts it back into the queue. */
export interface DeadLetter {
  readonly chunk: string;
  readonly images: readonly string[];
  /** Code and message of the last attempt. */
  readonly reason: string;
  readonly attempts: number;
  /** Time of the last attempt, ISO 8601. */
  readonly at: string | null;
}

/** Options of `status`. */
export interface StatusOptions extends QueueOptions {
  /** Number of dead letters that are listed, 0 to 10000. Default 20. */
  deadLetters?: number;
}

/**
 * State of a queue.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT; ERR_QUEUE_CONNECTION; ERR_QUEUE_NOT_FOUND
 */
export async function status(options: StatusOptions = {}): Promise<QueueStatus> {
  const { deadLetters = 20, ...queue } = options;
  checkInteger('deadLetters', deadLetters, 0, 10_000);
  return withQueue(queue, async ({ queue: name, ledger, jobs, settings }) => {
    // Read before the counts: a call that ends in between makes the queue look unfinished, not finished.
    const enqueuing = await ledger.enqueuers();
    const [counts, states, paused, workers, dead] = await Promise.all([
      ledger.counts(),
      jobs.getJobCounts('waiting', 'active', 'delayed', 'failed'),
      jobs.isPaused(),
      jobs.getWorkersCount(),
      deadLetters === 0 ? [] : jobs.getFailed(0, deadLetters - 1),
    ]);
    const rate = await rateOf(ledger, counts.firstDone);
    const left = counts.images - counts.doneImages;
    return {
      queue: name,
      settings,
      paused,
      workers,
      enqueuing,
      complete: enqueuing === 0 && counts.doneImages === counts.images,
      chunks: {
        total: counts.chunks,
        done: counts.doneChunks,
        waiting: states.waiting ?? 0,
        active: states.active ?? 0,
        delayed: states.delayed ?? 0,
        dead: states.failed ?? 0,
      },
      images: {
        total: counts.images,
        done: counts.doneImages,
        scored: counts.doneImages - counts.failedImages,
        failed: counts.failedImages,
      },
      failures: counts.failures,
      rate,
      secondsLeft: rate === null || rate === 0 ? null : left / rate,
      deadLetters: dead.map(({ id = '', data, failedReason, attemptsMade, finishedOn }) => ({
        chunk: id,
        images: data.images,
        reason: failedReason,
        attempts: attemptsMade,
        at: finishedOn === undefined ? null : new Date(finishedOn).toISOString(),
      })),
    };
  });
}

async function rateOf(ledger: Ledger, firstDone: number | undefined): Promise<number | null> {
  if (firstDone === undefined) return null;
  const { images, seconds } = await ledger.recent(firstDone);
  return images / seconds;
}
