/** Tensors as a checkpoint stores them: a window on a storage, described before anything of it is read. */

/** Element types that weights may have; the names are those of `hyperiqa.json`'s weights SHA-256. */
export const ELEMENT_BYTES = {
  float16: 2,
  bfloat16: 2,
  float32: 4,
  float64: 8,
  uint8: 1,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  bool: 1,
} as const;

export type ElementType = keyof typeof ELEMENT_BYTES;

export const isFloating = (type: ElementType): boolean => type.includes('float');

/** A run of elements somewhere in the file. */
export interface Storage {
  key: string;
  type: ElementType;
  /** Number of elements. */
  count: number;
}

/** Offset and length of a storage's bytes in the file. */
export interface Place {
  position: number;
  length: number;
  /** CRC-32; null where the file has none. */
  crc: number | null;
}

/** Content of a checkpoint's file: an object of Maps, arrays, plain values and tensors, and their storages by key. */
export interface Container {
  content: unknown;
  places: ReadonlyMap<string, Place>;
}

/** A tensor of a checkpoint, without its bytes. */
export class StoredTensor {
  constructor(
    readonly storage: Storage,
    /** First element in the storage. */
    readonly offset: number,
    readonly shape: readonly number[],
    /** Strides in elements, one for each dimension. */
    readonly strides: readonly number[],
  ) {}

  get type(): ElementType {
    return this.storage.type;
  }

  /** Number of elements; not exact beyond 2⁵³, which no storage holds. */
  get count(): number {
    return this.shape.reduce((product, size) => product * size, 1);
  }

  /** Elements of the storage from `offset` that the tensor reaches over. */
  get extent(): number {
    if (this.count === 0) return 0;
    return this.shape.reduce((last, size, i) => last + (size - 1) * (this.strides[i] ?? 0), 0) + 1;
  }

  /** True where the elements lie one after the other in row-major order. */
  get contiguous(): boolean {
    let expected = 1;
    for (let i = this.shape.length - 1; i >= 0; i--) {
      const size = this.shape[i] ?? 1;
      if (size !== 1 && this.strides[i] !== expected) return false;
      expected *= size;
    }
    return true;
  }
}

/** The elements in row-major order, from the bytes of the window that the tensor reaches over. */
export function gather(tensor: StoredTensor, window: Buffer): Buffer {
  if (tensor.contiguous) return window;
  const size = ELEMENT_BYTES[tensor.type];
  const result = Buffer.from(new ArrayBuffer(tensor.count * size));
  const index = tensor.shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < result.length; to += size) {
    window.copy(result, to, from * size, (from + 1) * size);
    for (let i = index.length - 1; i >= 0; i--) {
      const stride = tensor.strides[i] ?? 0;
      from += stride;
      index[i] = (index[i] ?? 0) + 1;
      if ((index[i] ?? 0) < (tensor.shape[i] ?? 0)) break;
      from -= stride * (index[i] ?? 0);
      index[i] = 0;
    }
  }
  return result;
}

/**
 * Elements as another type of the same kind (floating or not), little-endian: float64 is rounded to float32 as C does,
 * everything else is exact. `bytes` must begin its own memory where the type is as wanted.
 */
export function convert(bytes: Buffer, from: ElementType, to: 'float32' | 'int64'): Buffer {
  if (from === to) return bytes;
  const count = bytes.length / ELEMENT_BYTES[from];
  if (to === 'float32') {
    const result = new Float32Array(count);
    const value = floatReader(bytes, from);
    for (let i = 0; i < count; i++) result[i] = value(i);
    return Buffer.from(result.buffer);
  }
  const result = new BigInt64Array(count);
  for (let i = 0; i < count; i++) result[i] = BigInt(readInteger(bytes, from, i));
  return Buffer.from(result.buffer);
}

function floatReader(bytes: Buffer, type: ElementType): (index: number) => number {
  if (type === 'float64') return (i) => bytes.readDoubleLE(i * 8);
  const word = Buffer.alloc(4);
  if (type === 'bfloat16') {
    // The upper half of a float32.
    return (i) => {
      word.writeUInt16LE(bytes.readUInt16LE(i * 2), 2);
      return word.readFloatLE(0);
    };
  }
  return (i) => fromHalf(bytes.readUInt16LE(i * 2));
}

/** IEEE 754 half precision: 1 bit sign, 5 bits exponent, 10 bits fraction. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function readInteger(bytes: Buffer, type: string, index: number): number {
  switch (type) {
    case 'int8':
      return bytes.readInt8(index);
    case 'int16':
      return bytes.readInt16LE(index * 2);
    case 'int32':
      return bytes.readInt32LE(index * 4);
    default:
      // uint8 and bool; int64 is not converted.
      return bytes.readUInt8(index);
  }
}

/** An entry of the network's state_dict, and the record of the archive that holds its bytes. */
export interface TemplateTensor {
  name: string;
  dtype: 'float32' | 'int64';
  shape: number[];
  record: string;
}
