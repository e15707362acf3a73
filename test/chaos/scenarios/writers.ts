/** Several processes that write to one output. */
import { expect } from 'vitest';

import { Project } from '../runs.js';
import { sleep, type Scenario } from '../scenario.js';

export const scenario: Scenario = {
  about: 'processes on one output at once: one writes, the others are refused, and no record is lost or torn',
  async round(context) {
    const { random, scale } = context;
    const project = await Project.make(context);
    const runs = [];
    for (let i = 0; i < 1 + scale; i++) {
      runs.push(project.run());
      await sleep(random.int(0, 400));
    }
    const killed = random.chance(0.5) ? runs.shift() : undefined;
    killed?.child.kill('SIGKILL');
    let refused = 0;
    for (const { code, stderr } of await Promise.all(runs.map(({ ended }) => ended))) {
      // One that came after another had ended finds everything done.
      if (code === 1) continue;
      expect([code, stderr]).toEqual([2, expect.stringContaining('ERR_OUTPUT_BUSY')]);
      refused++;
    }
    await killed?.ended;
    if (!killed) expect(refused, 'refused').toBeLessThan(runs.length);
    project.written(killed !== undefined);
    await project.finish();
    return `${runs.length + (killed ? 1 : 0)} processes, ${refused} refused, ${killed ? 'one killed' : 'none killed'}`;
  },
};
