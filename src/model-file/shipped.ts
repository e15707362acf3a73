/** Model files that come with the package. */
import { join } from 'node:path';

import { PACKAGE_ROOT } from '../support/package.js';

/** Path of the quality model that comes with the package. */
export function defaultModelPath(): string {
  return join(PACKAGE_ROOT, 'models', 'hyperiqa-lite0.pt');
}

/** Path of the face detector that comes with the package. */
export function defaultFaceModelPath(): string {
  return join(PACKAGE_ROOT, 'models', 'mtcnn-faces.pt');
}
