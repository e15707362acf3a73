/** The CommonJS entry where `require` refuses ES modules, as in the sandbox of Jest. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

const entry = fileURLToPath(new URL('../../dist/index.cjs', import.meta.url));
const require = createRequire(entry);

/** Runs the entry as a file of CommonJS with a `require` of its own. */
function run(sandboxed: (name: string) => unknown): unknown {
  const module = { exports: {} as unknown, require };
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- how a sandbox runs a file
  const wrapper = new Function('require', 'module', '__filename', readFileSync(entry, 'utf8')) as (
    ...scope: unknown[]
  ) => void;
  wrapper(sandboxed, module, entry);
  return module.exports;
}

const failing = (code: string) => (name: string) => {
  if (name === './index.js') throw Object.assign(new Error('Must use import to load ES Module'), { code });
  return require(name) as unknown;
};

test("Node's own require is used instead, and gives the one instance that there is", () => {
  expect(run(failing('ERR_REQUIRE_ESM'))).toBe(require(entry));
});

test('any other failure stays what it is', () => {
  expect(() => run(failing('ERR_MODULE_NOT_FOUND'))).toThrow(/Must use import/);
});
