/** Runs the arithmetic in a worker thread, so that seconds of it do not stop the event loop. */
import { Worker } from 'node:worker_threads';
import { HyperIQAError, toHyperIQAError } from 'hyperiqa/add-on';
import type { Computed, Job } from './compute.js';

/** Answer of the worker. */
export type Answer = { computed: Computed } | { code: string; message: string };

/** @throws HyperIQAError ERR_ABORTED, and what `compute` throws */
export function computeInThread(job: Job, signal: AbortSignal | undefined): Promise<Computed> {
  const aborted = () => new HyperIQAError('ERR_ABORTED', 'The evaluation was aborted.', { cause: signal?.reason });
  if (signal?.aborted) return Promise.reject(aborted());
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: job });
    const abort = () => {
      reject(aborted());
      void worker.terminate();
    };
    signal?.addEventListener('abort', abort, { once: true });
    worker.once('message', (answer: Answer) => {
      if ('computed' in answer) resolve(answer.computed);
      else reject(toHyperIQAError(Object.assign(new Error(answer.message), { code: answer.code })));
    });
    worker.once('error', (error) => {
      reject(toHyperIQAError(error));
    });
    worker.once('exit', () => {
      signal?.removeEventListener('abort', abort);
      // After an answer this changes nothing.
      reject(new HyperIQAError('ERR_INTERNAL', 'The thread of the evaluation ended without an answer.'));
    });
  });
}
