/** Versions and devices of this installation, without a model. */
import { toHyperIQAError } from '../errors.js';
import { loadBinding } from '../libtorch/addon.js';
import { versions } from './provenance.js';
import type { RuntimeInfo } from '../types.js';
import { checkObject, checkString } from '../support/validate.js';

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
