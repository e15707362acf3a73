/** Several processes that write to one output. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

import { photos, quick, records, start, type Running } from '../../cli/cli.js';
import { sleep, type Scenario } from '../scenario.js';

const images = ['lake', 'kitten', 'budgie', 'flower', 'piazza', 'skyline'].map((name) => `${photos}/${name}.jpg`);
/** Time in which all but one have been refused, ms; loading takes the most of it. */
const PATIENCE = 120_000;

export const scenario: Scenario = {
  about: 'processes on one output at once: one writes, the others are refused, and no record is lost or torn',
  async round({ random, folder, scale }) {
    const output = join(folder, 'scores.jsonl');
    const args = ['score', '-', '--crops', 'center', ...quick(), '-o', output];
    // Lists that stay open: nobody ends but who is refused.
    const running = new Map<Running, string[]>();
    for (let i = 0; i < 2 + scale; i++) {
      const own = Array.from({ length: 3 }, () => random.pick(images));
      running.set(start(args, { input: own.map((file) => `${file}\n`).join(''), open: true }), own);
      await sleep(random.int(0, 300));
    }
    const count = running.size;
    let refused = 0;
    for (const one of running.keys()) {
      void one.ended.then(({ code, stderr }) => {
        running.delete(one);
        if (code === 2 && stderr.includes('ERR_OUTPUT_BUSY')) refused++;
      });
    }
    const written = () => records(readFileSync(output, 'utf8')).map(({ file }) => file);
    try {
      await expect.poll(() => refused, { timeout: PATIENCE, message: 'processes refused' }).toBe(count - 1);
      const [[winner, own]] = [...running] as [[Running, string[]]];
      await expect.poll(() => written().length, { timeout: PATIENCE }).toBe(own.length);
      const killed = random.chance(0.5);
      if (killed) winner.child.kill('SIGKILL');
      else winner.child.stdin?.end();
      const { code, signal } = await winner.ended;
      expect(signal ?? code).toBe(killed ? 'SIGKILL' : 0);
      expect(written()).toEqual(own);
      // Whatever became of the one before, the next one may write.
      const more = [...own, random.pick(images)];
      const next = await start([...args, '--resume'], { input: more.join('\n') }).ended;
      expect(next.code, next.stderr).toBe(0);
      expect(written()).toEqual(more);
      return `${count} processes, ${refused} refused, the writer ${killed ? 'killed' : 'ended'}, and one after it`;
    } finally {
      for (const { child } of running.keys()) child.kill('SIGKILL');
    }
  },
};
