/**
 * Resolves the objects PyTorch writes into a checkpoint's pickle: tensors, storages, ordered dictionaries, and no
 * others.
 */
import { HyperIQAError } from '../errors.js';
import { damaged, wrongFormat, type InputFile } from './input-file.js';
import { Global, PickleEnd, PickleError, PickleRefusal, Tuple, unpickle, type Resolver } from './pickle.js';
import { StoredTensor, type ElementType, type Storage } from './tensor.js';

/** The largest pickle that is read, in bytes. Checkpoints of this network have about 50 kB, with an optimiser some more. */
const MAXIMUM_PICKLE = 16 << 20;
const FIRST_WINDOW = 1 << 16;

/** Entries that all calls of OrderedDict together may copy: a list can be handed over again and again. */
const MAXIMUM_COPIED_ENTRIES = 100_000;
/** Limit above the dimensions of any tensor of a network; each one costs time in what follows. */
const MAXIMUM_DIMENSIONS = 64;

const STORAGES = new Map<string, ElementType>([
  ['torch.FloatStorage', 'float32'],
  ['torch.DoubleStorage', 'float64'],
  ['torch.HalfStorage', 'float16'],
  ['torch.BFloat16Storage', 'bfloat16'],
  ['torch.ByteStorage', 'uint8'],
  ['torch.CharStorage', 'int8'],
  ['torch.ShortStorage', 'int16'],
  ['torch.IntStorage', 'int32'],
  ['torch.LongStorage', 'int64'],
  ['torch.BoolStorage', 'bool'],
]);
const FUNCTIONS = [
  'collections.OrderedDict',
  'torch._utils._rebuild_tensor',
  'torch._utils._rebuild_tensor_v2',
  'torch._utils._rebuild_parameter',
];

/** Makes the objects of one pickle, and collects the storages that it refers to. */
export class TorchObjects implements Resolver {
  /** Storages by key. */
  readonly storages = new Map<string, Storage>();
  readonly #made = new Set<unknown>();
  #copied = 0;

  constructor(private readonly path: string) {}

  global(name: Global): void {
    const known = String(name);
    if (STORAGES.has(known) || FUNCTIONS.includes(known)) return;
    throw unsafe(this.path, `it refers to ${known}`);
  }

  call(callable: Global, args: readonly unknown[]): unknown {
    switch (String(callable)) {
      case 'collections.OrderedDict':
        return this.#dictionary(args);
      case 'torch._utils._rebuild_parameter':
        if (args[0] instanceof StoredTensor) return args[0];
        throw this.#wrong('a parameter is made of no tensor');
      case 'torch._utils._rebuild_tensor':
      case 'torch._utils._rebuild_tensor_v2':
        return this.#tensor(args);
      default:
        throw this.#wrong(`${String(callable)} is called, which is no function`);
    }
  }

  /** `('storage', class, key, location, number of elements)`; the legacy format adds a view, of PyTorch before 0.4. */
  persistent(id: unknown): Storage {
    const [kind, type, key, location, count, view] = id instanceof Tuple ? id.items : [];
    const element = type instanceof Global ? STORAGES.get(String(type)) : undefined;
    if (kind !== 'storage' || element === undefined || typeof key !== 'string' || typeof location !== 'string') {
      throw this.#wrong('it refers to something outside that is no storage');
    }
    if (view !== undefined && view !== null) {
      throw wrongFormat(this.path, 'it has views of storages, which only PyTorch before 0.4 wrote');
    }
    if (!isSize(count)) throw this.#wrong(`the storage ${key} has ${String(count)} elements`);
    const known = this.storages.get(key);
    if (known) {
      if (known.type === element && known.count === count) return known;
      throw this.#wrong(`the storage ${key} is described in two ways`);
    }
    const storage = { key, type: element, count };
    this.storages.set(key, storage);
    this.#made.add(storage);
    return storage;
  }

