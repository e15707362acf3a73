// Measures queues on a Redis of its own: what images cost in Redis, and images a second with several workers.
//   node packages/queue/bench/scale.mjs [--names 1000000] [--images 1280] [--workers 1,2,4] [--model FILE]
// Scores copies of one small photograph with one thread a worker. Wants a calm machine, and says what its load was.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { enqueue, pause, resume } from '@hyperiqa/queue';
import { Redis } from 'ioredis';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const text = { type: 'string' };
const { values } = parseArgs({ options: { names: text, images: text, workers: text, model: text } });
const names = Number(values.names ?? 1e6);
const images = Number(values.images ?? 1280);
const workers = (values.workers ?? '1,2,4').split(',').map(Number);
const model = values.model && { model: values.model };

const folder = mkdtempSync(join(tmpdir(), 'hyperiqa-bench-'));
const port = await freePort();
const redis = `redis://127.0.0.1:${port}`;
const server = spawn('redis-server', [
  '--port',
  port,
  '--bind',
  '127.0.0.1',
  '--dir',
  folder,
  '--appendonly',
  'yes',
  '--save',
  '',
]);
await new Promise((resolve) => {
  let said = '';
  server.stdout.on('data', (chunk) => {
    said += chunk;
    if (said.includes('Ready to accept connections')) resolve();
  });
});
const client = new Redis(redis);

try {
  console.log(
    `load ${loadavg()[0].toFixed(1)} on ${availableParallelism()} processors, Redis ${(await info('server')).redis_version}`,
  );
  if (names > 0) await measureNames();
  const rates = new Map();
  for (const number of workers) rates.set(number, await measureWorkers(number));
  const [[first, one]] = [...rates];
  for (const [number, rate] of rates) {
    const model = (Math.min(number, availableParallelism()) / first) * one;
    console.log(`${number} workers: ${rate.toFixed(1)} images a second, model ${model.toFixed(1)}`);
  }
} finally {
  client.disconnect();
  server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}

/** Enqueues made-up names, as many chunks waiting as there are. */
async function measureNames() {
  const before = await used();
  const started = performance.now();
  const list = (function* () {
    for (let i = 0; i < names; i++) yield `s3://photographs/2026/${String(i).padStart(9, '0')}.jpg`;
  })();
  const results = join(folder, 'names');
  const { chunks } = await enqueue(list, { redis, queue: 'names', results, maxWaiting: 1e7, ...model });
  const seconds = (performance.now() - started) / 1000;
  const after = await used();
  const [job] = await client.keys('hyperiqa:names:c*');
  const waiting = (await client.memory('USAGE', job)) * chunks;
  const rest = after.memory - before.memory - waiting;
  console.log(
    `enqueue: ${names} names, ${(names / seconds).toFixed(0)} a second; for each ${((after.commands - before.commands) / names).toFixed(3)} ` +
      `commands outside and inside scripts, ${((after.input - before.input) / names).toFixed(0)} bytes to Redis, ` +
      `${(rest / names).toFixed(1)} bytes kept; while it waits ${(waiting / names).toFixed(1)} more`,
  );
  await client.flushall();
}

/** @returns images a second, from the moment that all workers may begin */
async function measureWorkers(number) {
  const photos = join(folder, `photos-${number}`);
  mkdirSync(photos);
  const list = Array.from({ length: images }, (_, i) => join(photos, `${i}.jpg`));
  for (const photo of list) symlinkSync(join(root, 'test/fixtures/images/exact-224x336.jpg'), photo);
  const at = { redis, queue: `workers-${number}` };
  await enqueue(list, {
    ...at,
    results: join(folder, `results-${number}`),
    chunkSize: 64,
    protocol: 'official',
    crops: 1,
    ...model,
  });
  await pause(at);
  const processes = Array.from({ length: number }, () => {
    const options = [
      '--queue',
      at.queue,
      '--redis',
      redis,
      '--threads',
      '1',
      '--device',
      'cpu',
      '--graph-mode',
      'freeze',
    ];
    const program = [join(root, 'dist/cli/main.js'), 'worker', ...options, ...(model ? ['--model', model.model] : [])];
    return spawn(process.execPath, program, { stdio: ['ignore', 'ignore', 'pipe'] });
  });
  await Promise.all(processes.map(({ stderr }) => once(stderr, 'data')));
  const before = await used();
  const started = performance.now();
  await resume(at);
  let looks = 0;
  await until(async () => {
    looks++;
    return (await client.hget(`hyperiqa:${at.queue}:ledger:counts`, 'doneImages')) === String(images);
  });
  const seconds = (performance.now() - started) / 1000;
  const after = await used();
  console.log(
    `${number} workers: for each image ${((after.commands - before.commands - looks) / images).toFixed(2)} commands, ` +
      `${((after.input - before.input) / images).toFixed(0)} bytes to and ${((after.output - before.output) / images).toFixed(0)} from Redis, ` +
      `load ${loadavg()[0].toFixed(1)}`,
  );
  for (const child of processes) child.kill('SIGTERM');
  await Promise.all(processes.map((child) => once(child, 'exit')));
  return images / seconds;
}

async function used() {
  const [{ used_memory }, { total_net_input_bytes, total_net_output_bytes }, stats] = [
    await info('memory'),
    await info('stats'),
    await info('commandstats'),
  ];
  const commands = Object.values(stats).reduce((sum, value) => sum + Number(/calls=(\d+)/.exec(value)?.[1] ?? 0), 0);
  return {
    memory: Number(used_memory),
    input: Number(total_net_input_bytes),
    output: Number(total_net_output_bytes),
    commands,
  };
}

async function info(section) {
  const lines = (await client.info(section)).split('\r\n').filter((line) => line.includes(':'));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}

async function until(condition) {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 200));
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port: free } = probe.address();
  probe.close();
  return String(free);
}
