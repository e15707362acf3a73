/** The CommonJS entry: `require('hyperiqa')` gives the same module, through Node's `require` of ES modules. */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- the one place that is CommonJS
import hyperiqa = require('./index.js');

export = hyperiqa;
