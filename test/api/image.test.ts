/** Every kind of image, source and damage, against what Pillow reads (test/fixtures/parity/decode.json). */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { chmod, copyFile, mkdtemp, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { execFileSync } from 'node:child_process';

import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { captureImage, DEFAULT_LIMIT_INPUT_PIXELS } from '../../src/image/capture.js';
import { errorWith } from '../helpers/errors.js';
import type { ErrorCode, DecodePolicy, ImageInput } from '../../src/index.js';

const fixtures = new URL('../fixtures/', import.meta.url);
const image = (name: string) => new URL(`images/${name}`, fixtures);
const json = (path: string): unknown => JSON.parse(readFileSync(new URL(path, fixtures), 'utf8'));

const STORED: DecodePolicy = { iccProfile: 'ignore', alpha: 'drop', orientation: 'ignore' };
const SEEN: DecodePolicy = { iccProfile: 'srgb', alpha: 'white', orientation: 'exif' };

const decode = async (input: unknown, policy = STORED, limit = DEFAULT_LIMIT_INPUT_PIXELS) =>
  captureImage(input as ImageInput, limit).decode(policy);
const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

interface Expected {
  width: number;
  height: number;
  mean: number[];
  sha256: string;
  /** x, y, R, G, B of some pixels, one after the other. */
  pixels: number[];
}

/** Largest difference at the stored pixels, in levels. */
function difference(actual: { data: Uint8Array; width: number }, expected: Expected): number {
  let largest = 0;
  for (let i = 0; i < expected.pixels.length; i += 5) {
    const [x, y, ...rgb] = expected.pixels.slice(i, i + 5) as [number, number, number, number, number];
    rgb.forEach((value, channel) => {
      largest = Math.max(largest, Math.abs(value - actual.data[(y * actual.width + x) * 3 + channel]!));
    });
  }
  return largest;
}

const expected = (json('parity/decode.json') as { images: Record<string, { stored: Expected; seen: Expected }> })
  .images;
const photographs = Object.entries(expected);

describe('as stored (official, pyiqa): the bytes of Pillow’s convert(RGB)', () => {
  // Chroma planes of AVIF are enlarged otherwise by libheif than by Pillow's libavif.
  test.each(photographs.filter(([name]) => !name.endsWith('.avif')))('%s', async (name, { stored }) => {
    const actual = await decode(image(name));
    expect([actual.width, actual.height]).toEqual([stored.width, stored.height]);
    expect(difference(actual, stored)).toBe(0);
    expect(sha256(actual.data)).toBe(stored.sha256);
  });

  test('AVIF with halved chroma: the same on average', async () => {
    const { stored } = expected['avif.avif']!;
    const actual = await decode(image('avif.avif'));
    const mean = [0, 0, 0];
    actual.data.forEach((value, i) => (mean[i % 3]! += value / (actual.width * actual.height)));
    stored.mean.forEach((value, channel) => {
      expect(Math.abs(value - mean[channel]!)).toBeLessThan(0.5);
    });
  });

  test('a profile other than sRGB is ignored, and the result says so', async () => {
    expect((await decode(image('jpeg-p3-profile.jpg'))).warnings.map((w) => w.code)).toEqual([
      'WARN_ICC_PROFILE_IGNORED',
    ]);
    expect((await decode(image('jpeg-srgb-profile.jpg'))).warnings).toEqual([]);
    expect((await decode(image('jpeg-420.jpg'))).warnings).toEqual([]);
  });
});

describe('as seen (native): sRGB, on white, upright', () => {
  test.each(photographs.filter(([name]) => !name.endsWith('.avif')))('%s', async (name, { seen }) => {
    const actual = await decode(image(name), SEEN);
    expect([actual.width, actual.height]).toEqual([seen.width, seen.height]);
    // LittleCMS through libvips rounds otherwise than through Pillow.
    if (name.includes('-profile')) expect(difference(actual, seen)).toBeLessThanOrEqual(2);
    else expect(sha256(actual.data)).toBe(seen.sha256);
    expect(actual.warnings).toEqual([]);
  });
});

describe('BMP', () => {
  const bitmaps = Object.entries(
    (json('decode/bitmaps.json') as { bitmaps: Record<string, { base64: string; sha256: string }> }).bitmaps,
  );
  const bytesOf = (name: string) => Buffer.from(Object.fromEntries(bitmaps)[name]!.base64, 'base64');

  test.each(bitmaps)('%s: as Pillow', async (_, { base64, sha256: expected }) => {
    const actual = await decode(Buffer.from(base64, 'base64'));
    expect([actual.width, actual.height]).toEqual([5, 3]);
    expect(sha256(actual.data)).toBe(expected);
  });

  test('alpha is flattened on white where the protocol says so', async () => {
    const bmp = bytesOf('32-bit with alpha');
    const actual = await decode(bmp, SEEN);
    const pixel = bmp.readUInt32LE(10);
    const alpha = bmp[pixel + 3]!;
    const red = Math.round((bmp[pixel + 2]! * alpha + 255 * (255 - alpha)) / 255);
    // The first stored row is the lowest.
    expect(Math.abs(actual.data[2 * 5 * 3]! - red)).toBeLessThanOrEqual(1);
  });

  test.each<[string, number, number, ErrorCode]>([
    ['four thousand million columns', 18, 0x7fffffff, 'ERR_IMAGE_TOO_LARGE'],
    ['a negative width', 18, 0xffffffff, 'ERR_IMAGE_DECODE'],
    ['no rows', 22, 0, 'ERR_IMAGE_DECODE'],
    ['more rows than bytes', 22, 60_000, 'ERR_IMAGE_DECODE'],
    ['the lowest number of rows', 22, 0x80000000, 'ERR_IMAGE_TOO_LARGE'],
    ['pixels beyond the end', 10, 0xfffffff0, 'ERR_IMAGE_DECODE'],
    ['pixels inside the header', 10, 20, 'ERR_IMAGE_DECODE'],
    ['run-length compression', 30, 1, 'ERR_IMAGE_FORMAT'],
    ['compression 4', 30, 4, 'ERR_IMAGE_FORMAT'],
    ['masks with 24 bits', 30, 3, 'ERR_IMAGE_DECODE'],
    ['16 bits a pixel', 28, 16, 'ERR_IMAGE_FORMAT'],
  ])('a header with %s: %s', async (_, at, value, expectedCode) => {
    const bmp = bytesOf('24-bit');
    if (at === 28) bmp.writeUInt16LE(value, at);
    else bmp.writeUInt32LE(value, at);
    await expect(decode(bmp)).rejects.toEqual(errorWith(expectedCode));
  });

  test('unusual masks are refused; a cut-off header is damage', async () => {
    const bmp = bytesOf('32-bit with masks');
    const unusual = Buffer.from(bmp);
    unusual.writeUInt32LE(0x3ff, 54);
    await expect(decode(unusual)).rejects.toEqual(errorWith('ERR_IMAGE_FORMAT', /masks/));
    for (let length = 18; length < bmp.length; length++) {
      await expect(decode(bmp.subarray(0, length))).rejects.toEqual(errorWith('ERR_IMAGE_DECODE'));
    }
  });

  test('a palette with fewer colours than the pixels use gives black', async () => {
    const bmp = bytesOf('8-bit palette of 256 declared');
    bmp.writeUInt32LE(1, 46);
    const first = [bmp[56], bmp[55], bmp[54]];
    const { data } = await decode(bmp);
    for (let row = 0; row < 3; row++) {
      for (let x = 0; x < 5; x++) {
        const colour = Array.from(data.subarray((row * 5 + x) * 3, (row * 5 + x) * 3 + 3));
        expect(colour).toEqual(bmp[bmp.readUInt32LE(10) + row * 8 + x] === 0 ? first : [0, 0, 0]);
      }
    }
  });

  test('the padding of the last row may be missing, its pixels may not', async () => {
    const bmp = bytesOf('24-bit');
    expect((await decode(bmp.subarray(0, -1))).height).toBe(3);
    await expect(decode(bmp.subarray(0, -2))).rejects.toEqual(errorWith('ERR_IMAGE_DECODE', /cut off/));
  });
});

describe('raw pixels', () => {
  const rgb = Uint8Array.from({ length: 7 * 5 * 3 }, (_, i) => (i * 37) % 256);

  test('RGB comes through as it is, copied when it is handed over', async () => {
    const data = rgb.slice();
    const captured = captureImage({ data, width: 7, height: 5, channels: 3 }, 1000);
    data.fill(0);
    const { data: pixels, width, height } = await captured.decode(STORED);
    expect([width, height]).toEqual([7, 5]);
    expect(Buffer.from(pixels).equals(rgb)).toBe(true);
  });

  test.each([
    ['Uint8ClampedArray', new Uint8ClampedArray(rgb)],
    ['Buffer', Buffer.from(rgb)],
    ['a part of a larger buffer', new Uint8Array([9, 9, ...rgb, 9]).subarray(2, -1)],
    ['shared memory', new Uint8Array(new SharedArrayBuffer(rgb.length)).fill(7)],
  ])('%s', async (_, data) => {
    const { data: pixels } = await decode({ data, width: 7, height: 5, channels: 3 });
    expect(Array.from(pixels)).toEqual(Array.from(data));
    expect(pixels.buffer).not.toBeInstanceOf(SharedArrayBuffer);
  });

  test('grey, grey with alpha and RGBA, dropped and on white', async () => {
    const grey = await decode({ data: Uint8Array.of(10, 200), width: 2, height: 1, channels: 1 });
    expect(Array.from(grey.data)).toEqual([10, 10, 10, 200, 200, 200]);
    const greyAlpha = { data: Uint8Array.of(10, 0, 200, 255), width: 2, height: 1, channels: 2 };
    expect(Array.from((await decode(greyAlpha)).data)).toEqual([10, 10, 10, 200, 200, 200]);
    expect(Array.from((await decode(greyAlpha, SEEN)).data)).toEqual([255, 255, 255, 200, 200, 200]);
    const rgba = { data: Uint8Array.of(1, 2, 3, 0, 4, 5, 6, 255), width: 1, height: 2, channels: 4 };
    expect(Array.from((await decode(rgba)).data)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(Array.from((await decode(rgba, SEEN)).data)).toEqual([255, 255, 255, 4, 5, 6]);
  });

  test.each<[string, unknown, ErrorCode]>([
    ['too few bytes', { data: rgb, width: 7, height: 6, channels: 3 }, 'ERR_IMAGE_RAW_SIZE'],
    ['too many bytes', { data: rgb, width: 7, height: 4, channels: 3 }, 'ERR_IMAGE_RAW_SIZE'],
    ['no width', { data: rgb, height: 5, channels: 3 }, 'ERR_IMAGE_RAW_SIZE'],
    ['width NaN', { data: rgb, width: NaN, height: 5, channels: 3 }, 'ERR_IMAGE_RAW_SIZE'],
    ['width 0', { data: new Uint8Array(0), width: 0, height: 5, channels: 3 }, 'ERR_IMAGE_RAW_SIZE'],
    ['width 3.5', { data: rgb, width: 3.5, height: 10, channels: 3 }, 'ERR_IMAGE_RAW_SIZE'],
    ['huge sizes', { data: rgb, width: 2 ** 40, height: 2 ** 40, channels: 3 }, 'ERR_IMAGE_TOO_LARGE'],
    ['channels 5', { data: rgb, width: 7, height: 3, channels: 5 }, 'ERR_INVALID_ARGUMENT'],
    ['no channels', { data: rgb, width: 7, height: 5 }, 'ERR_INVALID_ARGUMENT'],
    ['16-bit data', { data: new Uint16Array(105), width: 7, height: 5, channels: 3 }, 'ERR_INVALID_ARGUMENT'],
    ['an ordinary array', { data: Array.from(rgb), width: 7, height: 5, channels: 3 }, 'ERR_INVALID_ARGUMENT'],
  ])('%s: %o', async (_, raw, expectedCode) => {
    await expect(decode(raw)).rejects.toEqual(errorWith(expectedCode));
  });
});

describe('sources', () => {
  const file = image('jpeg-444-progressive.jpg');
  const bytes = readFileSync(file);
  let expected: string;
  let folder: string;

  beforeAll(async () => {
    expected = sha256((await decode(file)).data);
    folder = await mkdtemp(join(tmpdir(), 'hyperiqa-image-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  test.each<[string, () => unknown]>([
    ['a path', () => file.pathname],
    ['a file URL', () => file],
    ['a Buffer', () => bytes],
    ['a Uint8Array', () => new Uint8Array(bytes)],
    ['an ArrayBuffer', () => new Uint8Array(bytes).buffer],
    ['shared memory', () => shared],
    ['a Blob', () => new Blob([bytes.subarray(0, 1000), bytes.subarray(1000)])],
    ['a file stream', () => createReadStream(file, { highWaterMark: 1000 })],
    ['a web stream', () => new Blob([bytes]).stream()],
    ['the body of a Response', () => new Response(bytes).body],
    [
      'a stream of tiny chunks',
      () => Readable.from([...bytes.subarray(0, 100)].map((byte) => Uint8Array.of(byte)).concat([bytes.subarray(100)])),
    ],
  ])('%s', async (_, make) => {
    expect(sha256((await decode(make())).data)).toBe(expected);
  });

  test('encoded bytes are copied when they are handed over', async () => {
    const mine = Buffer.from(bytes);
    const captured = captureImage(mine, DEFAULT_LIMIT_INPUT_PIXELS);
    mine.fill(0);
    expect(sha256((await captured.decode(STORED)).data)).toBe(expected);
  });

  test('the name of a file says nothing', async () => {
    await copyFile(file, join(folder, 'picture.png'));
    expect(sha256((await decode(join(folder, 'picture.png'))).data)).toBe(expected);
  });

  test.each([
    ['a number', 5],
    ['null', null],
    ['undefined', undefined],
    ['an empty object', {}],
    ['a promise', Promise.resolve(bytes)],
    ['an array', [1, 2, 3]],
    ['a Float32Array', new Float32Array(10)],
    ['a DataView', new DataView(new ArrayBuffer(10))],
    ['an empty path', ''],
    ['a path with NUL', 'a\0b'],
    ['a web address', new URL('https://example.org/a.jpg')],
  ])('%s is refused at once', (_, input) => {
    expect(() => captureImage(input as ImageInput, 1000)).toThrow(errorWith('ERR_INVALID_ARGUMENT'));
  });

  test('files that are not there, not files, or not readable', async () => {
    await expect(decode(join(folder, 'nothing.jpg'))).rejects.toEqual(errorWith('ERR_IMAGE_NOT_FOUND', /nothing\.jpg/));
    await expect(decode(join(file.pathname, 'inside'))).rejects.toEqual(errorWith('ERR_IMAGE_NOT_FOUND'));
    await expect(decode('https://example.org/a.jpg')).rejects.toEqual(
      errorWith('ERR_IMAGE_NOT_FOUND', /Strings are paths/),
    );
    await expect(decode(folder)).rejects.toEqual(errorWith('ERR_IMAGE_READ', /folder/));
    await expect(decode('/dev/zero')).rejects.toEqual(errorWith('ERR_IMAGE_READ', /stream/));
    await symlink('loop', join(folder, 'loop'));
    await expect(decode(join(folder, 'loop'))).rejects.toEqual(errorWith('ERR_IMAGE_READ', /symbolic links/));
    await expect(decode(join(folder, 'a'.repeat(300)))).rejects.toEqual(errorWith('ERR_IMAGE_READ', /too long/));
  });

  test('a pipe that nobody writes to does not hang', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await expect(decode(pipe)).rejects.toEqual(errorWith('ERR_IMAGE_READ', /not a regular file/));
  });

  test.skipIf(process.getuid?.() === 0)('a file without permission', async () => {
    const path = join(folder, 'secret.jpg');
    await copyFile(file, path);
    await chmod(path, 0);
    await expect(decode(path)).rejects.toEqual(errorWith('ERR_IMAGE_READ', /permission/));
  });

  test('a file that vanishes between being handed over and being read', async () => {
    const path = join(folder, 'gone.jpg');
    await copyFile(file, path);
    const captured = captureImage(path, DEFAULT_LIMIT_INPUT_PIXELS);
    await unlink(path);
    await expect(captured.decode(STORED)).rejects.toEqual(errorWith('ERR_IMAGE_NOT_FOUND'));
  });

  test('a Blob of a file that has changed', async () => {
    const { openAsBlob } = await import('node:fs');
    const path = join(folder, 'changing.jpg');
    await copyFile(file, path);
    const blob = await openAsBlob(path);
    await writeFile(path, 'other');
    await expect(decode(blob)).rejects.toEqual(errorWith('ERR_IMAGE_READ'));
  });

  test('streams that fail, end early, end at once, or give something else', async () => {
    const failing = new PassThrough();
    const captured = captureImage(failing, DEFAULT_LIMIT_INPUT_PIXELS);
    failing.write(bytes.subarray(0, 500));
    // Before anybody waits for the image: this must be no uncaught error.
    failing.destroy(Object.assign(new Error('the network is down'), { code: 'ECONNRESET' }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    await expect(captured.decode(STORED)).rejects.toEqual(errorWith('ERR_IMAGE_READ', /network is down/));

    await expect(decode(Readable.from([bytes.subarray(0, 5000)]))).rejects.toEqual(errorWith('ERR_IMAGE_DECODE'));
    await expect(decode(Readable.from([]))).rejects.toEqual(errorWith('ERR_IMAGE_EMPTY'));
    await expect(decode(Readable.from(['text']))).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT', /encoding/));
    const used = Readable.from([bytes]);
    await decode(used);
    await expect(decode(used)).rejects.toEqual(errorWith('ERR_IMAGE_READ', /read or closed before/));
  });

  test('an endless stream is given up: of text at once, of an image at the limit', async () => {
    let pulled = 0;
    const endless = (first: Uint8Array) =>
      (function* () {
        yield first;
        for (;;) {
          pulled++;
          yield new Uint8Array(1 << 20);
        }
      })();
    await expect(decode(Readable.from(endless(Buffer.from('text '.repeat(20)))))).rejects.toEqual(
      errorWith('ERR_IMAGE_FORMAT'),
    );
    expect(pulled).toBeLessThan(20);
    await expect(decode(Readable.from(endless(bytes)), STORED, 1_000_000)).rejects.toEqual(
      errorWith('ERR_IMAGE_TOO_LARGE'),
    );
    expect(pulled).toBeLessThan(120);
  });

  test('cancel lets go of a stream', async () => {
    const stream = new PassThrough();
    const captured = captureImage(stream, DEFAULT_LIMIT_INPUT_PIXELS);
    captured.cancel();
    await expect(captured.decode(STORED)).rejects.toEqual(errorWith('ERR_IMAGE_READ'));
    expect(stream.destroyed).toBe(true);
  });
});

describe('what is no image, or no whole one', () => {
  test('the broken fixtures', async () => {
    await expect(decode(image('broken/empty.jpg'))).rejects.toEqual(errorWith('ERR_IMAGE_EMPTY'));
    await expect(decode(image('broken/text.jpg'))).rejects.toEqual(errorWith('ERR_IMAGE_FORMAT'));
    await expect(decode(image('broken/truncated.jpg'))).rejects.toEqual(errorWith('ERR_IMAGE_DECODE'));
    await expect(decode(image('broken/bomb.png'))).rejects.toEqual(
      errorWith('ERR_IMAGE_TOO_LARGE', /limitInputPixels/),
    );
  });

  test.each([
    ['SVG', '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', /SVG/],
    ['bare SVG', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', /SVG/],
    ['PDF', '%PDF-1.7 ...', /PDF/],
    ['HTML', '<!DOCTYPE html><title>404', /HTML/],
    ['HEIC', '\0\0\0\x18ftypheic\0\0\0\0mif1heic', /HEIC/],
    ['MP4', '\0\0\0\x18ftypisom\0\0\0\0mp41isom', /ISO media/],
    ['JPEG XL', '\xff\x0a....', /JPEG XL/],
    ['PNM', 'P6 1 1 255 abc', /PNM/],
    ['Canon raw', 'II*\0\x10\0\0\0CR\x02\0', /Canon/],
    ['a text that begins with BM', 'BMW is a car, and not a bitmap', /no image/],
    ['one byte', '\xff', /no image/],
  ])('%s is refused', async (_, text, message) => {
    await expect(decode(Buffer.from(text, 'latin1'))).rejects.toEqual(errorWith('ERR_IMAGE_FORMAT', message));
  });

  test.each([
    'jpeg-420.jpg',
    'jpeg-444-progressive.jpg',
    'png-rgb.png',
    'png-palette.png',
    'webp-lossy.webp',
    'webp-alpha.webp',
    'avif.avif',
    'tiff-lzw.tif',
    'gif-animated.gif',
    'bmp.bmp',
  ])('%s, cut off anywhere: no grey rest is scored', async (name) => {
    const whole = readFileSync(image(name));
    for (const share of [0.01, 0.1, 0.3]) {
      await expect(decode(whole.subarray(0, Math.max(70, whole.length * share)))).rejects.toEqual(
        errorWith('ERR_IMAGE_DECODE'),
      );
    }
  });

  test('a raw file of a camera is not scored by its preview', async () => {
    const tiff = readFileSync(image('tiff-lzw.tif'));
    // Adds the tag that marks a preview in the place of another tag: the first one, whatever it is.
    const little = tiff.toString('latin1', 0, 2) === 'II';
    const at = (little ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4)) + 2;
    expect(little).toBe(true);
    const entry = Buffer.alloc(12);
    entry.writeUInt16LE(254, 0);
    entry.writeUInt16LE(4, 2);
    entry.writeUInt32LE(1, 4);
    entry.writeUInt32LE(1, 8);
    // One entry more, the others moved to a new directory at the end of the file.
    const count = tiff.readUInt16LE(at - 2);
    const directory = Buffer.concat([Buffer.alloc(2), entry, tiff.subarray(at, at + count * 12 + 4)]);
    directory.writeUInt16LE(count + 1, 0);
    const raw = Buffer.concat([tiff, directory]);
    raw.writeUInt32LE(tiff.length, 4);
    await expect(decode(raw)).rejects.toEqual(errorWith('ERR_IMAGE_FORMAT', /preview/));
  });

  test('floating-point samples are refused: their white may be 1, 255 or anything', async () => {
    // A grey TIFF of one pixel: header, a directory of eight entries, the pixel.
    const entries = [
      [256, 1], // width
      [257, 1], // height
      [258, 32], // bits a sample
      [259, 1], // no compression
      [262, 1], // black is zero
      [273, 8 + 2 + 8 * 12 + 4], // where the pixels are
      [279, 4], // bytes of pixels
      [339, 3], // floating point
    ] as const;
    const tiff = Buffer.alloc(8 + 2 + entries.length * 12 + 4 + 4);
    tiff.write('II*\0', 'latin1');
    tiff.writeUInt32LE(8, 4);
    tiff.writeUInt16LE(entries.length, 8);
    entries.forEach(([tag, value], i) => {
      tiff.writeUInt16LE(tag, 10 + i * 12);
      tiff.writeUInt16LE(4, 12 + i * 12);
      tiff.writeUInt32LE(1, 14 + i * 12);
      tiff.writeUInt32LE(value, 18 + i * 12);
    });
    tiff.writeFloatLE(0.5, tiff.length - 4);
    await expect(decode(tiff)).rejects.toEqual(errorWith('ERR_IMAGE_FORMAT', /float/));
  });

  test('the limit is looked at before decoding, and can be moved', async () => {
    await expect(decode(image('jpeg-420.jpg'), STORED, 640 * 426 - 1)).rejects.toEqual(
      errorWith('ERR_IMAGE_TOO_LARGE', /640×426/),
    );
    expect((await decode(image('jpeg-420.jpg'), STORED, 640 * 426)).width).toBe(640);
  });

  test('the settings of sharp in this process are left alone', async () => {
    const settings = () => {
      const { memory, files, items } = sharp.cache();
      return [sharp.concurrency(), sharp.simd(), memory.max, files.max, items.max];
    };
    const before = settings();
    await decode(image('jpeg-cmyk.jpg'), SEEN);
    expect(settings()).toEqual(before);
  });
});
