// Long chaos runs: the scenarios of test/chaos in turn, in larger rounds than in the tests, each round with a new seed.
//   node scripts/chaos.mjs [--minutes N] [--seed S] [--only NAME,NAME]     default: 10 minutes, a random seed, all scenarios
// Prints a line a round; one that fails says how to repeat it. Exit code 1 where any did.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { root } from './lib/paths.mjs';
import { Failure, main } from './lib/run.mjs';
import { prepare } from './prepare.mjs';

/** Room for many rounds, each with the next seed, in the 32 bits of the generator's seed. */
const SEEDS = 1e9;

function number(name, text, least) {
  const value = Number(text);
  if (Number.isFinite(value) && value >= least && value <= SEEDS) return value;
  throw new Failure(`--${name} must be a number from ${least} to ${SEEDS}, not ${text}.`);
}

await main('chaos', async () => {
  const text = { type: 'string' };
  const { values } = parseArgs({ options: { minutes: text, seed: text, only: text } });
  const minutes = number('minutes', values.minutes ?? '10', 0.01);
  const seed = Math.floor(number('seed', values.seed ?? String(randomInt(SEEDS)), 0));
  const scenarios = readdirSync(join(root, 'test/chaos/scenarios')).map((file) => file.replace(/\.ts$/, ''));
  const unknown = values.only?.split(',').find((name) => !scenarios.includes(name));
  if (unknown !== undefined) throw new Failure(`There is no scenario ${unknown}: there are ${scenarios.join(', ')}.`);
  await prepare();
  console.log(`chaos for ${minutes} minutes from seed ${seed}`);
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const { status } = spawnSync(
    process.execPath,
    [vitest, 'run', 'test/chaos/chaos.test.ts', '--disable-console-intercept', '--reporter=default'],
    {
      cwd: root,
      stdio: 'inherit',
      env: {
        ...process.env,
        HYPERIQA_CHAOS_MINUTES: String(minutes),
        HYPERIQA_CHAOS_SEED: String(seed),
        ...(values.only && { HYPERIQA_CHAOS_ONLY: values.only }),
      },
    },
  );
  process.exitCode = status ?? 1;
});
