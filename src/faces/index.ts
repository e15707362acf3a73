/**
 * The public API of face detection: `hyperiqa/faces`.
 *
 * @module hyperiqa/faces
 */
export { FaceDetector } from './detector.js';
export { scoreAllWithFaces, scoreWithFaces } from './scoring.js';
export { defaultFaceModelPath } from '../model-file/shipped.js';
export type * from './scoring.js';
export type * from './types.js';
