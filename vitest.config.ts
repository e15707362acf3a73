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
    coverage: {
      provider: 'v8',
      // What is loaded in the test processes. The command line and the trials run from dist in processes of their own and
      // are not counted, though they are tested.
      include: ['src/**/*.ts', 'packages/*/src/**/*.ts'],
      exclude: [
        'src/cli/main.ts',
        'src/cli/commands/**',
        'packages/*/src/commands/**',
        'src/**/*-child.ts',
        '**/types.ts',
      ],
      reporter: ['text-summary', 'html', 'json-summary'],
      // Some points below what was measured, in percent; much of src/cli runs from dist alone.
      thresholds: {
        'src/**': { lines: 77, statements: 75, functions: 70, branches: 68 },
        'packages/evaluation/src/**': { lines: 96, statements: 95, functions: 95, branches: 87 },
        'packages/service/src/**': { lines: 88, statements: 86, functions: 85, branches: 79 },
      },
    },
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
});
