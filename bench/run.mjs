// Speed and memory beside the reference loop: same images, same weights, same crops, in turns within one run.
//   node bench/run.mjs [--rounds 7] [--crops 10] [--seed 7] [--images FOLDER] [--json FILE]
//
// Per round the reference (PyTorch, one crop at a time, as the published demo does it) and hyperiqa do the same work, in
// an order that turns round by round, so that a drift of the machine's speed meets both. Ratios are taken within a round;
// their median and range are printed. Scores are compared, too: a speed-up that changes the numbers is none. How far the
// engine is from LibTorch's bare forward is measured by build/native/bench/hyperiqa_forward (see docs/benchmarks.md).
import { spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { root } from '../scripts/lib/paths.mjs';
import { cacheFolder } from '../scripts/lib/typescript.mjs';
import { run } from '../scripts/lib/run.mjs';
import { modelsPython } from '../scripts/python-env.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    crops: { type: 'string', default: '10' },
    seed: { type: 'string', default: '7' },
    images: { type: 'string', default: join(root, 'examples/photos') },
    json: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const files = readdirSync(values.images)
  .filter((name) => /\.(jpe?g|png|webp)$/i.test(name))
  .sort()
  .map((name) => join(values.images, name));

/** A process that answers one JSON line for each JSON line; `ready` is the first line it says by itself. */
async function peer(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${command} ${args.join(' ')} ended early`);
    return JSON.parse(value);
  };
  return {
    ready: await next(),
    ask(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      return next();
    },
    end: () => child.stdin.end(),
  };
}

const summary = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1) };
};
const show = ({ median, min, max }, digits = 2) =>
  `${median.toFixed(digits)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;

const python = modelsPython();
const models = join(cacheFolder(), 'bench-models');
run(python, ['models/make_test_model.py', models]);
const model = join(models, 'hyperiqa-test-resnet50.pt');
const checkpoint = join(models, 'hyperiqa-test-resnet50.pkl');

// The processes live side by side; one works at a time.
const reference = await peer(python, ['bench/reference_loop.py', checkpoint, values.crops, values.seed]);
const ours = await peer(process.execPath, ['bench/ours.mjs', model, values.crops, values.seed]);

const work = {
  reference: () => reference.ask(files),
  ours: () => ours.ask(files),
};
for (const once of Object.values(work)) await once(); // warm-up, not counted
const seen = { reference: [], ours: [] };
for (let round = 0; round < rounds; round++) {
  const names = Object.keys(work);
  for (let turn = 0; turn < names.length; turn++) {
    const name = names[(round + turn) % names.length];
    seen[name].push(await work[name]());
  }
}
for (const child of [reference, ours]) child.end();

const ratio = (name) => summary(seen.ours.map((answer, round) => seen[name][round].seconds / answer.seconds));
const perSecond = (name) => summary(seen[name].map((answer) => files.length / answer.seconds));
const peak = (name) => Math.max(...seen[name].map((answer) => answer.peakMemory)) / 2 ** 20;
const difference = Math.max(
  ...seen.ours[0].scores.map((score, index) => Math.abs(score - seen.reference[0].scores[index])),
);
const result = {
  machine: { processor: cpus()[0].model, cores: cpus().length },
  configuration: { ...ours.ready, reference: reference.ready },
  work: { images: files.length, crops: Number(values.crops), rounds },
  imagesPerSecond: { reference: perSecond('reference'), ours: perSecond('ours') },
  speedup: ratio('reference'),
  largestScoreDifference: difference,
  eventLoopDelayP99: summary(seen.ours.map((answer) => answer.eventLoopDelay.p99)),
  peakMemoryMiB: { reference: peak('reference'), ours: peak('ours') },
};

console.log(`${result.machine.processor}, ${result.machine.cores} cores; median (min to max) of ${rounds} rounds`);
console.log(
  `${files.length} images, ${values.crops} crops each, ResNet-50; graph mode ${ours.ready.graphMode}, ` +
    `${ours.ready.workers} workers of ${ours.ready.threadsPerWorker} threads, batches of up to ${ours.ready.batchSize}`,
);
console.log(`reference loop      ${show(result.imagesPerSecond.reference)} images/s`);
console.log(`hyperiqa            ${show(result.imagesPerSecond.ours)} images/s`);
console.log(`against reference   ${show(result.speedup)} times as fast`);
console.log(`largest difference of a score ${difference.toExponential(1)} points`);
console.log(`event-loop delay p99 ${show(result.eventLoopDelayP99)} ms`);
console.log(
  `peak memory         reference ${peak('reference').toFixed(0)} MiB, hyperiqa ${peak('ours').toFixed(0)} MiB`,
);
if (values.json) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
