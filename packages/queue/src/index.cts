/** The CommonJS entry: `require('@hyperiqa/queue')` gives the same module, through Node's `require` of ES modules. */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- the one place of this module that is CommonJS
import queue = require('./index.js');

export = queue;
