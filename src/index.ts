/** The public API, nothing else. */
export { HyperIQAError, type ErrorCode } from './errors.js';
export { FaceDetector } from './faces/detector.js';
export { scoreAllWithFaces, scoreWithFaces } from './faces/scoring.js';
export type * from './faces/scoring.js';
export type * from './faces/types.js';
export { imageExtensions } from './image/formats.js';
export { qualityMap } from './map/map.js';
export { mapColours, mapPicture } from './map/picture.js';
export type * from './map/types.js';
export { protocolNames, resolveProtocol } from './protocol.js';
export { defaultFaceModelPath, defaultModelPath, runtimeInfo } from './runtime.js';
export { doctor } from './runtime/doctor.js';
export { installRuntime, listRuntimes, removeRuntime, useRuntime, verifyRuntime } from './runtime/manage.js';
export { HyperIQA } from './scorer.js';
export { probeRuntime } from './runtime/probe.js';
export type * from './runtime/types.js';
export type * from './types.js';
