/** The CommonJS entry: `require('hyperiqa')` is the ES module itself, which Node.js 20.19 and later can require. */
export * from './index.js';
