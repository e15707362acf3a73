import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** The proof of installation: `node scripts/test.mjs install`, and its slow part with `--slow`. */
export default defineConfig({
  root: file('../..'),
  test: {
    include: ['npm/proof/*.test.mjs', ...(process.env.HYPERIQA_PROOF_SLOW ? ['npm/proof/slow/*.test.mjs'] : [])],
    globalSetup: [file('setup.mjs')],
    pool: 'forks',
    // Each step uses all cores, and several are measured.
    fileParallelism: false,
    testTimeout: 1_200_000,
    hookTimeout: 1_200_000,
  },
});
