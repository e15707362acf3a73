/** Encoded images that lack a part, whatever the format and however it is hidden, and sound ones with something too many. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { crc32, deflateSync } from 'node:zlib';

import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';

import { captureImage, DEFAULT_LIMIT_INPUT_PIXELS, type RgbImage } from '../../src/image/capture.js';
import { errorWith } from '../helpers/errors.js';
import type { DecodePolicy } from '../../src/index.js';

const read = (name: string) => readFileSync(new URL(`../fixtures/images/${name}`, import.meta.url));
const STORED: DecodePolicy = { iccProfile: 'ignore', alpha: 'drop', orientation: 'ignore' };
const SEEN: DecodePolicy = { iccProfile: 'srgb', alpha: 'white', orientation: 'exif' };
const decode = async (bytes: Uint8Array, policy = STORED) =>
  captureImage(bytes, DEFAULT_LIMIT_INPUT_PIXELS).decode(policy);
const same = (a: RgbImage, b: RgbImage) => Buffer.from(a.data).equals(b.data);
const isDamaged = errorWith('ERR_IMAGE_DECODE', /is (damaged or )?cut off: /);

const kinds = (
  JSON.parse(readFileSync(new URL('../fixtures/decode/kinds.json', import.meta.url), 'utf8')) as {
    kinds: Record<string, { base64: string }>;
  }
).kinds;
const kind = (name: string) => Buffer.from(kinds[name]!.base64, 'base64');

// ------------------------------------------------------------------------------------------------------------ JPEG

/** Places of the segments of a JPEG up to its first scan, and where that scan's data begin. */
function segments(jpeg: Buffer): { markers: Map<number, number>; data: number } {
  const markers = new Map<number, number>();
  for (let at = 2; ; at += 2 + jpeg.readUInt16BE(at + 2)) {
    const marker = jpeg[at + 1]!;
    if (!markers.has(marker)) markers.set(marker, at);
    if (marker === 0xda) return { markers, data: at + 2 + jpeg.readUInt16BE(at + 2) };
  }
}

const EOI = Buffer.of(0xff, 0xd9);
const random = Buffer.from(Array.from({ length: 4000 }, (_, at) => (at * 7919 + ((at * at) % 251)) & 255));
const segment = (marker: number, body: Buffer) => {
  const head = Buffer.of(0xff, marker, 0, 0);
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([head, body]);
};

const jpegs: [string, Buffer][] = [
  ...['jpeg-420.jpg', 'jpeg-grey.jpg', 'jpeg-cmyk.jpg', 'jpeg-444-progressive.jpg', 'tiny-100x80.jpg'].map(
    (name): [string, Buffer] => [name, read(name)],
  ),
  ['turned, with a profile', read('jpeg-exif-6.jpg')],
  ['with another profile', read('jpeg-p3-profile.jpg')],
  ['with restart markers', kind('JPEG, restart markers')],
];

