// Submits to a full queue some 100,000 times and reports what is left of it, in bytes: a child of refusals.test.ts, so that
// nothing else is in its memory.
//   node --expose-gc test/native/refusals.mjs ADDON LOADER MODEL LIBRARIES…
import { createRequire } from 'node:module';
import { getHeapStatistics } from 'node:v8';

const SUBMISSIONS = 100_000;
const [addon, loader, modelPath, ...libraries] = process.argv.slice(2);
const require = createRequire(import.meta.url);
await require(loader).open(libraries);
const engine = await require(addon).load({
  modelPath,
  trustModel: false,
  devices: ['cpu'],
  dtype: 'fp32',
  threads: 1,
  batchSize: 1,
  graphMode: 'freeze',
  tuning: true,
  tuningFile: '',
  selfCheck: false,
  maxQueueImages: 1,
  maxQueueBytes: 2 ** 30,
});
const pixels = new Uint8Array(224 * 224 * 3);
const submit = (count) =>
  engine.score(pixels, 224, 224, {
    resize: { mode: 'none' },
    minimumSide: 224,
    crops: { plan: 'random', count },
    seed: 0n,
  });
const held = () => {
  globalThis.gc();
  return getHeapStatistics().used_global_handles_size;
};

const running = submit(100_000);
running.result.catch(() => undefined);
let refused = 0;
const refuse = () => {
  try {
    submit(1);
  } catch (error) {
    if (error.code === 'ERR_QUEUE_FULL') refused++;
  }
};
refuse();
const before = held();
for (let i = 0; i < SUBMISSIONS; i++) refuse();
process.stdout.write(JSON.stringify({ refused, grown: held() - before }));
engine.cancel(running.id);
await engine.dispose();
