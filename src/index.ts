/** The public API, nothing else. */
export { HyperIQAError, type ErrorCode } from './errors.js';
export { exportDatasets, type ExportDataset } from './export/datasets.js';
export { exportModel } from './export/export-model.js';
export type { CheckpointLayout } from './export/layouts.js';
export type * from './export/types.js';
export { FaceDetector } from './faces/detector.js';
export { scoreAllWithFaces, scoreWithFaces } from './faces/scoring.js';
export type * from './faces/scoring.js';
export type * from './faces/types.js';
export { imageExtensions } from './image/formats.js';
export { qualityMap } from './maps/map.js';
export { mapColours, mapPicture } from './maps/picture.js';
export type * from './maps/types.js';
export {
  addModel,
  listModels,
  removeModel,
  verifyModel,
  type AddModelOptions,
  type ListedModel,
  type RegisteredModel,
} from './models/registry.js';
export { protocolNames, resolveProtocol } from './protocol/protocol.js';
export { defaultFaceModelPath, defaultModelPath } from './model-file/shipped.js';
export { runtimeInfo } from './scoring/runtime-info.js';
export { doctor } from './doctor/doctor.js';
export { installRuntime, listRuntimes, removeRuntime, useRuntime, verifyRuntime } from './libtorch/install/runtimes.js';
export { HyperIQA } from './scoring/scorer.js';
export { probeRuntime } from './doctor/probe.js';
export type * from './libtorch/install/types.js';
export type * from './types.js';
