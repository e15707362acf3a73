/** Runs that are killed at random moments and resumed. */
import { statSync } from 'node:fs';

import type { Running } from '../../cli/cli.js';
import { expectEnd, Project } from '../runs.js';
import { sleep, type Random, type Scenario } from '../scenario.js';

const signals = ['SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGINT'] as const;

export const scenario: Scenario = {
  about: 'score --resume killed at random moments: at the end every image is there once, and no line is torn',
  async round(context) {
    const { random, scale } = context;
    const project = await Project.make(context);
    const seen: string[] = [];
    const kills = 2 + scale * 2;
    for (let i = 0; i < kills; i++) {
      const running = project.run();
      const signal = random.pick(signals);
      await moment(random, project, running, kills);
      running.child.kill(signal);
      expectEnd(await running.ended, signal);
      seen.push(`${signal.slice(3)} ${project.written(signal === 'SIGKILL')}`);
    }
    await project.finish();
    return `${project.format}, ${project.expected.length} images, records after each: ${seen.join(', ')}`;
  },
};

/** Waits for a moment in which to kill, such that so many kills leave some work to each. */
async function moment(
  random: Random,
  { output, size, duration }: Project,
  { child }: Running,
  kills: number,
): Promise<void> {
  // While it loads, when nothing is written but files are opened and read; or past the end.
  if (random.chance(0.25)) return sleep(random.int(0, Math.ceil(duration * 1.1)));
  // While it writes: every moment in which a few more bytes are there.
  const wanted = sizeOf(output) + random.int(1, Math.ceil((2 * size) / kills));
  while (sizeOf(output) < wanted && child.exitCode === null && child.signalCode === null) await sleep(1);
  return sleep(random.int(0, 10));
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
