/** Scoring protocols by name, and what an options object makes of them. */
import { HyperIQAError } from './errors.js';
import type { ModelMetadata, Protocol, ProtocolName, ScoreOptions } from './types.js';

/** Names of the built-in protocols, in the order of the documentation. */
export const protocolNames: readonly ProtocolName[] = Object.freeze([
  'official',
  'official-test',
  'pyiqa',
  'native',
] as const);

/**
 * The complete protocol that `score` applies with these options: the named or given one, else the model's own, with
 * `crops` in the place of its crops.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT
 */
export function resolveProtocol(
  _model: Pick<ModelMetadata, 'protocol' | 'datasetResize'>,
  _options: Pick<ScoreOptions, 'protocol' | 'crops'> = {},
): Protocol {
  throw new HyperIQAError('ERR_INTERNAL', 'not written yet');
}
