/** Access of operators to a queue that is there. */
import { HyperIQAError } from 'hyperiqa';
import { chunkQueue, type ChunkQueue } from '../ledger/jobs.js';
import { Ledger } from '../ledger/ledger.js';
import { checkQueueOptions, type CheckedQueue, type QueueOptions } from '../settings/options.js';
import type { QueueSettings } from '../settings/settings.js';

export interface OpenQueue extends CheckedQueue {
  readonly ledger: Ledger;
  readonly jobs: ChunkQueue;
  readonly settings: QueueSettings;
}

/**
 * Does something with a queue.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT; ERR_QUEUE_CONNECTION; ERR_QUEUE_NOT_FOUND
 */
export async function withQueue<T>(options: QueueOptions, action: (queue: OpenQueue) => Promise<T>): Promise<T> {
  const checked = checkQueueOptions(options);
  const ledger = await Ledger.open(checked);
  try {
    const settings = await ledger.settings();
    if (settings === undefined) {
      throw new HyperIQAError(
        'ERR_QUEUE_NOT_FOUND',
        `There is no queue ${checked.queue}: nothing was enqueued under this name.`,
      );
    }
    const jobs = chunkQueue(checked);
    jobs.on('error', () => undefined);
    try {
      return await action({ ...checked, ledger, jobs, settings });
    } finally {
      await jobs.close();
    }
  } finally {
    ledger.close();
  }
}
