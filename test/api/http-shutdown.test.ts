/**
 * examples/http-service.mjs, told to end at random moments while uploads come in: none that it has accepted may be lost.
 * HYPERIQA_SHUTDOWNS says how often (default 2), HYPERIQA_SEED where the moments begin. (npm/proof has the other examples.)
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

import { testModel } from '../helpers/models.js';
import { shutdownRounds } from '../helpers/shutdown.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const rounds = Number(process.env.HYPERIQA_SHUTDOWNS ?? 2);
const seed = Number(process.env.HYPERIQA_SEED ?? 1);

test(`${rounds} shutdowns`, { timeout: 60_000 + rounds * 30_000 }, async () => {
  const counts = await shutdownRounds({ rounds, seed, path: '/', start });
  console.log(`Uploads over ${rounds} shutdowns: ${JSON.stringify(counts)}`);
  expect(counts.scored).toBeGreaterThan(0);
});

async function start() {
  const child = spawn(process.execPath, ['examples/http-service.mjs', '0', testModel('lite0')], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, address: line.toString().trim().replace(/\/$/, ''), ended };
}