  /** Python 3 makes it empty and sets entries afterwards; Python 2 hands a list of pairs over. */
  #dictionary([pairs, ...others]: readonly unknown[]): Map<unknown, unknown> {
    if (pairs === undefined) return new Map();
    if (!Array.isArray(pairs) || others.length > 0) throw this.#wrong('a dictionary is made of no list');
    this.#copied += pairs.length;
    if (this.#copied > MAXIMUM_COPIED_ENTRIES) throw this.#wrong('its dictionaries have too many entries');
    return new Map(
      pairs.map((pair): [unknown, unknown] => {
        const items: unknown = pair instanceof Tuple ? pair.items : pair;
        if (Array.isArray(items) && items.length === 2) return [items[0], items[1]];
        throw this.#wrong('a dictionary has an entry that is no pair');
      }),
    );
  }

  /** `(storage, offset, shape, strides, …)`; what follows is about gradients. */
  #tensor([storage, offset, shape, strides, , , metadata]: readonly unknown[]): StoredTensor {
    const known = this.#made.has(storage) ? (storage as Storage) : undefined;
    if (!known || !isSize(offset) || !(shape instanceof Tuple) || !(strides instanceof Tuple)) {
      throw this.#wrong('a tensor is described in an unknown way');
    }
    const dimensions = shape.items.length;
    if (dimensions > MAXIMUM_DIMENSIONS || strides.items.length !== dimensions) {
      throw this.#wrong(`a tensor has ${dimensions} sizes and ${strides.items.length} strides`);
    }
    if (![...shape.items, ...strides.items].every(isSize)) throw this.#wrong('a tensor has an impossible shape');
    // Conjugate and negative views, which weights never are.
    if (metadata instanceof Map ? metadata.size > 0 : metadata !== undefined && metadata !== null) {
      throw this.#wrong('a tensor is a view of an unknown kind');
    }
    const tensor = new StoredTensor(known, offset, shape.items as number[], strides.items as number[]);
    // Sizes that multiply beyond 2⁵³ are not exact, but far beyond any storage all the same.
    if (!(offset + tensor.extent <= known.count)) {
      throw this.#wrong(
        `a tensor of shape ${formatShape(tensor.shape)} reaches beyond its storage of ${known.count} elements`,
      );
    }
    return tensor;
  }

  #wrong(reason: string): HyperIQAError {
    return damaged(this.path, reason);
  }
}

/** A shape for messages: `64×3×7×7`. */
export function formatShape(shape: readonly number[]): string {
  return shape.length === 0 ? 'a scalar' : shape.join('×');
}

const isSize = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/**
 * Reads the pickle at a position of a file.
 *
 * @param end - Where it must have ended, bytes.
 * @throws HyperIQAError ERR_CHECKPOINT_UNSAFE, ERR_CHECKPOINT_FORMAT, ERR_CHECKPOINT_DAMAGED, ERR_CHECKPOINT_READ
 */
export async function readPickle(
  file: InputFile,
  position: number,
  end: number,
  makeResolver: () => Resolver,
): Promise<{ value: unknown; end: number }> {
  const available = Math.min(end - position, MAXIMUM_PICKLE);
  // The length is known only at the end: the window grows until the pickle fits.
  for (let window = FIRST_WINDOW; ; window *= 4) {
    const bytes = await file.read(position, Math.min(window, available));
    try {
      const { value, length } = unpickle(bytes, makeResolver());
      return { value, end: position + length };
    } catch (error) {
      if (error instanceof PickleEnd && window < available) continue;
      throw explain(file.path, error, end - position > MAXIMUM_PICKLE);
    }
  }
}

function explain(path: string, error: unknown, tooLarge: boolean): unknown {
  if (error instanceof PickleRefusal) return unsafe(path, error.message);
  if (error instanceof PickleEnd) {
    return tooLarge
      ? wrongFormat(
          path,
          `its pickle is longer than ${MAXIMUM_PICKLE >> 20} MiB, which no checkpoint of this network is`,
        )
      : damaged(path, error.message);
  }
  return error instanceof PickleError ? damaged(path, error.message) : error;
}

function unsafe(path: string, what: string): HyperIQAError {
  return new HyperIQAError(
    'ERR_CHECKPOINT_UNSAFE',
    `${path} holds more than tensors: ${what}. Nothing of it was run. Only tensors and dictionaries are read; ` +
      'if you trust the file, load it in Python and save its state_dict alone.',
  );
}
