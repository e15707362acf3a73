// Makes 100,000 calls that a full queue refuses, and reports what is left of them, in bytes: a child of streams.test.ts.
//   node --expose-gc test/api/refusals.mjs MODEL
import { PassThrough } from 'node:stream';
import { getHeapStatistics } from 'node:v8';
import { HyperIQA } from 'hyperiqa';

const iqa = await HyperIQA.load(process.argv[2], {
  device: 'cpu',
  graphMode: 'freeze',
  selfCheck: false,
  maxPending: 1,
});
const { signal } = new AbortController();
const stream = new PassThrough();
const first = iqa.score(stream, { signal });
const bytes = Buffer.alloc(1000);
let refused = 0;
const refuse = async (count) => {
  for (let i = 0; i < count; i += 1000) {
    const calls = Array.from({ length: 1000 }, () => iqa.score(bytes, { signal }));
    for (const { reason } of await Promise.allSettled(calls)) if (reason?.code === 'ERR_QUEUE_FULL') refused++;
  }
};
const held = async () => {
  // Twice, with a turn of the event loop: what finalizers hold goes in the second.
  for (let i = 0; i < 2; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return { heap: process.memoryUsage().heapUsed, handles: getHeapStatistics().used_global_handles_size };
};
await refuse(5000);
refused = 0;
const before = await held();
await refuse(100_000);
const after = await held();
stream.destroy();
await first.catch(() => undefined);
process.stdout.write(
  JSON.stringify({ refused, heap: after.heap - before.heap, handles: after.handles - before.handles }),
);
await iqa.dispose();
