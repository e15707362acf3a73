/**
 * The CommonJS entry: `require('hyperiqa')` gives the same module, through Node's `require` of ES modules. Jest runs files in a
 * sandbox with a `require` of its own, which refuses ES modules: there, Node's own one loads it, outside of the sandbox.
 */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- CommonJS
import vm = require('node:vm');

type Api = object;

function load(): Api {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- CommonJS
    return require('./index.js') as Api;
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_REQUIRE_ESM') throw error;
    // The sandbox's `process` would hand out the sandbox's `require`.
    const outside = vm.runInThisContext('process') as typeof process;
    return outside.getBuiltinModule('node:module').createRequire(__filename)('./index.js') as Api;
  }
}

const hyperiqa = load();

export = hyperiqa;
