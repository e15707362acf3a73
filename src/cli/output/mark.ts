/**
 * The mark in files of which hyperiqa chooses the name, by which a later run knows what it may replace. It stands at a
 * fixed place, so that a file which another program has saved again is no longer taken for one of ours.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { extname } from 'node:path';
import { crc32 } from 'node:zlib';

/** Signature and IHDR of a PNG, which come first (PNG specification, 5.6). */
const PNG_HEAD = 33;

/** The registered keyword for the program that made an image (PNG specification, 11.3.3.2). */
const pngMark = chunk('tEXt', 'Software\0hyperiqa');
const jsonMark = Buffer.from('{"writtenBy":"hyperiqa",');
const svgMark = Buffer.from('<!-- written by hyperiqa -->\n');

function chunk(type: string, data: string): Buffer {
  const body = Buffer.from(type + data, 'latin1');
  const bytes = Buffer.alloc(body.length + 8);
  bytes.writeUInt32BE(data.length, 0);
  body.copy(bytes, 4);
  bytes.writeUInt32BE(crc32(body), body.length + 4);
  return bytes;
}

/** Kinds of files that can be marked: where the mark is, and how it gets there. */
const kinds: Record<string, { at: number; mark: Buffer; insert: (content: Buffer) => Buffer }> = {
  '.png': {
    at: PNG_HEAD,
    mark: pngMark,
    insert: (content) => Buffer.concat([content.subarray(0, PNG_HEAD), pngMark, content.subarray(PNG_HEAD)]),
  },
  // The mark has the brace that opens the object.
  '.json': { at: 0, mark: jsonMark, insert: (content) => Buffer.concat([jsonMark, content.subarray(1)]) },
  '.svg': { at: 0, mark: svgMark, insert: (content) => Buffer.concat([svgMark, content]) },
};

/** The content of a PNG, JSON (an object with members) or SVG file with the mark in it. */
export function marked(name: string, content: Buffer): Buffer {
  const kind = kinds[extname(name)];
  if (!kind) throw new TypeError(`no kind of file that can be marked: ${name}`);
  return kind.insert(content);
}

/** Tests whether hyperiqa wrote the file and its beginning is unchanged. A link does not count. */
export async function isMarked(path: string): Promise<boolean> {
  const kind = kinds[extname(path)];
  if (!kind) return false;
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { mark, at } = kind;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(mark.length), 0, mark.length, at);
    return bytesRead === mark.length && buffer.equals(mark);
  } catch {
    return false;
  }
}
