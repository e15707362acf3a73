/** The CommonJS entry: `require('hyperiqa/export')` gives the same module, through Node's `require` of ES modules. */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- the one place of this module that is CommonJS
import exporting = require('./index.js');

export = exporting;
