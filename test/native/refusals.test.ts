/** Nothing is left of an image that a full queue has refused. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

import { testModel } from '../helpers/models.js';
import { addonFile, loaderFile } from './setup.js';
import { findLibTorch, libraryFiles } from '../helpers/libtorch.js';

test('100,000 refused submissions leave no promise behind', () => {
  const script = fileURLToPath(new URL('refusals.mjs', import.meta.url));
  const libraries = libraryFiles(findLibTorch().path);
  const output = execFileSync(
    process.execPath,
    ['--expose-gc', script, addonFile, loaderFile, testModel('lite0'), ...libraries],
    { encoding: 'utf8' },
  );
  const { refused, grown } = JSON.parse(output) as { refused: number; grown: number };
  expect(refused).toBe(100_001);
  // A promise that is never settled takes 32 bytes of this alone.
  expect(grown).toBeLessThan(100_000);
});
