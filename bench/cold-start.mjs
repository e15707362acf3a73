// Time to the first score from nothing: a new process, the default model, one photograph.
//   node bench/cold-start.mjs [--rounds 5] [--threads N] [--photo FILE]
//
// Three ways, in turns: `measured` begins with an empty cache folder and measures how the model runs best, `untuned` does not
// (`tuning: false`), `cached` finds what was measured before. Printed are median and range over the rounds of the whole, as
// its parent sees it, and of its parts, as the process sees them. The files themselves are in the system's cache from the first,
// uncounted round on.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { root } from '../scripts/lib/paths.mjs';
import { findLibTorch } from '../dist/libtorch/locate.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string' },
    photo: { type: 'string', default: join(root, 'examples/photos/kitten.jpg') },
  },
});
const threads = values.threads === undefined ? {} : { threads: Number(values.threads) };
// Found before the cache folder, where it may lie, is another one.
const libtorch = findLibTorch().path;
const warm = mkdtempSync(join(tmpdir(), 'hyperiqa-cold-'));

const PROGRAM = `
  const started = performance.now();
  const { HyperIQA } = await import(${JSON.stringify(join(root, 'dist/index.js'))});
  const imported = performance.now();
  const iqa = await HyperIQA.load(JSON.parse(process.argv[1]));
  const loaded = performance.now();
  await iqa.score(process.argv[2]);
  const scored = performance.now();
  console.log(JSON.stringify({ import: imported - started, load: loaded - imported, score: scored - loaded, tuning: iqa.info.tuning }));
  await iqa.dispose();`;

/** One process from its start to its first score, in milliseconds. */
async function start(options, cache) {
  const started = performance.now();
  const args = ['--input-type=module', '--eval', PROGRAM, JSON.stringify({ ...options, ...threads }), values.photo];
  const env = { ...process.env, HYPERIQA_CACHE: cache, HYPERIQA_LIBTORCH: libtorch };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let first;
  let text = '';
  for await (const chunk of child.stdout) {
    first ??= performance.now() - started;
    text += chunk;
  }
  const { tuning, ...parts } = JSON.parse(text);
  return { tuning, whole: first, ...parts };
}

async function withEmptyCache(options) {
  const cache = mkdtempSync(join(tmpdir(), 'hyperiqa-cold-'));
  try {
    return await start(options, cache);
  } finally {
    rmSync(cache, { recursive: true });
  }
}

const ways = {
  measured: () => withEmptyCache({}),
  untuned: () => withEmptyCache({ tuning: false }),
  cached: () => start({}, warm),
};

const seconds = (numbers) => {
  const sorted = numbers.toSorted((a, b) => a - b);
  const show = (value) => (value / 1000).toFixed(2);
  return `${show(sorted[sorted.length >> 1])} (${show(sorted[0])} to ${show(sorted.at(-1))})`;
};

await start({}, warm);
const seen = Object.fromEntries(Object.keys(ways).map((way) => [way, []]));
console.log(
  `${cpus()[0].model}, ${cpus().length} processors, Node.js ${process.version}, load ${loadavg()[0].toFixed(2)} at the start`,
);
for (let round = 0; round < Number(values.rounds); round++) {
  for (const [way, run] of Object.entries(ways)) seen[way].push(await run());
}
console.log(`load ${loadavg()[0].toFixed(2)} at the end; seconds, median (minimum to maximum) of ${values.rounds}`);
for (const [way, runs] of Object.entries(seen)) {
  const parts = ['whole', 'import', 'load', 'score'].map((part) => `${part} ${seconds(runs.map((run) => run[part]))}`);
  console.log(`${way} (info.tuning ${[...new Set(runs.map(({ tuning }) => tuning))].join(', ')}): ${parts.join(', ')}`);
}
rmSync(warm, { recursive: true });
