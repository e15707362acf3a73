/** The places in libuv's thread pool that all images of the process share, whatever scorer or detector they are for. */
import { availableParallelism } from 'node:os';

import { environmentVariable } from '../support/environment.js';
import { Slots } from './slots.js';

/**
 * Images that sharp works on at the same time: as many as there are processors, but always one thread of libuv's pool
 * less than it has (4, or UV_THREADPOOL_SIZE), for the files and look-ups of the host process.
 */
export function decodingPlaces(): number {
  const pool = Math.floor(Number(environmentVariable('UV_THREADPOOL_SIZE') ?? 4)) || 4;
  return Math.max(1, Math.min(availableParallelism(), pool - 1));
}

const places = new Slots(decodingPlaces());

/** Does work of sharp's as soon as there is a place for it. The work must not wait for another place of any kind. */
export async function inDecodingPlace<T>(work: () => Promise<T>): Promise<T> {
  await places.enter().turn;
  try {
    return await work();
  } finally {
    places.exit();
  }
}
