/** Names of registered models, and how they are told from paths. */
import { HyperIQAError } from '../errors.js';
import { show } from '../support/validate.js';

/** Stands for the model of the package, and cannot be given to another one. */
export const DEFAULT_MODEL_NAME = 'default';

/** Lower case only: on some file systems two names that differ in case would be one folder. */
const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;
/** Names that Windows keeps for devices, whatever follows after a dot. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/;

/** A text with a separator or the ending of model files is a path, whatever is registered. */
export function isPath(model: string): boolean {
  return /[/\\]/.test(model) || /\.pt$/i.test(model);
}

/** True for what may be a name. Names are folders in the cache: nothing that leads out of it is one. */
export function isName(name: string): boolean {
  return NAME.test(name) && !isPath(name) && !DEVICE.test(name) && name !== DEFAULT_MODEL_NAME;
}

/** @throws HyperIQAError ERR_INVALID_ARGUMENT */
export function checkName(value: unknown): string {
  if (typeof value === 'string' && isName(value)) return value;
  throw new HyperIQAError(
    'ERR_INVALID_ARGUMENT',
    `A model's name has 1 to 64 lower-case letters, digits, dots, hyphens and underscores, begins and ends with a ` +
      `letter or digit, does not end with .pt, and is not "${DEFAULT_MODEL_NAME}" or a device of Windows: not ${show(value)}.`,
  );
}
