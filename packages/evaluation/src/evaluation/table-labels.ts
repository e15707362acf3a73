/** Short names of several tables. */
import { HyperIQAError } from 'hyperiqa/add-on';
import { baseName, canonical, stem } from './names.js';

/**
 * Labels each file by its name without extension, after as many folders as it takes to tell all files apart: `a` and `b`,
 * or `first/scores` and `second/scores`; with the extension if nothing else does.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT where a file is named twice
 */
export function tableLabels(sources: readonly string[]): string[] {
  for (const last of [stem, baseName]) {
    const paths = sources.map((source) => [...canonical(source).split('/').slice(0, -1), last(source)]);
    const longest = paths.reduce((most, { length }) => Math.max(most, length), 1);
    for (let parts = 1; parts <= longest; parts++) {
      const labels = paths.map((path) => path.slice(-parts).join('/'));
      if (new Set(labels).size === labels.length) return labels;
    }
  }
  const paths = sources.map(canonical);
  const repeated = sources.find((_, i) => paths.indexOf(paths[i] ?? '') < i);
  throw new HyperIQAError('ERR_INVALID_ARGUMENT', `${repeated ?? ''} is named twice.`);
}
