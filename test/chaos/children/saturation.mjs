// Submits, aborts and fails for so many seconds, with more work than the engine can do. Says how much memory there was.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { HyperIQA } from '../../../dist/index.js';

const [model, seconds, ...images] = process.argv.slice(2);
const iqa = await HyperIQA.load(model, { device: 'cpu', graphMode: 'freeze' });
const whole = images.map((path) => readFileSync(path));
const end = performance.now() + Number(seconds) * 1000;
const done = { scored: 0, aborted: 0, failed: 0, batches: 0 };
const unexpected = [];

async function one(n) {
  const bytes = whole[n % whole.length];
  // Every fifth cannot be decoded, every third is given up at some moment.
  const input = n % 5 === 0 ? bytes.subarray(0, 200) : n % 2 === 0 ? bytes : images[n % images.length];
  const signal = n % 3 === 0 ? AbortSignal.timeout(n % 40) : undefined;
  try {
    await iqa.score(input, { crops: { plan: 'random', count: 2 }, seed: n, ...(signal && { signal }) });
    done.scored++;
  } catch (error) {
    if (error.code === 'ERR_ABORTED') done.aborted++;
    else if (error.code?.startsWith('ERR_IMAGE_')) done.failed++;
    else unexpected.push(String(error));
  }
}

/** A batch that is left half way. */
async function batch() {
  let left = 3;
  for await (const { error } of iqa.scoreAll([...images, ...images, 'nowhere.jpg'], { crops: { plan: 'center' } })) {
    if (error && error.code !== 'ERR_IMAGE_NOT_FOUND') unexpected.push(String(error));
    if (--left === 0) break;
  }
  done.batches++;
}

const samples = [];
async function measure() {
  for (;;) {
    globalThis.gc();
    samples.push([performance.now() / 1000, process.memoryUsage().rss]);
    if (performance.now() >= end) return;
    await sleep(250);
  }
}

async function submit(worker) {
  for (let n = worker; performance.now() < end && unexpected.length === 0; n += 16) {
    if (n % 97 === 0) await batch();
    else await one(n);
  }
}

await Promise.all([measure(), ...Array.from({ length: 16 }, (_, worker) => submit(worker))]);
await iqa.dispose();
console.log(JSON.stringify({ done, unexpected, samples }));
