/** Loads each of the files it is given in this process and tells what came of it, a line of JSON for each. */
import { createInterface } from 'node:readline';
import { loadBinding } from '../../dist/libtorch/addon.js';

const { binding } = await loadBinding();
const common = { trustModel: false, threads: 1, selfCheck: true, maxQueueImages: 1, maxQueueBytes: 1 };
for await (const line of createInterface({ input: process.stdin })) {
  const [kind, modelPath] = JSON.parse(line);
  const options = { ...common, modelPath };
  let outcome;
  try {
    const engine = await (kind === 'faces'
      ? binding.loadDetector({ ...options, device: 'cpu' })
      : binding.load({ ...options, devices: ['cpu'], dtype: 'fp32', batchSize: 4, graphMode: 'freeze', tuning: false, tuningFile: '' }));
    await engine.dispose();
    outcome = { code: 'loaded', message: '' };
  } catch (error) {
    outcome = { code: error.code, message: error.message };
  }
  process.send({ ...outcome, rss: process.memoryUsage.rss() });
}
process.disconnect();
