/** Servers that are told to end at random moments while uploads come in: none that they have accepted may be lost. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { expect } from 'vitest';

const photo = readFileSync(new URL('../fixtures/images/jpeg-420.jpg', import.meta.url));
const UPLOADS = 20;

interface Server {
  child: ChildProcess;
  address: string;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

type Outcome = 'scored' | 'turned away' | 'not accepted' | 'lost';

/** Sends the photograph in pieces when the server has asked for it, which is when it has accepted the upload. */
function upload(address: string, pause: number): Promise<Outcome> {
  return new Promise((resolve) => {
    let accepted = false;
    const outgoing = request(address, {
      method: 'POST',
      agent: false,
      headers: { expect: '100-continue', 'content-type': 'image/jpeg', 'content-length': photo.length },
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
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.once('end', () => {
        // Fastify itself says 503 to a request that it finds on an open connection while it closes.
        const isRefusal = response.statusCode === 503 && !body.includes('"error":{"code":"ERR_');
        resolve(response.statusCode === 200 ? 'scored' : accepted && !isRefusal ? 'lost' : 'turned away');
      });
    });
    outgoing.on('error', () => {
      resolve(accepted ? 'lost' : 'not accepted');
    });
    outgoing.flushHeaders();
  });
}

/**
 * Starts a server `rounds` times, and ends it by SIGINT or SIGTERM in the middle of its work.
 *
 * @param seed - The first round's; each round has the next one, and can be repeated with it alone.
 * @returns how many uploads came to which end, over all rounds
 */
export async function shutdownRounds(options: {
  rounds: number;
  seed: number;
  path: string;
  start: () => Promise<Server>;
}): Promise<Record<Outcome, number>> {
  const { rounds, seed, path, start } = options;
  const counts = { scored: 0, 'turned away': 0, 'not accepted': 0, lost: 0 };
  for (let round = seed; round < seed + rounds; round++) {
    const random = xoroshiro128plus(round);
    const draw = (most: number) => uniformInt(random, 0, most);
    const { child, address, ended } = await start();
    try {
      const uploads = Array.from({ length: UPLOADS }, async () => {
        await sleep(draw(300));
        return upload(`${address}${path}`, draw(200));
      });
      await sleep(20 + draw(400));
      child.kill(draw(1) === 0 ? 'SIGINT' : 'SIGTERM');
      const outcomes = await Promise.all(uploads);
      expect({ round, ...(await ended) }).toEqual({ round, code: 0, signal: null });
      expect({ round, outcomes }).toEqual({ round, outcomes: outcomes.filter((outcome) => outcome !== 'lost') });
      for (const outcome of outcomes) counts[outcome] += 1;
    } finally {
      child.kill('SIGKILL');
    }
  }
  return counts;
}
