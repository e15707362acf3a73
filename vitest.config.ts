import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'packages/*/test/**/*.test.ts'],
    // Loaded by Node.js itself, as a user's program loads it.
    server: { deps: { external: [/\/dist\//] } },
    exclude: [...configDefaults.exclude, 'test/pytorch/**'],
    // The addon is native code: each test file gets a process of its own, and a crash takes down one file only.
    pool: 'forks',
    // Every engine uses all cores; more files at once would only measure each other's load.
    maxWorkers: 2,
    globalSetup: ['test/helpers/global-setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
});
