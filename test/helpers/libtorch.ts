/** The LibTorch of this checkout: the one place where tests take it from inside of `src`. */
export { findLibTorch, libraryFiles } from '../../src/libtorch/locate.js';
export { LIBTORCH_VERSION } from '../../src/libtorch/version.js';
