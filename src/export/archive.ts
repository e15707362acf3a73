/**
 * Writes the archive of a model file: the same bytes as models/hyperiqa/exporting.py writes with Python's zipfile.
 *
 * The zip libraries of npm leave no say in where the data of a record begins, and PyTorch wants it at multiples of 64
 * bytes. Stored records, sizes known beforehand and less than 4 GiB in all leave little of the format to write.
 */
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

export interface ArchiveRecord {
  /** ASCII. */
  name: string;
  bytes: Buffer;
}

/** PyTorch's own alignment of records, in bytes. */
const ALIGNMENT = 64;
const LOCAL_HEADER = 30;
const CENTRAL_HEADER = 46;
const END_HEADER = 22;
/** Zip 2.0, on Unix: the permissions below are Unix's. */
const VERSION = 20;
const UNIX = 3;
/** 1980-01-01, 00:00: a date of its own would give each export other bytes. */
const DATE = 33;
const PERMISSIONS = 0o600 << 16;

/**
 * Writes the records in their order, from the beginning of the file.
 *
 * @param report - Is told the bytes of each record when they are written; what it throws ends the work.
 */
export async function writeArchive(
  file: FileHandle,
  records: readonly ArchiveRecord[],
  report: (bytes: number) => void,
): Promise<void> {
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes } of records) {
    const padding = alignment(offset, name);
    const fields = commonFields(name, bytes, padding);
    await writeAll(file, [localHeader(fields), Buffer.from(name), padding, bytes], offset);
    directory.push(centralHeader(fields, offset), Buffer.from(name), padding);
    offset += LOCAL_HEADER + name.length + padding.length + bytes.length;
    report(bytes.length);
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  await writeAll(file, [...directory, endHeader(records.length, size, offset)], offset);
}

/** An extra field ("FB", as PyTorch's) that makes the data of a record begin at a multiple of the alignment. */
function alignment(offset: number, name: string): Buffer {
  const start = offset + LOCAL_HEADER + name.length + 4;
  const padding = Buffer.alloc(4 + ((ALIGNMENT - (start % ALIGNMENT)) % ALIGNMENT));
  padding.write('FB', 'latin1');
  padding.writeUInt16LE(padding.length - 4, 2);
  return padding;
}

/** Fields that the local and the central header share: flags and method (stored), date, checksum, sizes, lengths. */
function commonFields(name: string, bytes: Buffer, padding: Buffer): Buffer {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(VERSION, 0);
  fields.writeUInt16LE(DATE, 8);
  fields.writeUInt32LE(crc32(bytes), 10);
  fields.writeUInt32LE(bytes.length, 14);
  fields.writeUInt32LE(bytes.length, 18);
  fields.writeUInt16LE(name.length, 22);
  fields.writeUInt16LE(padding.length, 24);
  return fields;
}

function localHeader(fields: Buffer): Buffer {
  const header = Buffer.alloc(LOCAL_HEADER);
  header.writeUInt32LE(0x04034b50, 0);
  fields.copy(header, 4);
  return header;
}

function centralHeader(fields: Buffer, offset: number): Buffer {
  const header = Buffer.alloc(CENTRAL_HEADER);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt8(VERSION, 4);
  header.writeUInt8(UNIX, 5);
  fields.copy(header, 6);
  header.writeUInt32LE(PERMISSIONS, 38);
  header.writeUInt32LE(offset, 42);
  return header;
}

function endHeader(count: number, size: number, offset: number): Buffer {
  const header = Buffer.alloc(END_HEADER);
  header.writeUInt32LE(0x06054b50, 0);
  header.writeUInt16LE(count, 8);
  header.writeUInt16LE(count, 10);
  header.writeUInt32LE(size, 12);
  header.writeUInt32LE(offset, 16);
  return header;
}

async function writeAll(file: FileHandle, parts: readonly Buffer[], position: number): Promise<void> {
  for (const part of parts) {
    let done = 0;
    while (done < part.length) {
      done += (await file.write(part, done, part.length - done, position + done)).bytesWritten;
    }
    position += part.length;
  }
}
