/**
 * The ES module behind a CommonJS entry: Node.js requires it as it is. Jest runs files in a sandbox with a `require` of its own,
 * which refuses ES modules: there, Node's own one loads it, outside of the sandbox.
 */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- CommonJS
import vm = require('node:vm');

/**
 * @param load - Requires `./index.js` from the entry, written out so that tracers of files can follow it.
 * @param entry - Path of the entry, beside `index.js`.
 */
function esModule(load: () => object, entry: string): object {
  try {
    return load();
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_REQUIRE_ESM') throw error;
    // The sandbox's `process` would hand out the sandbox's `require`.
    const outside = vm.runInThisContext('process') as typeof process;
    return outside.getBuiltinModule('node:module').createRequire(entry)('./index.js') as object;
  }
}

export = esModule;
