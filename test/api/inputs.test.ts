/** Inputs that are more than files and bytes: instances and output of sharp, responses, file handles, data URLs. */
import { readFileSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';

import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { HyperIQA, type ImageInput, type ScoreOptions } from '../../src/index.js';
import { FaceDetector, scoreWithFaces } from '../../src/faces/index.js';
import { errorWith } from '../helpers/errors.js';
import { testModel } from '../helpers/models.js';

const file = (name: string) => new URL(`../fixtures/images/${name}`, import.meta.url);
const path = (name: string) => file(name).pathname;

let iqa: HyperIQA;
beforeAll(async () => {
  iqa = await HyperIQA.load(testModel('lite0'), { device: 'cpu', graphMode: 'freeze' });
});
afterAll(() => iqa.dispose());

const score = async (input: unknown, options?: ScoreOptions) => (await iqa.score(input as ImageInput, options)).score;

describe('an instance of sharp', () => {
  const box = { left: 37, top: 21, width: 301, height: 280 };

  test('is scored by its pixels, not by a JPEG of them', async () => {
    const instance = sharp(path('jpeg-420.jpg')).extract(box);
    const { data, info } = await instance.clone().raw().toBuffer({ resolveWithObject: true });
    const raw = await iqa.score({ data, width: info.width, height: info.height, channels: 3 });
    const result = await iqa.score(instance);
    expect([result.width, result.height]).toEqual([301, 280]);
    expect(result.score).toBe(raw.score);
    expect(await score(await instance.clone().jpeg().toBuffer())).not.toBe(raw.score);
    // The instance is not used up: it goes on to where its owner wants it, as the format that was asked for.
    expect((await instance.png().toBuffer({ resolveWithObject: true })).info.format).toBe('png');
    expect(await score(instance)).toBe(raw.score);
  });

  test.each([
    'jpeg-420.jpg',
    'png-rgb.png',
    'png-rgba.png',
    'png-palette.png',
    'webp-lossy.webp',
    'png-grey-alpha.png',
  ])('untouched, %s has the score of its file under every protocol', async (name) => {
    for (const protocol of ['native', 'official', 'pyiqa'] as const) {
      expect(await score(sharp(path(name)), { protocol, crops: { plan: 'center' } })).toBe(
        await score(file(name), { protocol, crops: { plan: 'center' } }),
      );
    }
  });

  test('decides about orientation and colour profile itself', async () => {
    const center: ScoreOptions = { protocol: 'native', crops: { plan: 'center' } };
    const turned = await iqa.score(sharp(path('jpeg-exif-6.jpg')), center);
    const upright = await iqa.score(file('jpeg-exif-6.jpg'), center);
    expect([turned.width, turned.height]).toEqual([upright.height, upright.width]);
    expect(await score(sharp(path('jpeg-exif-6.jpg'), { autoOrient: true }), center)).toBe(upright.score);
    const stored: ScoreOptions = { ...center, protocol: 'official' };
    expect(await score(sharp(path('jpeg-p3-profile.jpg')), center)).toBe(
      await score(file('jpeg-p3-profile.jpg'), center),
    );
    expect(await score(sharp(path('jpeg-p3-profile.jpg'), { ignoreIcc: true }), stored)).toBe(
      await score(file('jpeg-p3-profile.jpg'), stored),
    );
  });

  test('of any pipeline: greyscale, one channel, raw input, another colour space, 16 bits', async () => {
    const grey = await sharp(path('jpeg-420.jpg')).greyscale().toColourspace('b-w').raw().toBuffer();
    const expected = await score({ data: grey, width: 640, height: 426, channels: 1 });
    expect(await score(sharp(path('jpeg-420.jpg')).greyscale())).toBe(expected);
    expect(await score(sharp(path('jpeg-420.jpg')).greyscale().toColourspace('b-w'))).toBe(expected);
    const raw = { width: 640, height: 426, channels: 1 } as const;
    expect(await score(sharp(grey, { raw }))).toBe(expected);
    for (const instance of [
      sharp(path('jpeg-420.jpg')).extractChannel('red'),
      sharp(path('jpeg-420.jpg')).toColourspace('rgb16').raw({ depth: 'ushort' }),
      sharp(path('jpeg-cmyk.jpg')),
      sharp(path('png-16bit-rgb.png')),
    ]) {
      expect(await score(instance)).toBeGreaterThan(0);
    }
  });

  test('is taken as it is at the call', async () => {
    const instance = sharp(path('jpeg-420.jpg'));
    const result = iqa.score(instance);
    instance.resize(300, 300);
    expect((await result).width).toBe(640);
  });

  test('of another copy of sharp is recognised by its shape', async () => {
    const require = createRequire(import.meta.url);
    const own = require.resolve('sharp');
    const cached = Object.keys(require.cache).filter((name) => /[\\/]sharp[\\/]/.test(name) && !name.endsWith('.node'));
    for (const name of cached) Reflect.deleteProperty(require.cache, name);
    const other = require(own) as typeof sharp;
    const instance = other(path('jpeg-420.jpg')).extract(box);
    expect(instance).not.toBeInstanceOf(sharp);
    expect(await score(instance)).toBe(await score(sharp(path('jpeg-420.jpg')).extract(box)));
  });

  test('fed by a stream, before, while and after its bytes come', async () => {
    const bytes = readFileSync(path('jpeg-420.jpg'));
    const expected = await score(sharp(bytes).extract(box));
    const feed = new PassThrough();
    const instance = feed.pipe(sharp()).extract(box);
    const early = score(instance);
    feed.write(bytes.subarray(0, 1000));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const amid = score(instance);
    // Other images are not kept waiting by it.
    expect(await score(bytes)).toBeGreaterThan(0);
    feed.end(bytes.subarray(1000));
    // Batched with others, so alike but for rounding.
    expect(await early).toBeCloseTo(expected, 3);
    expect(await amid).toBeCloseTo(expected, 3);
    expect(await score(instance)).toBe(expected);
  });

  test('whose stream breaks, or never comes, ends with its error or signal', async () => {
    const instance = sharp();
    const broken = iqa.score(instance);
    instance.destroy(new Error('the upload broke'));
    await expect(broken).rejects.toEqual(errorWith('ERR_IMAGE_READ', /the upload broke/));
    await expect(iqa.score(instance)).rejects.toEqual(errorWith('ERR_IMAGE_READ'));
    const aborter = new AbortController();
    const waiting = iqa.score(sharp(), { signal: aborter.signal });
    aborter.abort();
    await expect(waiting).rejects.toEqual(errorWith('ERR_ABORTED'));
  });

  test('is refused beyond the limit on pixels, of its input and of its output, and where it cannot be rendered', async () => {
    const large = sharp(path('large-2272x1704.jpg')).resize(300, 300);
    await expect(iqa.score(large, { limitInputPixels: 1_000_000 })).rejects.toEqual(
      errorWith('ERR_IMAGE_TOO_LARGE', /input of a sharp instance has 2272×1704/),
    );
    await expect(
      iqa.score(sharp(path('tiny-100x80.jpg')).resize(2000, 1000), { limitInputPixels: 1_000_000 }),
    ).rejects.toEqual(errorWith('ERR_IMAGE_TOO_LARGE', /2000×1000/));
    const outside = sharp(path('tiny-100x80.jpg')).extract({ left: 90, top: 0, width: 50, height: 50 });
    await expect(iqa.score(outside)).rejects.toEqual(errorWith('ERR_IMAGE_DECODE', /extract_area/));
    await expect(iqa.score(sharp('nothing.jpg'))).rejects.toEqual(errorWith('ERR_IMAGE_NOT_FOUND', /nothing\.jpg/));
    await expect(iqa.score(sharp(Buffer.from('text')))).rejects.toEqual(errorWith('ERR_IMAGE_DECODE'));
  });

  test('can be scored with its faces, and be one of many', async () => {
    const detector = await FaceDetector.load();
    const { image } = await scoreWithFaces(iqa, detector, sharp(path('jpeg-420.jpg')).extract(box));
    expect(image.score).toBe(await score(sharp(path('jpeg-420.jpg')).extract(box)));
    await expect(scoreWithFaces(iqa, detector, sharp())).rejects.toEqual(
      errorWith('ERR_INVALID_ARGUMENT', /read twice/),
    );
    await detector.dispose();
    for await (const { result } of iqa.scoreAll([sharp(path('jpeg-420.jpg')), sharp(path('png-rgb.png'))])) {
      expect(result?.score).toBeGreaterThan(0);
    }
  });
});

describe("what sharp's toBuffer gives", () => {
  test('raw pixels by their info, encoded ones by their bytes', async () => {
    const instance = sharp(path('png-rgba.png'));
    const raw = await instance.clone().raw().toBuffer({ resolveWithObject: true });
    expect(await score(raw)).toBe(
      await score({ data: raw.data, width: raw.info.width, height: raw.info.height, channels: 4 }),
    );
    const png = await instance.clone().png().toBuffer({ resolveWithObject: true });
    expect(await score(png)).toBe(await score(png.data));
  });

  test('is refused where the bytes are no 8-bit pixels of that size', async () => {
    const wide = await sharp(path('png-rgb.png')).raw({ depth: 'ushort' }).toBuffer({ resolveWithObject: true });
    await expect(iqa.score(wide)).rejects.toEqual(errorWith('ERR_IMAGE_RAW_SIZE'));
    await expect(score({ data: 'text', info: { format: 'png' } })).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT'));
  });
});

describe('a Response', () => {
  const bytes = readFileSync(file('jpeg-420.jpg'));

  test('of a server is read through its body; one that is no success is refused unread', async () => {
    const server = createServer((request, response) => {
      response.writeHead(request.url === '/photo.jpg' ? 200 : 404).end(bytes);
    }).listen(0);
    try {
      const url = `http://localhost:${(server.address() as AddressInfo).port}`;
      expect(await score(await fetch(`${url}/photo.jpg`))).toBe(await score(bytes));
      const missing = await fetch(`${url}/missing.jpg`);
      await expect(iqa.score(missing)).rejects.toEqual(errorWith('ERR_IMAGE_READ', /missing\.jpg .*404 Not Found/));
      expect((await missing.arrayBuffer()).byteLength).toBe(bytes.byteLength);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test('is held to the limit, by its header or as it comes', async () => {
    const headers = { 'content-length': String(10 ** 12) };
    await expect(iqa.score(new Response(bytes, { headers }))).rejects.toEqual(errorWith('ERR_IMAGE_TOO_LARGE'));
    await expect(iqa.score(new Response(bytes), { limitInputBytes: 1000 })).rejects.toEqual(
      errorWith('ERR_IMAGE_TOO_LARGE'),
    );
  });

  test('without a body, and with one that was read before', async () => {
    await expect(iqa.score(new Response(null))).rejects.toEqual(errorWith('ERR_IMAGE_EMPTY'));
    const read = new Response(bytes);
    await read.arrayBuffer();
    await expect(iqa.score(read)).rejects.toEqual(errorWith('ERR_IMAGE_READ', /read before/));
  });
});

describe('a FileHandle', () => {
  test('is read from its start, without being moved or closed', async () => {
    const handle = await open(file('jpeg-420.jpg'));
    try {
      await handle.read(Buffer.alloc(100));
      const expected = await score(file('jpeg-420.jpg'));
      for (const each of await Promise.all([score(handle), score(handle)])) expect(each).toBeCloseTo(expected, 3);
      const next = Buffer.alloc(10);
      await handle.read(next);
      expect(next).toEqual((await readFile(file('jpeg-420.jpg'))).subarray(100, 110));
      await expect(iqa.score(handle, { limitInputBytes: 1000 })).rejects.toEqual(errorWith('ERR_IMAGE_TOO_LARGE'));
    } finally {
      await handle.close();
    }
    await expect(iqa.score(handle)).rejects.toEqual(errorWith('ERR_IMAGE_READ'));
  });

  test('of a folder is refused', async () => {
    const handle = await open(tmpdir());
    await expect(iqa.score(handle)).rejects.toEqual(errorWith('ERR_IMAGE_READ', /folder/));
    await handle.close();
  });
});

describe('text', () => {
  const bytes = readFileSync(file('jpeg-420.jpg'));
  const base64 = bytes.toString('base64');
  const percent = Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

  test.each<[string, string | URL]>([
    ['base64', `data:image/jpeg;base64,${base64}`],
    [
      'base64 in lines, with its = escaped',
      `data:image/jpeg;base64,${base64.replace(/.{76}/g, '$&\n').replaceAll('=', '%3D')}`,
    ],
    ['base64url', `data:image/jpeg;base64,${bytes.toString('base64url')}`],
    ['a type that says nothing', `DATA:;charset=utf-8;base64,${base64}`],
    ['percent-encoded', `data:image/jpeg,${percent}`],
    ['a URL object', new URL(`data:image/jpeg;base64,${base64}`)],
  ])('a data URL: %s', async (_, url) => {
    expect(await score(url)).toBe(await score(bytes));
  });

  test('a data URL that is broken, too long, empty or no image', async () => {
    for (const url of ['data:image/png;base64,a b$c', 'data:image/png,%4', 'data:image/png,%zz%50']) {
      await expect(iqa.score(url)).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT', /data URL/));
    }
    for (const url of [`data:image/jpeg;base64,${base64}`, `data:image/jpeg,${percent}`]) {
      await expect(iqa.score(url, { limitInputBytes: bytes.length - 1 })).rejects.toEqual(
        errorWith('ERR_IMAGE_TOO_LARGE'),
      );
      expect((await iqa.score(url, { limitInputBytes: bytes.length })).width).toBe(640);
    }
    await expect(iqa.score('data:image/png;base64,')).rejects.toEqual(errorWith('ERR_IMAGE_EMPTY'));
    await expect(iqa.score('data:text/html,<!doctype html><p>no</p>')).rejects.toEqual(
      errorWith('ERR_IMAGE_FORMAT', /web page/),
    );
  });

  test('base64 without a URL is no path, and the message says what to do', async () => {
    for (const name of ['jpeg-420.jpg', 'png-rgb.png', 'webp-lossy.webp', 'tiny-100x80.jpg']) {
      const text = readFileSync(file(name)).toString('base64');
      const error: unknown = await iqa.score(text).catch((thrown: unknown) => thrown);
      expect(error).toEqual(errorWith('ERR_INVALID_ARGUMENT', /Buffer\.from\(text, 'base64'\)/));
      expect((error as Error).message.length).toBeLessThan(300);
    }
  });

  test('a file whose name looks like base64 is read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hyperiqa-inputs-'));
    const name = join(folder, base64.replaceAll('/', '_').slice(0, 150));
    await writeFile(name, bytes);
    expect(await score(name)).toBe(await score(bytes));
    await rm(folder, { recursive: true });
  });
});
