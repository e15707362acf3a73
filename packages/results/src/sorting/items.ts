/** Items that are sorted: a key, a text, and the number of where they come from; and their form in memory and on disk. */

/** One item. */
export interface Item {
  readonly key: string;
  readonly text: string;
  /** Number of the input that it comes from. */
  readonly origin: number;
}

/** Lengths of key and text, and the origin, as unsigned 32-bit integers. */
export const HEAD_BYTES = 12;

/** Bytes of the item that begins at `at`. */
export const itemLength = (buffer: Buffer, at: number): number =>
  HEAD_BYTES + buffer.readUInt32LE(at) + buffer.readUInt32LE(at + 4);

export function readItem(buffer: Buffer, at: number): Item {
  const text = at + HEAD_BYTES + buffer.readUInt32LE(at);
  return {
    key: buffer.toString('utf8', at + HEAD_BYTES, text),
    text: buffer.toString('utf8', text, text + buffer.readUInt32LE(at + 4)),
    origin: buffer.readUInt32LE(at + 8),
  };
}

/** @returns the end of the item; undefined where it does not fit, and nothing that counts is written */
export function writeItem(buffer: Buffer, at: number, { key, text, origin }: Item): number | undefined {
  // UTF-8 has at most three bytes for each UTF-16 unit; only where that might not fit is it counted.
  if (at + HEAD_BYTES + 3 * (key.length + text.length) > buffer.length) {
    if (at + HEAD_BYTES + Buffer.byteLength(key) + Buffer.byteLength(text) > buffer.length) return undefined;
  }
  const keyBytes = buffer.write(key, at + HEAD_BYTES);
  const textBytes = buffer.write(text, at + HEAD_BYTES + keyBytes);
  buffer.writeUInt32LE(keyBytes, at);
  buffer.writeUInt32LE(textBytes, at + 4);
  buffer.writeUInt32LE(origin, at + 8);
  return at + HEAD_BYTES + keyBytes + textBytes;
}

/** Order of the keys' bytes, which is that of code points; among equal keys, of the origins. */
export function compareItems(a: Buffer, atA: number, b: Buffer, atB: number): number {
  const [startA, startB] = [atA + HEAD_BYTES, atB + HEAD_BYTES];
  return (
    a.compare(b, startB, startB + b.readUInt32LE(atB), startA, startA + a.readUInt32LE(atA)) ||
    a.readUInt32LE(atA + 8) - b.readUInt32LE(atB + 8)
  );
}
