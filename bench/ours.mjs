// The hyperiqa side of bench/run.mjs: a process that scores lists of images on request and reports what it cost.
//   node bench/ours.mjs MODEL CROPS SEED
// Reads one JSON list of paths a line, answers one JSON object a line.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { HyperIQA } from '../dist/index.js';

const [model, crops, seed] = process.argv.slice(2);
const iqa = await HyperIQA.load(model);
const { graphMode, workers, threadsPerWorker, batchSize, devices, versions } = iqa.info;
console.log(JSON.stringify({ graphMode, workers, threadsPerWorker, batchSize, device: devices, versions }));

const options = { protocol: 'official', crops: Number(crops), seed: Number(seed) };
for await (const line of createInterface({ input: process.stdin })) {
  const files = JSON.parse(line);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const start = performance.now();
  const scores = [];
  for await (const item of iqa.scoreAll(files, options)) {
    if (item.error) throw item.error;
    scores.push(item.result.score);
  }
  const seconds = (performance.now() - start) / 1000;
  delay.disable();
  const milliseconds = (nanoseconds) => nanoseconds / 1e6;
  console.log(
    JSON.stringify({
      seconds,
      scores,
      eventLoopDelay: {
        p50: milliseconds(delay.percentile(50)),
        p99: milliseconds(delay.percentile(99)),
        max: milliseconds(delay.max),
      },
      peakMemory: process.resourceUsage().maxRSS * 1024,
    }),
  );
}
await iqa.dispose();
