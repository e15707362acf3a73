/** Resolves what a caller names a model by to its file. */
import { stat } from 'node:fs/promises';

import { HyperIQAError } from '../errors.js';
import { modelPath } from './model-file.js';
import { defaultModelPath } from './shipped.js';
import { DEFAULT_MODEL_NAME, isName, isPath } from './names.js';
import { storedModel, storedNames } from './registered.js';
import { shorten } from '../support/shorten.js';

export interface LocatedModel {
  /** Absolute. */
  path: string;
  /** Set for a registered model: its name, the SHA-256 its file must have, and whether it was added as trusted. */
  registered?: { name: string; sha256: string; trusted: boolean };
}

/**
 * The file of a model. A text with a separator (`/` or `\`) or the ending `.pt` is a path. Anything else is the name of a
 * registered model, or `default`; where no model has the name, it is a path after all.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT; ERR_MODEL_NOT_FOUND where there is neither a model nor a file of the name;
 *   ERR_MODEL_FORMAT where the registry's entry is damaged. That a path leads to a file is not checked
 */
export async function locateModel(model: unknown): Promise<LocatedModel> {
  if (model === DEFAULT_MODEL_NAME) return { path: defaultModelPath() };
  const path = modelPath(model, defaultModelPath());
  if (typeof model !== 'string' || isPath(model)) return { path };
  const stored = isName(model) ? await storedModel(model) : undefined;
  if (stored) return { path: stored.path, registered: { name: model, sha256: stored.sha256, trusted: stored.trusted } };
  const found = await stat(path).then(
    () => true,
    () => false,
  );
  if (found) return { path };
  throw await unknownModel(model, `neither a registered one nor a file of this name (${shorten(path)})`);
}

/** Error for an unknown model; the message suggests the closest name, or lists the registered ones. */
export async function unknownModel(name: string, what: string): Promise<HyperIQAError> {
  const { suggestion } = await import('../support/suggest.js');
  const names = [DEFAULT_MODEL_NAME, ...(await storedNames())];
  const meant = suggestion(name, names);
  const hint = meant === undefined ? `Registered are: ${names.join(', ')}.` : `Did you mean ${meant}?`;
  return new HyperIQAError(
    'ERR_MODEL_NOT_FOUND',
    `There is no model ${name}: ${what}. ${hint} "hyperiqa models add FILE --name NAME" registers one.`,
  );
}

/**
 * Checks that a registered model is still the file that was added.
 *
 * @throws HyperIQAError ERR_MODEL_HASH
 */
export function requireSha256(name: string, path: string, found: string, wanted: string): void {
  if (found === wanted) return;
  throw new HyperIQAError(
    'ERR_MODEL_HASH',
    `The file of the model ${name} is not the one that was added: ${path} has the SHA-256 ${found}, not ${wanted}. ` +
      'Add the model again ("hyperiqa models add FILE --name ' +
      `${name} --replace").`,
  );
}
