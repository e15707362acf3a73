/** More work than the engine can do, with aborts and failures, while memory is watched. */
import { join } from 'node:path';
import { expect } from 'vitest';

import { fixtures, root } from '../../cli/cli.js';
import { Child } from '../child.js';
import type { Scenario } from '../scenario.js';

/** Growth over the time that is looked at which is taken for that of caches and allocators, bytes. */
const GROWTH = 150e6;

interface Report {
  done: Record<'scored' | 'aborted' | 'failed' | 'batches', number>;
  unexpected: string[];
  /** Seconds and bytes. */
  samples: [number, number][];
}

export const scenario: Scenario = {
  about: 'submits, aborts and failures beyond what the engine can do: memory does not grow with their number',
  async round({ random, scale }) {
    const kinds = ['jpeg-420.jpg', 'png-rgba.png', 'webp-lossy.webp', 'gif-animated.gif', 'tiff-lzw.tif', 'avif.avif'];
    const first = random.int(0, kinds.length - 1);
    const images = [...kinds.slice(first), ...kinds.slice(0, first)].map((name) => join(root, fixtures, name));
    const seconds = 4 + 4 * scale;
    const child = new Child('saturation', [String(seconds), ...images], seconds * 1000 + 120_000);
    const report = await child.answer<Report>();
    expect(await child.ended).toMatchObject({ code: 0, signal: null });
    const { done, unexpected, samples } = report!;
    expect(unexpected).toEqual([]);
    for (const [what, number] of Object.entries(done)) expect(number, what).toBeGreaterThan(0);
    // Allocators and the engine's caches fill up in the first third.
    const later = samples.slice(Math.ceil(samples.length / 3));
    const slope = slopeOf(later);
    const span = later.at(-1)![0] - later[0]![0];
    expect(slope * span, `growth of memory in ${span.toFixed(1)} s`).toBeLessThan(GROWTH);
    const counts = Object.entries(done).map(([what, number]) => `${number} ${what}`);
    return `${seconds} s: ${counts.join(', ')}; ${(slope / 1e6).toFixed(2)} MB/s over the last ${span.toFixed(1)} s`;
  },
};

/** Slope of the straight line through the points, by least squares. */
function slopeOf(points: readonly [number, number][]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(points.map(([time]) => time));
  const y = mean(points.map(([, value]) => value));
  const xx = mean(points.map(([time]) => (time - x) ** 2));
  const xy = mean(points.map(([time, value]) => (time - x) * (value - y)));
  return xy / xx;
}
