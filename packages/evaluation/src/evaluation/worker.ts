/** The thread of an evaluation: one job in, one answer out. It starts without hyperiqa, which would take longer to load. */
import { parentPort, workerData } from 'node:worker_threads';
import { compute, type Job } from './compute.js';
import type { Answer } from './thread.js';

function answer(): Answer {
  try {
    return { computed: compute(workerData as Job) };
  } catch (error) {
    const { code = '', message } = error as Error & { code?: string };
    return { code, message };
  }
}

parentPort?.postMessage(answer());
