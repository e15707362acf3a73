// Scores the files whose paths come as lines of JSON on standard input, one after the other, and says what came of each.
import { createInterface } from 'node:readline';

import { HyperIQA } from '../../../dist/index.js';

const [model] = process.argv.slice(2);
const iqa = await HyperIQA.load(model, { device: 'cpu', graphMode: 'freeze', threads: 1 });

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const { score } = await iqa.score(JSON.parse(line), { crops: { plan: 'center' }, limitInputPixels: 4e6 });
    answer = { score };
  } catch (error) {
    answer = { code: error.code ?? String(error), message: error.message };
  }
  // Kibibytes, the most so far.
  console.log(JSON.stringify({ ...answer, peak: process.resourceUsage().maxRSS }));
}
await iqa.dispose();
