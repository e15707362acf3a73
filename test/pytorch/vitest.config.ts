import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Tests that run PyTorch: `npm run test:models`. HYPERIQA_PYTHON names its interpreter. */
export default defineConfig({
  root: file('../..'),
  test: {
    include: ['test/pytorch/*.test.ts'],
    globalSetup: [file('../helpers/global-setup.ts')],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
