/** KonIQ-10k's official split into training, validation and test images. */
import { createRequire } from 'node:module';
import { stem } from './names.js';

export type Split = 'training' | 'validation' | 'test';

let known: Map<string, Split> | undefined;

function load(): Map<string, Split> {
  const packed = createRequire(import.meta.url)('./koniq-split.json') as Record<Split, string>;
  const splits = new Map<string, Split>();
  for (const split of ['training', 'validation', 'test'] as const) {
    let id = 0;
    for (const distance of packed[split].split(' ')) splits.set(String((id += parseInt(distance, 36))), split);
  }
  return splits;
}

/** The split of the image with this file name (path and extension do not count); `undefined` for others than KonIQ's. */
export function koniqSplit(file: string): Split | undefined {
  return (known ??= load()).get(stem(file));
}
