'use strict';
/**
 * A CommonJS entry: `require` of it gives the same module as `import`. Node.js requires the ES module as it is. Jest runs files in
 * a sandbox with a `require` of its own, which refuses ES modules: there, Node's own one loads it, outside of the sandbox.
 */
try {
  module.exports = require('./index.js');
} catch (error) {
  if (error?.code !== 'ERR_REQUIRE_ESM') throw error;
  // The sandbox's `process` would hand out the sandbox's `require`. Not `require` itself, which bundlers for browsers follow.
  const outside = module.require('node:vm').runInThisContext('process');
  module.exports = outside.getBuiltinModule('node:module').createRequire(__filename)('./index.js');
}
