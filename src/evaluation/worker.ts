/** The thread of an evaluation: one job in, one answer out. */
import { parentPort, workerData } from 'node:worker_threads';
import { toHyperIQAError } from '../errors.js';
import { compute, type Job } from './compute.js';
import type { Answer } from './thread.js';

function answer(): Answer {
  try {
    return { computed: compute(workerData as Job) };
  } catch (error) {
    const { code, message } = toHyperIQAError(error);
    return { code, message };
  }
}

parentPort?.postMessage(answer());
