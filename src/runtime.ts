/** What surrounds the engine: the default model, and the versions and devices of this installation. */
import { fileURLToPath } from 'node:url';
import { HyperIQAError } from './errors.js';
import type { RuntimeInfo } from './types.js';

/** Path of the model that comes with the package. */
export function defaultModelPath(): string {
  return fileURLToPath(new URL('../models/hyperiqa-lite0.pt', import.meta.url));
}

/**
 * Versions, LibTorch and CUDA of this installation, without loading a model.
 *
 * @param options.libtorch - Folder of the LibTorch to use, as in {@link LoadOptions}.
 * @throws HyperIQAError ERR_LIBTORCH_NOT_FOUND, ERR_LIBTORCH_VERSION, ERR_LIBTORCH_LOAD, ERR_ADDON_NOT_FOUND
 */
export function runtimeInfo(_options: { libtorch?: string } = {}): Promise<RuntimeInfo> {
  return Promise.reject(new HyperIQAError('ERR_INTERNAL', 'not written yet'));
}
