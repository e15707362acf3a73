import js from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  // The example for NestJS is checked where its packages are: in the proof of installation.
  { ignores: ['**/dist/', 'build*/', 'coverage/', 'docs/api/', 'models/', 'native/', 'examples/nestjs.ts'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Numbers in messages are what a reader wants to see.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
    },
  },
  {
    files: ['test/**/*.ts', 'packages/*/test/**/*.ts'],
    rules: {
      // Tests hand wrong types over on purpose.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    // Runs in a browser.
    files: ['packages/evaluation/src/report/assets/*.js'],
    languageOptions: {
      sourceType: 'script',
      globals: { document: 'readonly', window: 'readonly', innerWidth: 'readonly', innerHeight: 'readonly' },
    },
  },
  {
    // Runs in a browser.
    files: ['packages/service/src/page/*.js'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          'document',
          'window',
          'sessionStorage',
          'createImageBitmap',
          'URLSearchParams',
          'HTMLInputElement',
          'File',
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
  {
    files: ['**/*.js', '**/*.mjs', '**/*.cjs'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          'process',
          'console',
          'Buffer',
          'URL',
          'setTimeout',
          'clearTimeout',
          'setInterval',
          'clearInterval',
          'setImmediate',
          'performance',
          'AbortController',
          'AbortSignal',
          'globalThis',
          'gc',
          'require',
          'module',
          '__dirname',
          '__filename',
          'SharedArrayBuffer',
          'Blob',
          'Response',
          'fetch',
          'structuredClone',
          'queueMicrotask',
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
);
