/** The public API, nothing else. */
export { HyperIQAError, type ErrorCode } from './errors.js';
export { imageExtensions } from './image/formats.js';
export { protocolNames, resolveProtocol } from './protocol.js';
export { defaultModelPath, runtimeInfo } from './runtime.js';
export { HyperIQA } from './scorer.js';
export type * from './types.js';
