// Time that the host's own files wait while large images are decoded: both use the threads of libuv's pool.
//   node bench/host-reads.mjs [--images 24] [--rounds 3]
//
// Scores photographs of 24 megapixels all at once, in a process for each way, while it reads a small file over and over, and
// prints the longest and the median read. `alone` reads without scoring.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import sharp from 'sharp';

import { root } from '../scripts/lib/paths.mjs';

const { values } = parseArgs({
  options: { images: { type: 'string', default: '24' }, rounds: { type: 'string', default: '3' } },
});
const folder = mkdtempSync(join(tmpdir(), 'hyperiqa-reads-'));
const photo = join(folder, 'large.jpg');
await sharp(join(root, 'examples/photos/kitten.jpg')).resize(6000, 4000, { fit: 'fill' }).toFile(photo);

const PROGRAM = `
  import { readFile } from 'node:fs/promises';
  import { setTimeout as sleep } from 'node:timers/promises';
  const { HyperIQA } = await import(${JSON.stringify(join(root, 'dist/index.js'))});
  const [options, images, photo] = [JSON.parse(process.argv[1]), Number(process.argv[2]), process.argv[3]];
  const iqa = await HyperIQA.load(options);
  await iqa.score(photo);
  let busy = true;
  const scored = images === 0 ? sleep(2000) : Promise.all(Array.from({ length: images }, () => iqa.score(photo)));
  scored.then(() => (busy = false));
  const reads = [];
  while (busy) {
    const started = performance.now();
    await readFile(process.argv[4]);
    reads.push(performance.now() - started);
    await sleep(1);
  }
  reads.sort((a, b) => a - b);
  console.log(JSON.stringify({ longest: reads.at(-1), median: reads[reads.length >> 1] }));
  await iqa.dispose();`;

const ways = [
  { name: 'alone', images: 0 },
  { name: 'as it is' },
  { name: 'maxDecoding: 1', options: { maxDecoding: 1 } },
  { name: 'UV_THREADPOOL_SIZE=8', env: { UV_THREADPOOL_SIZE: '8' } },
];

console.log(
  `${cpus()[0].model}, ${cpus().length} processors, Node.js ${process.version}, load ${loadavg()[0].toFixed(2)}`,
);
for (let round = 0; round < Number(values.rounds); round++) {
  for (const { name, options = {}, env = {}, images = Number(values.images) } of ways) {
    const args = [JSON.stringify(options), String(images), photo, join(root, 'package.json')];
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', PROGRAM, ...args], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { longest, median } = JSON.parse(stdout);
    console.log(`${name}: longest read ${longest.toFixed(0)} ms, median ${median.toFixed(1)} ms`);
  }
}
rmSync(folder, { recursive: true });
