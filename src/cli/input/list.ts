/** A list of paths as it comes through a pipe. */
import { HyperIQAError } from '../../index.js';

const lineFeed = 0x0a;
const nul = 0;
const byteOrderMark = Buffer.from('\ufeff');
/** Far more than any system's paths have. */
const MAX_PATH_BYTES = 1 << 20;

/**
 * The paths of a list: one a line (LF or CRLF; empty lines do not count), or each ended by NUL where the list's first
 * bytes hold one (`find -print0`), in which case a path may contain line breaks.
 *
 * @param name - Begins the messages.
 * @throws HyperIQAError ERR_INVALID_ARGUMENT for a NUL inside a list of lines, for what starts as no UTF-8 can or has no
 *   end of a path within a mebibyte, and where nothing can be read
 */
export async function* readList(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  name = 'Standard input',
): AsyncGenerator<string, void, undefined> {
  let separator: number | undefined;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of readable(chunks, name)) {
    rest = Buffer.concat([rest, chunk]);
    if (separator === undefined) {
      if (isNoText(rest[0]))
        throw wrongList(name, 'is no list of paths: names of files, one a line, are wanted, not an image');
      // The first bytes that arrive decide: waiting for more would hold up a list that is still being made.
      separator = rest.includes(nul) ? nul : rest.includes(lineFeed) ? lineFeed : undefined;
      if (separator === undefined) {
        checkLength(rest, name);
        continue;
      }
      rest = withoutMark(rest);
    }
    let start = 0;
    for (let end = rest.indexOf(separator); end >= 0; end = rest.indexOf(separator, start)) {
      const path = pathFrom(rest.subarray(start, end), separator, name);
      start = end + 1;
      if (path !== '') yield path;
    }
    rest = rest.subarray(start);
    checkLength(rest, name);
  }
  const path = pathFrom(separator === undefined ? withoutMark(rest) : rest, separator ?? lineFeed, name);
  if (path !== '') yield path;
}

async function* readable(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    throw wrongList(name, `cannot be read: ${(error as Error).message}`);
  }
}

function pathFrom(bytes: Buffer, separator: number, name: string): string {
  if (separator === nul) return bytes.toString('utf8');
  if (bytes.includes(nul)) throw wrongList(name, 'mixes lines and NUL characters');
  return bytes.toString('utf8').replace(/\r$/, '');
}

/** @param rest - Of a list: the start of a path that goes on. */
function checkLength(rest: Buffer, name: string): void {
  if (rest.length > MAX_PATH_BYTES)
    throw wrongList(name, `is no list of paths: one has more than ${MAX_PATH_BYTES} bytes`);
}

/** Some editors and shells put a byte order mark before the first line. */
const withoutMark = (bytes: Buffer) => (bytes.subarray(0, 3).equals(byteOrderMark) ? bytes.subarray(3) : bytes);

/** No UTF-8 text starts with this byte; JPEG and PNG files do. */
const isNoText = (byte: number | undefined) => byte !== undefined && ((byte >= 0x80 && byte < 0xc2) || byte > 0xf4);

const wrongList = (name: string, what: string) => new HyperIQAError('ERR_INVALID_ARGUMENT', `${name} ${what}.`);
