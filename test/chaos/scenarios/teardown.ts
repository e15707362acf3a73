/** Processes that end with work under way. */
import { join } from 'node:path';
import { expect } from 'vitest';

import { root } from '../../cli/cli.js';
import { Child } from '../child.js';
import type { Scenario } from '../scenario.js';

/** Ways to end, each with the exit code or the signal that it must have. */
const ways: Record<string, number | NodeJS.Signals> = {
  exit: 7,
  throw: 1,
  reject: 1,
  dispose: 7,
  'worker terminated': 7,
  'worker running at exit': 7,
  signal: 'SIGTERM',
};

export const scenario: Scenario = {
  about: 'exit, throw, dispose and terminate with work under way: the right exit code, no crash, no hang',
  async round({ random, scale }) {
    const photo = join(root, 'examples/photos/lake.jpg');
    const names = Object.keys(ways);
    const first = random.int(0, names.length - 1);
    const chosen = Array.from({ length: 3 * scale }, (_, i) => names[(first + i) % names.length]!);
    for (const how of chosen) {
      const delay = random.int(0, 300);
      const child = new Child('teardown', [how, String(delay), photo], 120_000);
      expect(await child.answer(), how).toBe('working');
      const { code, signal, stderr } = await child.ended;
      expect(signal ?? code, `${how} after ${delay} ms: ${stderr}`).toBe(ways[how]);
    }
    return chosen.join(', ');
  },
};
