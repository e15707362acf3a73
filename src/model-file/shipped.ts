/** Model files that come with the package: addresses written out, so that tracers of files can follow them. */
import { fileURLToPath } from 'node:url';

/** Path of the quality model that comes with the package. */
export function defaultModelPath(): string {
  return fileURLToPath(new URL('../../models/hyperiqa-lite0.pt', import.meta.url));
}

/** Path of the face detector that comes with the package. */
export function defaultFaceModelPath(): string {
  return fileURLToPath(new URL('../../models/mtcnn-faces.pt', import.meta.url));
}