describe('a JPEG whose data end early is refused, whatever follows', () => {
  const tails: [string, Buffer][] = [
    ['the end mark', EOI],
    ['noise', random],
    ['another JPEG', read('tiny-100x80.jpg')],
    ['a restart marker', Buffer.of(0xff, 0xd3, 0xff, 0xd9)],
    ['a comment', Buffer.concat([segment(0xfe, Buffer.from('hello')), EOI])],
    ['nothing', Buffer.alloc(0)],
  ];
  test.each(jpegs)('%s', async (_, whole) => {
    const { data } = segments(whole);
    for (const share of [0, 0.02, 0.3, 0.5, 0.8, 0.95, 0.99]) {
      const cut = whole.subarray(0, data + Math.floor((whole.length - data - 2) * share));
      for (const [name, tail] of tails) {
        for (const policy of [STORED, SEEN]) {
          await expect(decode(Buffer.concat([cut, tail]), policy), `${share} and ${name}`).rejects.toEqual(isDamaged);
        }
      }
    }
  });

  test('a part in the middle is gone between two restart markers, or with them', async () => {
    const whole = kind('JPEG, restart markers');
    const { data } = segments(whole);
    const marks = [...whole.keys()].filter((at) => at > data && whole[at] === 0xff && (whole[at + 1]! & 0xf8) === 0xd0);
    expect(marks.length).toBeGreaterThan(10);
    const without = (from: number, to: number) => Buffer.concat([whole.subarray(0, from), whole.subarray(to)]);
    const gap = Math.floor((marks[3]! + marks[4]!) / 2);
    await expect(decode(without(gap, marks[4]!))).rejects.toEqual(isDamaged);
    await expect(decode(without(marks[3]!, marks[4]!))).rejects.toEqual(isDamaged);
    await expect(decode(without(marks[2]!, marks[7]!))).rejects.toEqual(isDamaged);
  });

  test('a progressive one without its last scans', async () => {
    const whole = read('jpeg-444-progressive.jpg');
    const scans = [...whole.keys()].filter((at) => whole[at] === 0xff && whole[at + 1] === 0xda);
    expect(scans.length).toBeGreaterThan(3);
    for (const scan of scans.slice(1)) {
      const cut = Buffer.concat([whole.subarray(0, scan), EOI]);
      await expect(decode(cut)).rejects.toEqual(errorWith('ERR_IMAGE_DECODE', /scans are missing/));
    }
  });

  test('one whose scans leave out a channel', async () => {
    const whole = read('jpeg-420.jpg');
    const at = segments(whole).markers.get(0xda)!;
    const alone = Buffer.concat([
      whole.subarray(0, at),
      segment(0xda, Buffer.of(1, whole[at + 5]!, whole[at + 6]!, 0, 63, 0)),
      whole.subarray(segments(whole).data),
    ]);
    await expect(decode(alone)).rejects.toEqual(errorWith('ERR_IMAGE_DECODE', /a colour channel/));
  });

  test('one of a grey corner, of a flat one and of few pixels, which are whole', async () => {
    const flat = (level: number, width: number, height: number) =>
      sharp({ create: { width, height, channels: 3, background: { r: level, g: level, b: level } } })
        .jpeg()
        .toBuffer();
    for (const level of [0, 127, 128, 129, 255]) {
      for (const [width, height] of [
        [300, 200],
        [7, 5],
        [1, 1],
      ] as const) {
        expect((await decode(await flat(level, width, height))).width).toBe(width);
      }
    }
  });
});

