// Configures the engine's tests in the addon's own build folder, so that the engine is not compiled twice.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { root } from './paths.mjs';
import { run } from './run.mjs';

const configure = (tests) => ['-S', root, '-B', join(root, 'build'), `-DHYPERIQA_TESTS=${tests}`];

/** @throws {Failure} where CMake fails, as it does without GoogleTest; the addon can still be built then */
export function configureNativeTests() {
  try {
    run('cmake', configure('ON'));
  } catch (error) {
    // CMake keeps the option in its cache.
    spawnSync('cmake', configure('OFF'), { stdio: 'ignore' });
    throw error;
  }
}
