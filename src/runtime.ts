/** What surrounds the engine: the default model, and the versions and devices of this installation. */
import { fileURLToPath } from 'node:url';

import { toHyperIQAError } from './errors.js';
import { loadBinding } from './native/addon.js';
import { versions } from './provenance.js';
import type { RuntimeInfo } from './types.js';
import { checkObject, checkString } from './validate.js';

/** Path of the model that comes with the package. */
export function defaultModelPath(): string {
  return fileURLToPath(new URL('../models/hyperiqa-lite0.pt', import.meta.url));
}

/** Path of the face detector that comes with the package. */
export function defaultFaceModelPath(): string {
  return fileURLToPath(new URL('../models/mtcnn-faces.pt', import.meta.url));
}

/**
 * Versions, LibTorch and CUDA of this installation, without loading a model.
 *
 * @param options - `libtorch`: folder of the LibTorch to use, as in `LoadOptions`.
 * @throws HyperIQAError ERR_INVALID_ARGUMENT, ERR_LIBTORCH_NOT_FOUND, ERR_LIBTORCH_VERSION, ERR_LIBTORCH_LOAD,
 *   ERR_ADDON_NOT_FOUND
 */
export async function runtimeInfo(options: { libtorch?: string } = {}): Promise<RuntimeInfo> {
  const { libtorch: folder } = checkObject('options', options, ['libtorch']);
  const { binding, libtorch } = await loadBinding(
    folder === undefined ? {} : { libtorch: checkString('libtorch', folder) },
  );
  try {
    return {
      libtorch: { version: binding.libtorchVersion, path: libtorch.path, source: libtorch.source },
      cuda: await binding.cudaReport(),
      versions: versions(binding.libtorchVersion),
    };
  } catch (error) {
    throw toHyperIQAError(error);
  }
}
