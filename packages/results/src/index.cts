/** The CommonJS entry: `require('@hyperiqa/results')` gives the same module, through Node's `require` of ES modules. */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- the one place of this module that is CommonJS
import results = require('./index.js');

export = results;
