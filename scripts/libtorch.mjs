// Provides the LibTorch to build against and to run with, by the installer of the package (src/libtorch/install).
//
//   node scripts/libtorch.mjs      prints the folder (the one that holds lib and include) as the last line of stdout
import { fileURLToPath } from 'node:url';

import { Failure, main } from './lib/run.mjs';
import { built } from './lib/typescript.mjs';

const PHASES = { download: 'Downloading', unpack: 'Unpacking' };

/**
 * Folder of the LibTorch; see `provideLibTorch` in src/libtorch/install/provide.ts.
 * @returns {Promise<string>}
 * @throws {Failure}
 */
export async function provideLibTorch() {
  const { provideLibTorch: provide } = built('libtorch/install/provide');
  const ending = new AbortController();
  let signalled;
  const end = (signal) => {
    signalled ??= signal;
    ending.abort();
  };
  process.on('SIGINT', end).on('SIGTERM', end);
  try {
    return await provide({ signal: ending.signal, onProgress: progress() });
  } catch (error) {
    if (signalled !== undefined) process.exit(signalled === 'SIGINT' ? 130 : 143);
    if (error.name === 'HyperIQAError') throw new Failure(error.message);
    throw error;
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end);
  }
}

/** A line for each file, and one for each tenth of it. */
function progress() {
  let last = '';
  return ({ phase, file, bytes, totalBytes }) => {
    const tenths = totalBytes ? Math.floor((10 * bytes) / totalBytes) : 0;
    const line = `${PHASES[phase]} ${file || 'LibTorch with pip'} … ${10 * tenths} % of ${Math.round(totalBytes / 1e6)} MB`;
    if (line !== last) console.error(line);
    last = line;
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main('libtorch', async () => {
    console.log(await provideLibTorch());
  });
}
