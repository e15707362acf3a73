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
export { qualityMap } from './map/map.js';
export { mapColours, mapPicture } from './map/picture.js';
export type * from './map/types.js';
export {
  addModel,
  listModels,
  removeModel,
  verifyModel,
  type AddModelOptions,
  type ListedModel,
  type RegisteredModel,
} from './models/registry.js';
export { protocolNames, resolveProtocol } from './protocol.js';
export { defaultFaceModelPath, defaultModelPath, runtimeInfo } from './runtime.js';
export { doctor } from './runtime/doctor.js';
export { installRuntime, listRuntimes, removeRuntime, useRuntime, verifyRuntime } from './runtime/manage.js';
export { HyperIQA } from './scorer.js';
export { probeRuntime } from './runtime/probe.js';
export type * from './runtime/types.js';
export type * from './types.js';
