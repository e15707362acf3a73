// Loads the model files whose kinds and paths come as lines of JSON on standard input, and says what came of each.
import { createInterface } from 'node:readline';

import { HyperIQA } from '../../../dist/index.js';
import { FaceDetector } from '../../../dist/faces/index.js';

const options = { device: 'cpu', threads: 1 };
for await (const line of createInterface({ input: process.stdin })) {
  const [kind, path] = JSON.parse(line);
  let answer;
  try {
    const model = await (kind === 'faces'
      ? FaceDetector.load(path, options)
      : HyperIQA.load(path, { ...options, graphMode: 'freeze' }));
    await model.dispose();
    answer = { code: 'loaded' };
  } catch (error) {
    answer = { code: error.code ?? String(error), message: error.message };
  }
  // Kibibytes, the most so far.
  console.log(JSON.stringify({ ...answer, peak: process.resourceUsage().maxRSS }));
}
