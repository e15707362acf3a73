/** The zip archive that `torch.save` writes since PyTorch 1.6 (2020), as torch/serialization.py of 2.13 reads it. */
import { fromFdPromise, type Entry, type ZipFile } from 'yauzl';

import { damaged, wrongFormat, type InputFile } from './input-file.js';
import { ELEMENT_BYTES, type Container, type Place, type Storage } from './tensor.js';
import { readPickle, TorchObjects } from './torch-objects.js';

/** A checkpoint of this network has about 360 records. */
const MAXIMUM_RECORDS = 10_000;

/**
 * Reads `<root>/data.pkl`, whose storages are the records `<root>/data/<key>`.
 *
 * @throws HyperIQAError ERR_CHECKPOINT_FORMAT, ERR_CHECKPOINT_UNSAFE, ERR_CHECKPOINT_DAMAGED, ERR_CHECKPOINT_READ
 */
export async function openZip(file: InputFile): Promise<Container> {
  const records = await readRecords(file);
  const root = [...records.keys()].map((name) => /^([^/]+)\/data\.pkl$/.exec(name)?.[1]).find((name) => name);
  if (root === undefined) throw wrongFormat(file.path, 'it is a zip archive, but no PyTorch checkpoint');
  if (records.has(`${root}/constants.pkl`)) {
    throw wrongFormat(file.path, 'it is a TorchScript archive, perhaps a model file already, and no checkpoint');
  }
  const order = records.get(`${root}/byteorder`);
  if (order && (await file.read(order.position, Math.min(order.length, 8))).toString() !== 'little') {
    throw wrongFormat(file.path, 'its numbers are big-endian');
  }
  const pickle = records.get(`${root}/data.pkl`);
  if (!pickle) throw damaged(file.path, 'data.pkl is missing');
  let objects = new TorchObjects(file.path);
  const { value } = await readPickle(file, pickle.position, pickle.position + pickle.length, () => {
    objects = new TorchObjects(file.path);
    return objects;
  });
  const places = new Map<string, Place>();
  for (const storage of objects.storages.values()) {
    const place = records.get(`${root}/data/${storage.key}`);
    if (!place) throw damaged(file.path, `the storage ${storage.key} is missing`);
    requireLength(file, storage, place.length);
    places.set(storage.key, place);
  }
  return { content: value, places };
}

/** The records of an archive by name. Compressed, encrypted, repeated and overlapping ones are refused. */
export async function readRecords(file: InputFile): Promise<Map<string, Place>> {
  const records = new Map<string, Place>();
  try {
    // The descriptor is the file's, and stays open.
    const archive = await fromFdPromise(file.fd, { autoClose: false });
    if (archive.entryCount > MAXIMUM_RECORDS) throw new Error(`it has ${archive.entryCount} records`);
    for await (const entry of archive.eachEntry()) {
      if (records.has(entry.fileName)) throw new Error(`it has two records ${entry.fileName}`);
      records.set(entry.fileName, await placeOf(archive, entry));
    }
  } catch (error) {
    throw damaged(file.path, `its archive cannot be read (${(error as Error).message})`, error);
  }
  let end = 0;
  for (const { position, length } of [...records.values()].sort((a, b) => a.position - b.position)) {
    if (position < end || position + length > file.size) throw damaged(file.path, 'records of its archive overlap');
    end = position + length;
  }
  return records;
}

async function placeOf(archive: ZipFile, entry: Entry): Promise<Place> {
  if (entry.compressionMethod !== 0 || entry.isEncrypted()) {
    throw new Error(`the record ${entry.fileName} is compressed or encrypted, which PyTorch's never are`);
  }
  const { fileDataStart } = await archive.readLocalFileHeaderPromise(entry, { minimal: true });
  // 0: PyTorch was told to leave the checksums out (torch.serialization.set_crc32_options).
  return { position: fileDataStart, length: entry.uncompressedSize, crc: entry.crc32 === 0 ? null : entry.crc32 };
}

function requireLength(file: InputFile, { key, type, count }: Storage, length: number): void {
  const needed = count * ELEMENT_BYTES[type];
  if (length !== needed) {
    throw damaged(file.path, `the storage ${key} has ${length} bytes instead of ${needed}`);
  }
}
