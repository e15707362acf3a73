// Speed of the HTTP service beside the API in the same process: images a second at saturation, latencies, event-loop delay.
//   node bench/service.mjs [--rounds 5] [--seconds 10] [--connections 16] [--image FILE] [--model FILE] [--threads N]
//
// A server in a process of its own and a scorer here do the same work in turns, in an order that turns round by round, so
// that a drift of the machine's speed meets both. Ratios are taken within a round; their median and range are printed.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { HyperIQA } from 'hyperiqa';
import { root } from '../scripts/lib/paths.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '10' },
    connections: { type: 'string', default: '16' },
    image: { type: 'string', default: join(root, 'examples/photos/kitten.jpg') },
    model: { type: 'string' },
    threads: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const connections = Number(values.connections);
const bytes = readFileSync(values.image);

/** `hyperiqa serve` on a free port. */
async function server() {
  const args = ['serve', '--port', '0', '--without-faces', '--log-level', 'info', '--max-active', String(connections)];
  if (values.model) args.push('--model', values.model);
  if (values.threads) args.push('--threads', values.threads);
  const child = spawn(process.execPath, [join(root, 'dist/cli/main.js'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let url;
  for await (const line of createInterface({ input: child.stdout })) {
    url ??= /Server listening at (http:[^"]+)"/.exec(line)?.[1];
    if (line.includes('"msg":"ready"')) break;
  }
  // Discard later output, which nobody reads.
  child.stdout.resume();
  return { url, end: () => child.kill('SIGTERM') };
}

async function overHttp(url) {
  const { requests, latency, non2xx, errors } = await autocannon({
    url: `${url}/v1/score`,
    method: 'POST',
    headers: { 'content-type': 'image/jpeg' },
    body: bytes,
    connections,
    duration: seconds,
  });
  if (non2xx + errors > 0) throw new Error(`${non2xx + errors} requests failed.`);
  return { rate: requests.total / seconds, p50: latency.p50, p99: latency.p99 };
}

async function inProcess(iqa) {
  const end = performance.now() + seconds * 1000;
  const times = [];
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (performance.now() < end) {
        const start = performance.now();
        await iqa.score(bytes);
        times.push(performance.now() - start);
      }
    }),
  );
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(share * times.length))];
  return { rate: times.length / ((performance.now() - (end - seconds * 1000)) / 1000), p50: at(0.5), p99: at(0.99) };
}

const loopDelay = async (url) =>
  Number(/^nodejs_eventloop_lag_p99_seconds ([\d.e+-]+)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1]) *
  1000;

const summary = (numbers, digits) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const show = (value) => value.toFixed(digits);
  return `${show(sorted[sorted.length >> 1])} (${show(sorted[0])} to ${show(sorted.at(-1))})`;
};

const { url, end } = await server();
const iqa = await HyperIQA.load(values.model, values.threads ? { threads: Number(values.threads) } : {});
try {
  const rounds = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const measure = { service: () => overHttp(url), api: () => inProcess(iqa) };
    const order = round % 2 === 0 ? ['service', 'api'] : ['api', 'service'];
    const found = {};
    for (const name of order) found[name] = await measure[name]();
    rounds.push({ ...found, delay: await loopDelay(url) });
    console.error(
      `round ${round + 1}: service ${found.service.rate.toFixed(2)}, API ${found.api.rate.toFixed(2)} images/s`,
    );
  }
  for (const name of ['service', 'api']) {
    const of = (key, digits) =>
      summary(
        rounds.map((round) => round[name][key]),
        digits,
      );
    console.log(`${name.padEnd(8)} images/s ${of('rate', 2)}, p50 ${of('p50', 0)} ms, p99 ${of('p99', 0)} ms`);
  }
  console.log(
    `service / API ${summary(
      rounds.map(({ service, api }) => service.rate / api.rate),
      3,
    )}`,
  );
  console.log(
    `event-loop delay of the service, p99: ${summary(
      rounds.map(({ delay }) => delay),
      1,
    )} ms`,
  );
} finally {
  await iqa.dispose();
  end();
}
