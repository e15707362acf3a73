/** A file of `torch.save`, in either of its formats. */
import { crc32 } from 'node:zlib';

import { damaged, wrongFormat, type InputFile } from './input-file.js';
import { convert, ELEMENT_BYTES, gather, type Container, type Place, type StoredTensor } from './tensor.js';
import { openLegacy } from './torch-legacy.js';
import { openZip } from './torch-zip.js';

/** The content of a checkpoint: an object of Maps, arrays, plain values and tensors. */
export interface TorchFile {
  format: 'zip' | 'legacy';
  content: unknown;
  /** The elements of one of its tensors, in row-major order and in one of the types that a model file has. */
  read(tensor: StoredTensor, as: 'float32' | 'int64'): Promise<Buffer>;
}

const ZIP_START = 'PK\x03\x04';
/** First byte of every pickle of protocol 2 and above. */
const PICKLE_START = 0x80;

/**
 * Opens a file of `torch.save`. Its tensors are described and their places checked, but not read.
 *
 * @throws HyperIQAError ERR_CHECKPOINT_FORMAT, ERR_CHECKPOINT_UNSAFE, ERR_CHECKPOINT_DAMAGED, ERR_CHECKPOINT_READ
 */
export async function openTorchFile(file: InputFile): Promise<TorchFile> {
  if (file.size === 0) throw damaged(file.path, 'it is empty');
  const start = await file.read(0, Math.min(file.size, 512));
  if (start.toString('latin1', 0, 4) === ZIP_START) return torchFile(file, 'zip', await openZip(file));
  if (start[0] === PICKLE_START) return torchFile(file, 'legacy', await openLegacy(file));
  if (/^\s*<(!doctype|html)/i.test(start.toString('latin1'))) {
    throw wrongFormat(file.path, 'it is a web page, not a checkpoint: the download went to a page about the file');
  }
  throw wrongFormat(file.path, 'it is no PyTorch checkpoint');
}

function torchFile(file: InputFile, format: TorchFile['format'], { content, places }: Container): TorchFile {
  const verified = new Set<string>();
  return {
    format,
    content,
    async read(tensor, as) {
      const { key, type } = tensor.storage;
      const place = places.get(key);
      if (!place) throw damaged(file.path, `the storage ${key} is missing`);
      if (!verified.has(key)) await requireChecksum(file, key, place);
      verified.add(key);
      const size = ELEMENT_BYTES[type];
      const window = await file.read(place.position + tensor.offset * size, tensor.extent * size);
      return convert(gather(tensor, window), type, as);
    },
  };
}

const PIECE = 1 << 20;

async function requireChecksum(file: InputFile, key: string, { position, length, crc }: Place): Promise<void> {
  if (crc === null) return;
  let sum = 0;
  for (let done = 0; done < length; done += PIECE) {
    sum = crc32(await file.read(position + done, Math.min(PIECE, length - done)), sum);
  }
  if (sum !== crc) throw damaged(file.path, `the checksum of the storage ${key} is not that of its bytes`);
}
