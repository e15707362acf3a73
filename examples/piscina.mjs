// Scores in a pool of Piscina, for a program whose work is in workers already. A pool makes nothing faster: one scorer uses
// all cores, and never blocks the event loop. Each worker holds a model, so that a few with few threads each are the rule.
//   npm install hyperiqa piscina
//   node piscina.mjs PHOTO...
import { availableParallelism } from 'node:os';
import { isMainThread } from 'node:worker_threads';
import { HyperIQA, HyperIQAError } from 'hyperiqa';
import { Piscina } from 'piscina';

const WORKERS = 2;
const threads = Math.max(1, Math.floor(availableParallelism() / WORKERS));
const iqa = isMainThread ? undefined : await HyperIQA.load({ device: 'cpu', threads });

/** Runs in a worker. Errors lose class and code on the way out of it: a plain object takes their place. */
export default async function score(photo) {
  try {
    return { score: (await iqa.score(photo)).score };
  } catch (error) {
    return { error: HyperIQAError.from(error).toJSON() };
  }
}

if (isMainThread) {
  const pool = new Piscina({
    filename: import.meta.url,
    minThreads: WORKERS,
    maxThreads: WORKERS,
    concurrentTasksPerWorker: 8,
  });
  const scoreInPool = async (photo) => {
    const { score, error } = await pool.run(photo);
    if (error) throw HyperIQAError.from(error);
    return score;
  };
  const photos = process.argv.slice(2);
  for (const [i, { value, reason }] of (await Promise.allSettled(photos.map(scoreInPool))).entries()) {
    if (reason) console.error(`${photos[i]}: ${reason.code}: ${reason.message}`);
    else console.log(`${photos[i]}: ${value.toFixed(1)}`);
    if (reason) process.exitCode = 1;
  }
  await pool.close();
}
