/** The layouts of checkpoints: what their entries are called, and what that is in the network. */
import { HyperIQAError } from '../errors.js';
import { show } from '../support/validate.js';
import { wrongFormat } from './input-file.js';
import { isFloating, StoredTensor, type TemplateTensor } from './tensor.js';
import { formatShape } from './torch-objects.js';

/** Naming scheme of the weights: that of the authors' code, or pyiqa's. */
export type CheckpointLayout = 'official' | 'pyiqa';

/** The weights of a checkpoint by their name in the network. */
export interface StateDict {
  layout: CheckpointLayout;
  tensors: ReadonlyMap<string, StoredTensor>;
}

/** The scripted module holds the network as `network`. */
const PREFIX = 'network.';

/** Names of pyiqa's HyperNet (IQA-PyTorch, pyiqa/archs/hypernet_arch.py); models/hyperiqa/checkpoints.py has them, too. */
const PYIQA: readonly [RegExp, (...parts: string[]) => string][] = [
  [/^base_model\.(.+)$/, (_, rest) => `res.${rest}`],
  [/^lda_modules\.([012])\.0\.(.+)$/, (_, stage, rest) => `res.lda${Number(stage) + 1}_pool.0.${rest}`],
  [/^lda_modules\.([012])\.3\.(.+)$/, (_, stage, rest) => `res.lda${Number(stage) + 1}_fc.${rest}`],
  [/^lda_modules\.3\.2\.(.+)$/, (_, rest) => `res.lda4_fc.${rest}`],
  [/^fc_w_modules\.([0-3])\.(weight|bias)$/, (_, layer, rest) => `fc${Number(layer) + 1}w_conv.${rest}`],
  [/^fc_w_modules\.4\.2\.(.+)$/, (_, rest) => `fc5w_fc.${rest}`],
  [/^fc_b_modules\.([0-4])\.2\.(.+)$/, (_, layer, rest) => `fc${Number(layer) + 1}b_fc.${rest}`],
];

function fromPyiqa(name: string): string {
  for (const [pattern, ours] of PYIQA) {
    const match = pattern.exec(name);
    if (match) return ours(...match);
  }
  return name;
}

/**
 * The weights in the content of a checkpoint, checked name by name and shape by shape against the network's.
 *
 * The weights are the content itself or its entry `state_dict` or `params`; names may begin with `module.`, as
 * `DataParallel` writes them.
 *
 * @throws HyperIQAError ERR_CHECKPOINT_FORMAT, ERR_CHECKPOINT_KEYS, ERR_CHECKPOINT_SHAPE
 */
export function fitStateDict(path: string, content: unknown, expected: readonly TemplateTensor[]): StateDict {
  const weights = stateDict(path, content);
  const layout = [...weights.keys()].some((name) => name.startsWith('base_model.')) ? 'pyiqa' : 'official';
  const known = new Set(expected.map(({ name }) => name));
  const tensors = new Map<string, StoredTensor>();
  const unknown: string[] = [];
  for (const [theirs, tensor] of weights) {
    const name = PREFIX + (layout === 'pyiqa' ? fromPyiqa(theirs) : theirs);
    if (known.has(name) && !tensors.has(name)) tensors.set(name, tensor);
    else unknown.push(theirs);
  }
  requireNames(path, expected, tensors, unknown);
  requireShapes(path, expected, tensors);
  return { layout, tensors };
}

function stateDict(path: string, content: unknown): Map<string, StoredTensor> {
  if (!(content instanceof Map)) throw wrongFormat(path, 'it holds no state_dict');
  if (content.has('backbone')) {
    throw wrongFormat(path, "it is a checkpoint of hyperiqa's own training, which models/export.py exports");
  }
  const entries = content as Map<unknown, unknown>;
  const key = ['state_dict', 'params'].find((name) => entries.has(name));
  const inner = key === undefined ? entries : entries.get(key);
  if (!(inner instanceof Map) || inner.size === 0) throw wrongFormat(path, 'it holds no state_dict');
  const weights = inner as Map<unknown, unknown>;
  for (const [name, value] of weights) {
    if (typeof name !== 'string' || !(value instanceof StoredTensor)) {
      throw wrongFormat(path, `its entry ${show(name)} is no tensor`);
    }
  }
  const named = [...(weights as Map<string, StoredTensor>)];
  const parallel = named.every(([name]) => name.startsWith('module.'));
  return new Map(named.map(([name, value]) => [parallel ? name.slice('module.'.length) : name, value]));
}

function requireNames(
  path: string,
  expected: readonly TemplateTensor[],
  tensors: ReadonlyMap<string, StoredTensor>,
  unknown: readonly string[],
): void {
  const missing = expected.flatMap(({ name }) => (tensors.has(name) ? [] : [name.slice(PREFIX.length)]));
  const parts: string[] = [];
  if (missing.length > 0) {
    parts.push(`${missing.length} of ${expected.length} weights are missing: ${some(missing)}`);
  }
  if (unknown.length > 0) parts.push(`${unknown.length} are unknown: ${some(unknown)}`);
  if (parts.length === 0) return;
  throw new HyperIQAError('ERR_CHECKPOINT_KEYS', `${path} is no checkpoint of this network: ${parts.join('; ')}.`);
}

function requireShapes(
  path: string,
  expected: readonly TemplateTensor[],
  tensors: ReadonlyMap<string, StoredTensor>,
): void {
  const wrong = expected.flatMap(({ name, dtype, shape }) => {
    const tensor = tensors.get(name);
    const short = name.slice(PREFIX.length);
    if (tensor && formatShape(tensor.shape) !== formatShape(shape)) {
      return [`${short} is ${formatShape(tensor.shape)} instead of ${formatShape(shape)}`];
    }
    return tensor && isFloating(tensor.type) !== isFloating(dtype)
      ? [`${short} is ${tensor.type} instead of ${dtype}`]
      : [];
  });
  if (wrong.length > 0) {
    throw new HyperIQAError('ERR_CHECKPOINT_SHAPE', `${path} does not fit this network: ${some(wrong)}.`);
  }
}

/** A list for a message, which does not grow without bound: names in a hostile file may be long. */
export function some(items: readonly string[], most = 8): string {
  const shown = items.slice(0, most).map((item) => (item.length > 100 ? `${item.slice(0, 100)}…` : item));
  return shown.join(', ') + (items.length > most ? ` and ${items.length - most} more` : '');
}
