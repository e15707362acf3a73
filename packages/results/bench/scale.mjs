// Merge and queries at scale, over made-up results.
//   node packages/results/bench/scale.mjs [--rows 10000000] [--shards 16] [--folder FOLDER]
//
// Writes the rows as shards in JSON lines, with one crop a record, joins them to Parquet with `hyperiqa merge`, and runs the query of
// docs/scale.md over the table with DuckDB. Prints times, sizes and the peak memory of the merge. Deletes what it made. Of 10
// million rows the shards have 5 GB, and the merge another 3 GB.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { shardOf } from 'hyperiqa/add-on';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000000' },
    shards: { type: 'string', default: '16' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const rows = Number(values.rows);
const shards = Number(values.shards);
const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(values.folder, 'hyperiqa-scale-'));
const megabytes = (path) => `${(statSync(path).size / 1e6).toFixed(0)} MB`;

const run = `model=${'cb2b43bf'.repeat(8)} protocol=native crops=grid seed=0 dtype=fp32 device=cpu provenance=false`;

/** A generator of numbers from 0 to 1 that are the same in every run (mulberry32). */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A record in a thousand folders; one of a thousand images failed. */
function recordOf(i, next, text) {
  const file = `photos/${String(i % 1000).padStart(3, '0')}/${String(i).padStart(9, '0')}.jpg`;
  const source = { size: 200_000 + Math.floor(next() * 4e6), mtimeMs: 1_795_000_000_000 + i };
  if (next() < 0.001) {
    return {
      file,
      error: { code: 'ERR_IMAGE_DECODE', message: 'The image is damaged or cut off.' },
      source,
      run: text,
    };
  }
  const score = 20 + 60 * next() + ((i % 1000) % 20);
  return {
    file,
    score,
    standardError: null,
    spread: 5 * next(),
    crops: [{ x: 80, y: 144, width: 224, height: 224, score }],
    width: 4000,
    height: 3000,
    resized: { width: 512, height: 384 },
    warnings: [],
    source,
    run: text,
  };
}

async function writeShards(into) {
  const next = random(1);
  const runs = Array.from({ length: shards }, (_, index) => `${run} shard=${index}/${shards}`);
  const streams = runs.map((_, index) => createWriteStream(join(into, `${index}.jsonl`)));
  const pieces = runs.map(() => []);
  const write = async (index) => {
    if (!streams[index].write(pieces[index].join(''))) await once(streams[index], 'drain');
    pieces[index] = [];
  };
  for (let i = 0; i < rows; i++) {
    const record = recordOf(i, next);
    const index = shardOf(record.file, shards);
    record.run = runs[index];
    pieces[index].push(`${JSON.stringify(record)}\n`);
    if (pieces[index].length === 2000) await write(index);
  }
  for (const [index, stream] of streams.entries()) {
    await write(index);
    stream.end();
    await once(stream, 'close');
    const mark = { shard: { index, count: shards }, run: runs[index], bytes: stream.bytesWritten, provenance: null };
    writeFileSync(join(into, `${index}.jsonl.shard.json`), JSON.stringify(mark));
  }
  return streams.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
}

/** Runs `hyperiqa merge`. @returns seconds, and the peak of its resident memory in MB */
async function merge(args) {
  const start = performance.now();
  const child = spawn(process.execPath, [join(root, 'dist/cli/main.js'), 'merge', ...args], { stdio: 'inherit' });
  let peak = 0;
  const watch = setInterval(() => {
    try {
      const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
      peak = Math.max(peak, Number(kilobytes ?? 0));
    } catch {
      // It has ended, or this system has no /proc.
    }
  }, 200);
  const [code] = await once(child, 'exit');
  clearInterval(watch);
  if (code !== 0) throw new Error(`merge ended with ${code}`);
  return { seconds: (performance.now() - start) / 1000, peak: peak / 1000 };
}

async function queries(table) {
  const page = readFileSync(join(root, 'docs/scale.md'), 'utf8');
  const [, sql] = /```sql\n(-- The worst images[^`]*)```/.exec(page);
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  for (const [name, text] of [
    ['query of docs/scale.md', sql.replaceAll("'scores.parquet'", `'${table}'`)],
    ['the same again', sql.replaceAll("'scores.parquet'", `'${table}'`)],
    ['one image by name', `SELECT score FROM '${table}' WHERE file = 'photos/007/000005007.jpg'`],
  ]) {
    const start = performance.now();
    const found = await connection.runAndReadAll(text);
    console.log(`${name}: ${((performance.now() - start) / 1000).toFixed(2)} s, ${found.currentRowCount} rows`);
  }
  connection.closeSync();
}

try {
  const into = join(folder, 'shards');
  mkdirSync(into);
  const start = performance.now();
  const bytes = await writeShards(into);
  console.log(
    `${rows} rows in ${shards} shards: ${(bytes / 1e6).toFixed(0)} MB, ${((performance.now() - start) / 1000).toFixed(0)} s`,
  );
  const table = join(folder, 'scores.parquet');
  const { seconds, peak } = await merge([into, '-o', table]);
  console.log(`merge: ${seconds.toFixed(0)} s, peak memory ${peak.toFixed(0)} MB, ${megabytes(table)}`);
  await queries(table);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