describe('a JPEG with something too many is read as it is without', () => {
  const parts = (whole: Buffer) => {
    const { markers, data } = segments(whole);
    const table = markers.get(0xdb)!;
    return { before: whole.subarray(0, table), after: whole.subarray(table), data, end: whole.lastIndexOf(EOI) };
  };
  const additions: [string, (whole: Buffer) => Buffer][] = [
    ['zeros at the end', (whole) => Buffer.concat([whole, Buffer.alloc(5000)])],
    ['noise at the end', (whole) => Buffer.concat([whole, random])],
    ['a film at the end', (whole) => Buffer.concat([whole, Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0'), random])],
    ['a second picture at the end', (whole) => Buffer.concat([whole, read('tiny-100x80.jpg')])],
    ['half a picture at the end', (whole) => Buffer.concat([whole, read('jpeg-grey.jpg').subarray(0, 9000)])],
    [
      'an index of further pictures (MPF)',
      (whole) => {
        const { before, after } = parts(whole);
        const index = segment(0xe2, Buffer.concat([Buffer.from('MPF\0MM\0*\0\0\0\x08'), Buffer.alloc(80)]));
        return Buffer.concat([before, index, after, read('tiny-100x80.jpg')]);
      },
    ],
    [
      'a thumbnail among its segments',
      (whole) => {
        const { before, after } = parts(whole);
        return Buffer.concat([before, segment(0xed, read('tiny-100x80.jpg')), after]);
      },
    ],
    [
      'fill bytes before a marker',
      (whole) => {
        const { before, after } = parts(whole);
        return Buffer.concat([before, Buffer.of(0xff, 0xff, 0xff), after]);
      },
    ],
    [
      'bytes between two segments',
      (whole) => {
        const { before, after } = parts(whole);
        return Buffer.concat([before, Buffer.alloc(7), after]);
      },
    ],
    [
      'bytes before the end mark',
      (whole) => {
        const { end } = parts(whole);
        return Buffer.concat([whole.subarray(0, end), Buffer.alloc(10), Buffer.of(0xff, 0xff), whole.subarray(end)]);
      },
    ],
  ];
  test.each(jpegs)('%s', async (_, whole) => {
    for (const policy of [STORED, SEEN]) {
      const expected = await decode(whole, policy);
      for (const [name, add] of additions) {
        expect(same(await decode(add(whole), policy), expected), name).toBe(true);
      }
    }
  });

  test('bytes before a restart marker', async () => {
    const whole = kind('JPEG, restart markers');
    const at = whole.indexOf(Buffer.of(0xff, 0xd2), segments(whole).data);
    const added = Buffer.concat([whole.subarray(0, at), Buffer.of(0, 0, 0, 0, 0xff), whole.subarray(at)]);
    expect(same(await decode(added), await decode(whole))).toBe(true);
  });
});

describe('a JPEG of a kind that is not read says which', () => {
  const whole = read('jpeg-420.jpg');
  const frame = segments(whole).markers.get(0xc0)!;
  test.each([
    [0xc3, 'lossless'],
    [0xc5, 'hierarchical'],
    [0xc6, 'hierarchical'],
    [0xc7, 'hierarchical'],
    [0xc9, 'arithmetic'],
    [0xca, 'arithmetic'],
    [0xcb, 'lossless arithmetic'],
    [0xcd, 'hierarchical arithmetic'],
    [0xf7, 'JPEG-LS'],
  ])('frame %i: %s', async (marker, name) => {
    const other = Buffer.from(whole);
    other[frame + 1] = marker;
    await expect(decode(other)).rejects.toEqual(errorWith('ERR_IMAGE_FORMAT', new RegExp(`JPEG with ${name} coding`)));
  });

  test.each([12, 16])('%i bits a sample', async (bits) => {
    const other = Buffer.from(whole);
    other[frame + 1] = 0xc1;
    other[frame + 4] = bits;
    await expect(decode(other)).rejects.toEqual(errorWith('ERR_IMAGE_FORMAT', new RegExp(`${bits} bits a sample`)));
  });

  test('more scans than any encoder writes', async () => {
    const progressive = read('jpeg-444-progressive.jpg');
    const scans = [...progressive.keys()].filter((at) => progressive[at] === 0xff && progressive[at + 1] === 0xda);
    const first = progressive.subarray(scans[0], scans[1]);
    const many = Buffer.concat([progressive.subarray(0, scans[0]), ...Array.from({ length: 600 }, () => first), EOI]);
    await expect(decode(many)).rejects.toEqual(errorWith('ERR_IMAGE_FORMAT', /scans/));
  });
});

// ------------------------------------------------------------------------------------------------------------ TIFF

const STRIPS = { offsets: 273, counts: 279 };
const TILES = { offsets: 324, counts: 325 };

/** A value of a classic little-endian TIFF's tag: where it lies, its bytes, and how many values there are. */
function tagOf(tiff: Buffer, tag: number, index = 0): { at: number; size: number; count: number } {
  const directory = tiff.readUInt32LE(4);
  for (let entry = 0; entry < tiff.readUInt16LE(directory); entry++) {
    const place = directory + 2 + entry * 12;
    if (tiff.readUInt16LE(place) !== tag) continue;
    const size = tiff.readUInt16LE(place + 2) === 3 ? 2 : 4;
    const count = tiff.readUInt32LE(place + 4);
    const values = size * count <= 4 ? place + 8 : tiff.readUInt32LE(place + 8);
    return { at: values + index * size, size, count };
  }
  throw new Error(`The TIFF has no tag ${tag}.`);
}

const LAYOUTS = (['none', 'lzw', 'deflate', 'packbits', 'jpeg', 'ccittfax4'] as const).flatMap((compression) =>
  (['strips', 'tiles'] as const).map((layout) => ({ compression, layout })),
);

describe.each(LAYOUTS)('a TIFF, $compression, of $layout', ({ compression, layout }) => {
  const { offsets, counts } = layout === 'tiles' ? TILES : STRIPS;
  const bilevel = compression === 'ccittfax4';
  let whole: Buffer;

  beforeAll(async () => {
    const picture = sharp(read('jpeg-420.jpg')).resize(600, 420);
    whole = await (bilevel ? picture.toColourspace('b-w') : picture)
      .tiff({
        compression,
        ...(bilevel ? { bitdepth: 1 as const } : {}),
        ...(layout === 'tiles' ? { tile: true, tileWidth: 128, tileHeight: 128 } : {}),
        predictor: compression === 'lzw' || compression === 'deflate' ? 'horizontal' : 'none',
      })
      .toBuffer();
  });

  test('whole, it is read; cut short, pointed beyond the end or left empty, it is not', async () => {
    if (bilevel && layout === 'tiles') {
      await expect(decode(whole)).rejects.toEqual(errorWith('ERR_IMAGE_FORMAT', /CCITT/));
      return;
    }
    expect((await decode(whole)).width).toBe(600);
    const segmentCount = tagOf(whole, offsets).count;
    for (const index of new Set([0, Math.floor(segmentCount / 2), segmentCount - 1])) {
      const { at, size } = tagOf(whole, counts, index);
      const count = whole.readUIntLE(at, size);
      for (const share of [0.4, 0.9]) {
        const shorter = Buffer.from(whole);
        shorter.writeUIntLE(Math.floor(count * share), at, size);
        await expect(decode(shorter), `${index}: ${share}`).rejects.toEqual(isDamaged);
      }
      const beyond = Buffer.from(whole);
      beyond.writeUInt32LE(whole.length - 10, tagOf(whole, offsets, index).at);
      await expect(decode(beyond), `${index}: beyond the end`).rejects.toEqual(isDamaged);
      const empty = Buffer.from(whole);
      empty.writeUIntLE(0, at, size);
      await expect(decode(empty), `${index}: empty`).rejects.toEqual(errorWith('ERR_IMAGE_FORMAT', /not stored/));
    }
  });

  test('every compression number that is not read has its name, or is told', async () => {
    for (const [value, name] of [
      [6, 'old-style JPEG'],
      [32809, 'ThunderScan'],
      [34661, 'JBIG'],
      [34712, 'JPEG 2000'],
      [34887, 'LERC'],
      [34925, 'LZMA'],
      [34927, 'WebP'],
      [50000, 'ZSTD'],
      [50002, 'JPEG XL'],
      [12345, 'compression 12345'],
    ] as const) {
      const other = Buffer.from(whole);
      other.writeUInt16LE(value, tagOf(whole, 259).at);
      await expect(decode(other)).rejects.toEqual(errorWith('ERR_IMAGE_FORMAT', new RegExp(name)));
    }
  });
});

test('alpha of a TIFF is alpha only where it says so', async () => {
  const stored = await decode(kind('TIFF, RGB'));
  for (const name of [
    'TIFF, RGB and unspecified',
    'TIFF, RGB and two unspecified',
    'TIFF, RGB and more than it says',
  ]) {
    expect(same(await decode(kind(name), SEEN), stored), name).toBe(true);
  }
  const { data, width } = await decode(kind('TIFF, RGB and alpha'), SEEN);
  // Transparent at the left, opaque at the right.
  expect(Array.from(data.subarray(0, 3))).toEqual([255, 255, 255]);
  expect(Array.from(data.subarray(width * 3 - 3, width * 3))).toEqual(
    Array.from(stored.data.subarray(width * 3 - 3, width * 3)),
  );
});

// ------------------------------------------------------------------------------------------------------ all formats

test.each([
  'jpeg-420.jpg',
  'jpeg-444-progressive.jpg',
  'png-rgb.png',
  'png-palette.png',
  'png-16bit-grey.png',
  'webp-lossy.webp',
  'webp-alpha.webp',
  'avif.avif',
  'tiff-lzw.tif',
  'bmp.bmp',
])('%s, cut off late: no grey rest is scored', async (name) => {
  const whole = read(name);
  for (const share of [0.5, 0.7, 0.9, 0.97]) {
    await expect(decode(whole.subarray(0, whole.length * share)), String(share)).rejects.toEqual(isDamaged);
  }
});

test('each broken file has its own reason, however many are decoded at the same time', async () => {
  const cut = (name: string, share: number) => {
    const whole = read(name);
    return whole.subarray(0, Math.floor(whole.length * share));
  };
  const flipped = (name: string, at: number) => {
    const whole = read(name);
    return whole.fill(0xa5, at, at + 200);
  };
  const broken = [
    cut('jpeg-420.jpg', 0.4),
    cut('png-rgb.png', 0.4),
    flipped('png-rgb.png', 5000),
    cut('webp-lossy.webp', 0.4),
    cut('avif.avif', 0.4),
    cut('gif-animated.gif', 0.1),
    cut('tiff-lzw.tif', 0.4),
  ];
  const reason = async (bytes: Buffer) =>
    decode(bytes).then(
      () => 'none',
      (error: unknown) => {
        const { message, cause } = error as Error;
        expect(cause).toBeUndefined();
        return message;
      },
    );
  const alone: string[] = [];
  for (const bytes of broken) alone.push(await reason(bytes));
  expect(alone).not.toContain('none');
  for (const message of alone) expect(message).not.toMatch(/vips|jpeg:|png:|tiff2|error/i);
  for (let round = 0; round < 10; round++) {
    expect(await Promise.all(broken.map(reason))).toEqual(alone);
  }
});

// ---------------------------------------------------------------------------------------------------------- memory

const dist = fileURLToPath(new URL('../../dist/image/capture.js', import.meta.url));

/** Mebibytes by which decoding raises the peak memory of a process of its own, and how decoding ended. */
function peakOf(bytes: Buffer, limit = DEFAULT_LIMIT_INPUT_PIXELS): { mebibytes: number; ended: string } {
  const script = `
    import { readFileSync } from 'node:fs';
    const { captureImage } = await import(${JSON.stringify(dist)});
    const policy = { iccProfile: 'srgb', alpha: 'white', orientation: 'exif' };
    const peak = () => Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))[1]) / 1024;
    await captureImage(${JSON.stringify(fileURLToPath(new URL('../fixtures/images/png-rgb.png', import.meta.url)))}, 1e9).decode(policy);
    const bytes = readFileSync(0);
    const before = peak();
    const ended = await captureImage(bytes, ${limit}).decode(policy).then(() => 'read', (error) => error.code);
    console.log(JSON.stringify({ mebibytes: peak() - before, ended }));`;
  const printed = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { input: bytes });
  return JSON.parse(printed.toString()) as { mebibytes: number; ended: string };
}

test('a GIF whose first frame ends early, with proper ends of the blocks and of the file after it', async () => {
  const whole = read('gif-animated.gif');
  expect((await decode(whole)).width).toBeGreaterThan(0);
  const tableBytes = (flags: number) => ((flags & 0x80) === 0 ? 0 : 3 << ((flags & 7) + 1));
  let at = 13 + tableBytes(whole[10]!);
  while (whole[at] === 0x21) {
    at += 2;
    while (whole[at]! > 0) at += whole[at]! + 1;
    at++;
  }
  const data = at + 10 + tableBytes(whole[at + 9]!) + 1;
  const blocks = [data];
  for (let block = data; whole[block]! > 0; blocks.push(block)) block += whole[block]! + 1;
  expect(blocks.length).toBeGreaterThan(4);
  for (const end of [0, 1, Math.floor(blocks.length / 2), blocks.length - 2]) {
    const cut = Buffer.concat([whole.subarray(0, blocks[end]), Buffer.of(0, 0x3b)]);
    await expect(decode(cut), `${end} blocks`).rejects.toEqual(errorWith('ERR_IMAGE_DECODE', /first frame ends after/));
  }
});

describe.skipIf(!existsSync('/proc/self/status'))('memory is bounded by the pixels', () => {
  const chunk = (type: string, body: Buffer) => {
    const named = Buffer.concat([Buffer.from(type, 'latin1'), body]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(body.length);
    check.writeUInt32BE(crc32(named));
    return Buffer.concat([length, named, check]);
  };
  const bomb = deflateSync(Buffer.alloc(40 << 20), { level: 9 });
  const png = read('png-rgb.png');
  const IHDR_END = 33;

  test.each([
    ['zTXt', Buffer.concat([Buffer.from('Comment\0\0'), bomb]), 12],
    ['iTXt', Buffer.concat([Buffer.from('Comment\0\x01\0\0\0'), bomb]), 12],
    ['iCCP', Buffer.concat([Buffer.from('profile\0\0'), bomb]), 1],
    ['zzZz', Buffer.alloc(0), 200_000],
    ['sBIT', Buffer.of(8, 8, 8), 200_000],
  ])('PNG: %s chunks cost nothing', (type, body, count) => {
    const bombs = Array.from({ length: count }, () => chunk(type, body));
    const file = Buffer.concat([png.subarray(0, IHDR_END), ...bombs, png.subarray(IHDR_END)]);
    const { mebibytes, ended } = peakOf(file);
    expect(ended).toBe('read');
    expect(mebibytes).toBeLessThan(30);
  });

  test('a picture is the same without its text', async () => {
    const file = Buffer.concat([png.subarray(0, IHDR_END), chunk('tEXt', Buffer.from('a\0b')), png.subarray(IHDR_END)]);
    expect(same(await decode(file), await decode(png))).toBe(true);
  });

  test.each([
    ['jpeg-420.jpg', 'before the first scan', 0xdb],
    ['jpeg-444-progressive.jpg', 'before the first scan', 0xdb],
    ['jpeg-444-progressive.jpg', 'between scans', 0xda],
    ['jpeg-420.jpg', 'at the end', 0xd9],
  ])('JPEG: application segments cost nothing (%s, %s)', async (name, _, marker) => {
    const whole = read(name);
    const at = whole.lastIndexOf(Buffer.of(0xff, marker));
    const insert = (body: Buffer, count: number) =>
      Buffer.concat([
        whole.subarray(0, at),
        ...[0xe0, 0xe1, 0xe2, 0xef].map((kind) => Buffer.alloc((body.length + 4) * count, segment(kind, body))),
        whole.subarray(at),
      ]);
    const { mebibytes, ended } = peakOf(insert(Buffer.from('ab'), 200_000));
    expect(ended).toBe('read');
    expect(mebibytes).toBeLessThan(60);
    expect(same(await decode(insert(Buffer.from('ab'), 3), SEEN), await decode(whole, SEEN))).toBe(true);
    expect(peakOf(insert(Buffer.from('ICC_PROFILE\0\x01\x01'), 50_000)).mebibytes).toBeLessThan(60);
  });

  test('other events run while a JPEG is looked through', async () => {
    const whole = read('tiny-100x80.jpg');
    const segments = Buffer.alloc(6 * 500_000, segment(0xe1, Buffer.from('ab')));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    try {
      await decode(Buffer.concat([whole.subarray(0, 2), segments, whole.subarray(2)]));
      const passed = turns;
      await decode(
        Buffer.concat([whole.subarray(0, 2), Buffer.alloc(4_000_000, Buffer.of(0xff, 0)), whole.subarray(2)]),
      );
      expect(passed).toBeGreaterThan(5);
      expect(turns - passed).toBeGreaterThan(5);
    } finally {
      clearInterval(timer);
    }
  });

  /** A GIF without any pixel data. */
  const gif = (width: number, height: number) => {
    const head = Buffer.from('GIF89a\0\0\0\0\x80\0\0\x01\x02\x03\xfa\xfb\xfc', 'latin1');
    head.writeUInt16LE(width, 6);
    head.writeUInt16LE(height, 8);
    const frame = Buffer.from(',\0\0\0\0\0\0\0\0\0\x02\x02\x44\x01\0;', 'latin1');
    frame.writeUInt16LE(width, 5);
    frame.writeUInt16LE(height, 7);
    return Buffer.concat([head, frame]);
  };

  test('a GIF’s canvas beyond the limit costs nothing, one within it eight bytes a pixel', async () => {
    const refused = peakOf(gif(12_000, 12_000), 50_000_000);
    expect(refused.ended).toBe('ERR_IMAGE_TOO_LARGE');
    expect(refused.mebibytes).toBeLessThan(30);
    const empty = peakOf(gif(5000, 5000), 50_000_000);
    expect(empty.ended).toBe('ERR_IMAGE_DECODE');
    expect(empty.mebibytes).toBeLessThan(30);
    const blank = sharp({ create: { width: 5000, height: 5000, channels: 3, background: '#808080' } });
    const { mebibytes, ended } = peakOf(await blank.gif().toBuffer(), 50_000_000);
    expect(ended).toBe('read');
    expect(mebibytes * 2 ** 20).toBeLessThan(9.5 * 5000 * 5000 + (30 << 20));
  });

  test.each(['jpeg', 'png', 'webp', 'tiff'] as const)('%s: nine bytes a pixel at most', async (format) => {
    const side = 4000;
    const blank = sharp({ create: { width: side, height: side, channels: 3, background: '#808080' } });
    const { mebibytes, ended } = peakOf(await blank.toFormat(format).toBuffer());
    expect(ended).toBe('read');
    expect(mebibytes * 2 ** 20).toBeLessThan(9.5 * side * side + (30 << 20));
  });
});
