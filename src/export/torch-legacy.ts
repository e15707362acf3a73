/** The plain pickle that `torch.save` wrote before PyTorch 1.6, as torch/serialization.py of 2.13 reads it. */
import { damaged, wrongFormat, type InputFile } from './input-file.js';
import { ELEMENT_BYTES, type Container, type Place, type Storage } from './tensor.js';
import { readPickle, TorchObjects } from './torch-objects.js';

const MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_PROTOCOL = 1001;

/**
 * Five pickles one after the other: magic number, protocol version, a description of the machine, the content, and the
 * keys of the storages; then for each of these keys the number of elements (8 bytes) and the elements.
 *
 * @throws HyperIQAError ERR_CHECKPOINT_FORMAT, ERR_CHECKPOINT_UNSAFE, ERR_CHECKPOINT_DAMAGED, ERR_CHECKPOINT_READ
 */
export async function openLegacy(file: InputFile): Promise<Container> {
  let objects = new TorchObjects(file.path);
  let position = 0;
  const next = async (): Promise<unknown> => {
    const { value, end } = await readPickle(file, position, file.size, () => {
      objects = new TorchObjects(file.path);
      return objects;
    });
    position = end;
    return value;
  };

  if ((await next()) !== MAGIC) throw wrongFormat(file.path, 'it is a pickle, but no PyTorch checkpoint');
  const protocol = await next();
  if (protocol !== LEGACY_PROTOCOL) {
    throw wrongFormat(file.path, `its format has version ${String(protocol)} instead of ${LEGACY_PROTOCOL}`);
  }
  const machine = await next();
  if (!(machine instanceof Map) || machine.get('little_endian') !== true) {
    throw wrongFormat(file.path, 'its numbers are big-endian');
  }
  const content = await next();
  const { storages } = objects;
  const keys = await next();
  if (!Array.isArray(keys)) throw damaged(file.path, 'it has no list of storages');
  return { content, places: await placesOf(file, position, keys, storages) };
}

async function placesOf(
  file: InputFile,
  start: number,
  keys: readonly unknown[],
  storages: ReadonlyMap<string, Storage>,
): Promise<Map<string, Place>> {
  const places = new Map<string, Place>();
  let position = start;
  for (const key of keys) {
    const storage = storages.get(key as string);
    if (!storage || places.has(storage.key))
      throw damaged(file.path, 'its list of storages is not that of its tensors');
    const count = (await file.read(position, 8)).readBigInt64LE();
    const size = ELEMENT_BYTES[storage.type];
    if (count !== BigInt(storage.count)) {
      throw damaged(file.path, `the storage ${storage.key} has ${count} elements instead of ${storage.count}`);
    }
    const place = { position: position + 8, length: storage.count * size, crc: null };
    position = place.position + place.length;
    if (position > file.size) throw damaged(file.path, `it ends at ${file.size} bytes, within its weights`);
    places.set(storage.key, place);
  }
  const missing = [...storages.keys()].find((key) => !places.has(key));
  if (missing !== undefined) throw damaged(file.path, `the storage ${missing} is missing`);
  return places;
}
