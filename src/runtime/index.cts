/** The CommonJS entry: `require('hyperiqa/runtime')` gives the same module as `import`. */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- CommonJS
import esModule = require('../support/es-module.cjs');

// eslint-disable-next-line @typescript-eslint/no-require-imports -- CommonJS
export = esModule(() => require('./index.js') as object, __filename);
