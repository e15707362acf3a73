/**
 * examples/http-service.mjs, told to end at random moments while uploads come in: none that it has accepted may be lost.
 * HYPERIQA_SHUTDOWNS says how often (default 2), HYPERIQA_SEED where the moments begin.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { expect, test } from 'vitest';

import { testModel } from '../helpers/models.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const photo = readFileSync(new URL('../fixtures/images/jpeg-420.jpg', import.meta.url));
const rounds = Number(process.env.HYPERIQA_SHUTDOWNS ?? 2);
const seed = Number(process.env.HYPERIQA_SEED ?? 1);
const UPLOADS = 20;

/** Sends the photograph in pieces when the service has asked for it, which is when it has accepted the upload. */
function upload(address: string, pause: number): Promise<'scored' | 'turned away' | 'not accepted' | 'lost'> {
  return new Promise((resolve) => {
    let accepted = false;
    const outgoing = request(address, {
      method: 'POST',
      agent: false,
      headers: { expect: '100-continue', 'content-length': photo.length },
    });
    outgoing.on('continue', () => {
      accepted = true;
      void (async () => {
        outgoing.write(photo.subarray(0, 10_000));
        await sleep(pause);
        outgoing.end(photo.subarray(10_000));
      })();
    });
    outgoing.on('response', (response) => {
      response.resume();
      response.once('end', () => {
        resolve(response.statusCode === 200 ? 'scored' : accepted ? 'lost' : 'turned away');
      });
    });
    outgoing.on('error', () => {
      resolve(accepted ? 'lost' : 'not accepted');
    });
    outgoing.flushHeaders();
  });
}

test.each(Array.from({ length: rounds }, (_, i) => [seed + i]))('shutdown %i', async (round) => {
  const random = xoroshiro128plus(round);
  const draw = (most: number) => uniformInt(random, 0, most);
  const service = spawn(process.execPath, ['examples/http-service.mjs', '0', testModel('lite0')], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const exited = once(service, 'exit');
    const [line] = (await once(service.stdout, 'data')) as [Buffer];
    const address = line.toString().trim();
    const uploads = Array.from({ length: UPLOADS }, async () => {
      await sleep(draw(300));
      return upload(address, draw(200));
    });
    await sleep(20 + draw(400));
    service.kill(draw(1) === 0 ? 'SIGINT' : 'SIGTERM');
    const outcomes = await Promise.all(uploads);
    expect(await exited).toEqual([0, null]);
    expect(outcomes).not.toContain('lost');
    // The signal comes while something is under way, in most rounds.
    expect(outcomes.every((outcome) => ['scored', 'turned away', 'not accepted'].includes(outcome))).toBe(true);
  } finally {
    service.kill('SIGKILL');
  }
});
