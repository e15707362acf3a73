/**
 * The public API of LibTorch builds and of the installation as a whole: `hyperiqa/runtime`.
 *
 * @module hyperiqa/runtime
 */
export { doctor } from '../doctor/doctor.js';
export { probeRuntime } from '../doctor/probe.js';
export {
  installRuntime,
  listRuntimes,
  removeRuntime,
  useRuntime,
  verifyRuntime,
} from '../libtorch/install/runtimes.js';
export type * from '../libtorch/install/types.js';
