/** Identity of a model that is not loaded. */
import { stat } from 'node:fs/promises';

import { sha256OfFile } from '../files/sha256.js';
import { locateModel } from './locate.js';
import { checkModelFile } from './model-file.js';
import { defaultModelPath } from './shipped.js';

/**
 * SHA-256 of the file that a model's name leads to, as `info.model.sha256` has it once it is loaded.
 *
 * @param model - As `HyperIQA.load` takes it. Default: the model of the package.
 * @throws HyperIQAError ERR_INVALID_ARGUMENT, ERR_MODEL_NOT_FOUND, ERR_MODEL_FORMAT
 */
export async function modelSha256(model?: string | URL): Promise<string> {
  const { path, registered } = await locateModel(model);
  if (registered !== undefined) return registered.sha256;
  await checkModelFile(path, defaultModelPath());
  const { size, mtimeMs, ino } = await stat(path);
  const state = `${path}\0${ino}\0${size}\0${mtimeMs}`;
  const hash = hashes.get(state) ?? (await sha256OfFile(path));
  hashes.set(state, hash);
  return hash;
}

/** Hashes by path and state of the file: a service asks again and again, of few models. */
const hashes = new Map<string, string>();
