/**
 * Chaos: each scenario once, briefly, as part of the tests. With `HYPERIQA_CHAOS_MINUTES` (set by scripts/chaos.mjs) the
 * scenarios take turns, with larger rounds and new seeds, until the time is over.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

import { Random, type Scenario } from './scenario.js';

const minutes = Number(process.env.HYPERIQA_CHAOS_MINUTES ?? 0);
const seed = Number(process.env.HYPERIQA_CHAOS_SEED ?? 1);
const only = process.env.HYPERIQA_CHAOS_ONLY?.split(',');
/** Time that a round may take beyond the end of a long run, ms. */
const LAST_ROUND = 20 * 60_000;

const scenarios = new Map<string, Scenario>();
for (const file of readdirSync(fileURLToPath(new URL('scenarios', import.meta.url))).sort()) {
  const name = file.replace(/\.ts$/, '');
  const { scenario } = (await import(`./scenarios/${name}.ts`)) as { scenario: Scenario };
  if (only?.includes(name) ?? true) scenarios.set(name, scenario);
}

async function round(name: string, seed: number, scale: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'hyperiqa-chaos-'));
  const scenario = scenarios.get(name)!;
  const seen = await scenario.round({ random: new Random(seed), folder, scale });
  // Keep the folder of a failed round for inspection.
  rmSync(folder, { recursive: true, force: true });
  return seen;
}

test('there are scenarios of the names that were given', () => {
  expect([...scenarios.keys()]).toEqual(only ? [...only].sort() : expect.arrayContaining(['kills', 'writers']));
});

describe.skipIf(minutes > 0).each([...scenarios])('%s', (name, { about }) => {
  test(about, { timeout: 300_000 }, async () => {
    console.log(`${name}, seed ${seed}: ${await round(name, seed, 1)}`);
  });
});

test.skipIf(minutes === 0 || scenarios.size === 0)(
  'the scenarios in turn',
  { timeout: minutes * 60_000 + LAST_ROUND },
  async () => {
    const end = Date.now() + minutes * 60_000;
    const failures: unknown[] = [];
    let rounds = 0;
    for (let next = seed; Date.now() < end || rounds === 0; next++) {
      for (const name of scenarios.keys()) {
        if (Date.now() >= end && rounds > 0) break;
        rounds++;
        try {
          console.log(`${name}, seed ${next}: ${await round(name, next, 4)}`);
        } catch (error) {
          console.log(
            `${name}, seed ${next}: FAILED. To repeat it: npm run test:chaos -- --seed ${next} --only ${name}`,
          );
          console.log(error);
          failures.push(error);
        }
      }
    }
    console.log(`${rounds} rounds, ${failures.length} failed`);
    if (failures.length > 0) throw new AggregateError(failures, `${failures.length} of ${rounds} rounds failed`);
  },
);
