/** Model files with other metadata: the archive stays as it is, but for the text of `hyperiqa.json`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { StoredMetadata } from '../../src/model-file/metadata.js';

type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;

const centralEntry = 0x02014b50;
const dataDescriptor = 0x08074b50;

/** Copies a model file with its metadata changed; the changed text must not be longer than the one that was there. */
export function withMetadata(from: string, to: string, change: (metadata: Mutable<StoredMetadata>) => void): void {
  const file = readFileSync(from);
  const name = Buffer.from('/extra/hyperiqa.json');
  // The last mention of the name is the one in the directory at the end; its entry starts 46 bytes before the name.
  const nameEnd = file.lastIndexOf(name) + name.length;
  let entry = file.lastIndexOf(name) - 46;
  while (
    entry > 0 &&
    (file.readUInt32LE(entry) !== centralEntry || entry + 46 + file.readUInt16LE(entry + 28) !== nameEnd)
  ) {
    entry--;
  }
  const size = file.readUInt32LE(entry + 24);
  const local = file.readUInt32LE(entry + 42);
  const start = local + 30 + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28);

  const metadata = JSON.parse(file.toString('utf8', start, start + size)) as Mutable<StoredMetadata>;
  change(metadata);
  const text = Buffer.from(JSON.stringify(metadata));
  if (text.length > size) throw new Error(`The changed metadata has ${text.length} bytes, ${size} fit.`);
  file.fill(' ', start, start + size);
  text.copy(file, start);

  const sum = crc32(file.subarray(start, start + size));
  file.writeUInt32LE(sum, entry + 16);
  file.writeUInt32LE(sum, local + 14);
  if (file.readUInt32LE(start + size) === dataDescriptor) file.writeUInt32LE(sum, start + size + 4);
  writeFileSync(to, file);
}
