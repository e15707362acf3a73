/**
 * The public API of scoring. What goes beyond it has an entry of its own: faces, maps, models, export and runtime.
 *
 * @module hyperiqa
 */
export { HyperIQAError, type ErrorCode, type SerializedError } from './errors.js';
export { decodeImage } from './scoring/decode-image.js';
export { imageExtensions } from './image/formats.js';
export { protocolNames, resolveProtocol } from './protocol/protocol.js';
export { defaultModelPath } from './model-file/shipped.js';
export { runtimeInfo } from './scoring/runtime-info.js';
export { HyperIQA } from './scoring/scorer.js';
export type * from './types.js';
