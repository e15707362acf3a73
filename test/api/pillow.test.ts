/**
 * Images of many kinds against Pillow: whatever differs in being read at all, in size or by more than a level in the mean
 * colour is in the table of explanations. Runs on kinds made for the purpose, and on every file in the folders that
 * HYPERIQA_IMAGE_FOLDERS names (separated by the system's path delimiter), for example Pillow's and sharp's own test
 * images; the latter needs the Python of HYPERIQA_PYTHON, or of the cache folder, with Pillow.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

import { captureImage, DEFAULT_LIMIT_INPUT_PIXELS } from '../../src/image/capture.js';
import { cacheFolder } from '../../src/support/cache-folder.js';
import { HyperIQAError } from '../../src/index.js';

const fixtures = fileURLToPath(new URL('../fixtures/decode/', import.meta.url));

interface Read {
  width: number;
  height: number;
  /** Red, green, blue. */
  mean: number[];
  /** Left top, right top, left bottom, right bottom. */
  corners: number[][];
}
type Pillow = { error: string } | (Read & { format: string; mode: string });
type Ours = { error: string; code: string } | Read;

async function ours(file: Uint8Array | string): Promise<Ours> {
  try {
    const policy = { iccProfile: 'ignore', alpha: 'drop', orientation: 'ignore' } as const;
    const { data, width, height } = await captureImage(file, DEFAULT_LIMIT_INPUT_PIXELS).decode(policy);
    const sums = [0, 0, 0];
    data.forEach((value, at) => (sums[at % 3]! += value));
    const corner = (x: number, y: number) => Array.from(data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3));
    const [right, bottom] = [width - 1, height - 1];
    return {
      width,
      height,
      mean: sums.map((sum) => sum / (width * height)),
      corners: [corner(0, 0), corner(right, 0), corner(0, bottom), corner(right, bottom)],
    };
  } catch (error) {
    if (!(error instanceof HyperIQAError)) throw error;
    return { error: error.message, code: error.code };
  }
}

type Difference = 'refused here' | 'refused by Pillow' | 'size' | 'mean' | null;

function difference(here: Ours, pillow: Pillow): Difference {
  if ('error' in here) return 'error' in pillow ? null : 'refused here';
  if ('error' in pillow) return 'refused by Pillow';
  if (here.width !== pillow.width || here.height !== pillow.height) return 'size';
  return here.mean.some((value, channel) => Math.abs(value - pillow.mean[channel]!) > 1) ? 'mean' : null;
}

interface Explanation {
  difference: Difference;
  /** Our message, for what is refused here. */
  message?: RegExp;
  /** Pillow's error, for what it refuses. */
  error?: RegExp;
  /** Pillow's name of the format and its mode, parted by a space, for what both read. */
  kind?: RegExp;
  /** Files of which nothing else tells the kind. */
  file?: RegExp;
  why: string;
}

const NOT_READ = (what: string) => new RegExp(`with .*(${what}).*, which is not read`);

const EXPLANATIONS: Explanation[] = [
  { difference: 'refused here', message: /Accepted are/, why: 'a format that is not among the accepted ones' },
  {
    difference: 'refused here',
    message: NOT_READ('old-style JPEG|LZMA|ZSTD|LERC|JPEG 2000|JPEG XL|WebP|JBIG|SGI Log|ThunderScan|NeXT|RLE/W'),
    why: 'a TIFF codec that sharp is built without',
  },
  {
    difference: 'refused here',
    message: NOT_READ('signed samples|floating-point|12 bits|32 bits|64 bits|different sizes'),
    why: 'samples whose white is not defined, or that libvips does not unpack',
  },
  { difference: 'refused here', message: NOT_READ('Lab'), why: 'libvips reads 8-bit Lab of TIFFs wrongly' },
  { difference: 'refused here', message: NOT_READ('YCbCr'), why: 'libvips takes uncoded YCbCr for RGB' },
  {
    difference: 'refused here',
    message: NOT_READ('separate planes'),
    why: 'libvips reads no planes in tiles or of grey',
  },
  { difference: 'refused here', message: NOT_READ('inks other'), why: 'inks without a known colour' },
  { difference: 'refused here', message: NOT_READ('lossless coding'), why: 'sharp reads no lossless JPEG' },
  { difference: 'refused here', message: NOT_READ('animation'), why: 'libvips reads no AVIF sequences' },
  {
    difference: 'refused here',
    message: NOT_READ('run-length compression|16 bits a pixel|unusual colour masks'),
    why: 'kinds of BMP that photographs do not come in',
  },
  {
    difference: 'refused here',
    message: /damaged/,
    file: /^(hopper_bad_exif\.jpg|crash-.*\.tif)$/,
    why: 'codes are damaged; Pillow shows what comes out of them',
  },
  {
    difference: 'refused here',
    message: /damaged/,
    file: /^tiff_wrong_bits_per_sample(_3)?\.tiff$/,
    why: 'fewer sample sizes than samples; Pillow repeats the first',
  },
  {
    difference: 'refused by Pillow',
    error: /Decompressed data too large|unknown compression|cannot identify.*unknown_compression/i,
    why: 'text or a profile that Pillow refuses, and that is not read here',
  },
  {
    difference: 'refused by Pillow',
    error: /cannot identify/,
    file: /^unknown_compression_method\.png$/,
    why: 'a profile of an unknown kind counts as none here',
  },
  {
    difference: 'refused by Pillow',
    error: /APNG contains frame sequence errors/,
    why: 'the default image is whole; the animation around it is not read here',
  },
  { difference: 'refused by Pillow', error: /Truncated File Read/, why: 'only the end mark of a PNG is cut off' },
  { difference: 'refused by Pillow', error: /palette size/i, why: 'a BMP says too many colours; 2^bits are read' },
  { difference: 'size', kind: /^AVIF /, why: 'libheif turns an AVIF that says so; Pillow keeps it for later' },
  {
    difference: 'mean',
    kind: /^(TIFF|PNG) I(;16B?)?$/,
    why: 'of 16 bits grey the high byte is taken; Pillow cuts values at 255',
  },
  { difference: 'mean', kind: /^GIF /, why: 'transparent pixels are black; Pillow shows the colour below' },
  {
    difference: 'mean',
    kind: /^TIFF RGBA$/,
    file: /16bit_RGBa|16 bits/,
    why: 'colours times alpha are divided in 16 bits here, in 8 bits by Pillow',
  },
];

function explanation(name: string, here: Ours, pillow: Pillow): Explanation | undefined {
  const found = difference(here, pillow);
  return EXPLANATIONS.find(
    ({ difference: of, message, error, kind, file }) =>
      of === found &&
      (message === undefined || ('error' in here && message.test(here.error))) &&
      (error === undefined || ('error' in pillow && error.test(pillow.error))) &&
      (kind === undefined || (!('error' in pillow) && kind.test(`${pillow.format} ${pillow.mode}`))) &&
      (file === undefined || file.test(name)),
  );
}

const { kinds } = JSON.parse(readFileSync(join(fixtures, 'kinds.json'), 'utf8')) as {
  kinds: Record<string, { base64: string; pillow: Pillow }>;
};
const all = Object.entries(kinds);

/** Kinds that are refused here, or read otherwise than by Pillow, and the words that say so. */
const DIFFERENT: Record<string, [Difference, RegExp?]> = {
  'TIFF, grey, 16 bits': ['mean'],
  'TIFF, YCbCr': ['refused here', /YCbCr/],
  'TIFF, Lab': ['refused here', /Lab/],
  'TIFF, signed': ['refused here', /signed/],
  'TIFF, floating point': ['refused here', /floating-point/],
  'TIFF, 32 bits': ['refused here', /32 bits/],
  'TIFF, other inks': ['refused here', /inks/],
  'TIFF, planes in tiles': [null, /separate planes/],
  'TIFF, planes, grey and alpha': ['refused here', /separate planes of grey/],
  'TIFF, planes, grey and unspecified': [null, /separate planes of grey/],
  'TIFF, JPEG tiles, palette': [null, /palettes/],
  'TIFF, JPEG tiles, grey and alpha': [null, /beyond the colours/],
  'TIFF, predictor of bits': [null, /predictor 2 for integers of 1 bits/],
  'TIFF, predictor of fractions': [null, /predictor 3/],
  'TIFF, PNG': [null, /PNG compression/],
  'TIFF, lzma': ['refused here', /LZMA/],
  'TIFF, zstd': ['refused here', /ZSTD/],
  'TIFF, RGB times alpha, 16 bits': ['mean'],
  'AVIF, turned': ['size'],
  'AVIF, animated': ['refused here', /animation/],
  'GIF, transparent': ['mean'],
  'PNG, grey, 16 bits': ['mean'],
  'PNG, text of 3 megabytes': ['refused by Pillow'],
  'BMP, run lengths': ['refused here', /run-length/],
  'JPEG 2000': ['refused here', /JPEG 2000/],
};

describe('kinds made for the purpose', () => {
  test.each(all)('%s', async (name, { base64, pillow }) => {
    const here = await ours(Buffer.from(base64, 'base64'));
    const [expected = null, message] = DIFFERENT[name] ?? [];
    expect(difference(here, pillow)).toBe(expected);
    if (expected !== null) expect(explanation(name, here, pillow)).toBeDefined();
    if ('error' in here) {
      expect(here.code).toBe('ERR_IMAGE_FORMAT');
      if (message !== undefined) expect(here.error).toMatch(message);
    }
    if (expected === null && !('error' in here) && !('error' in pillow)) {
      // Compare positions of corners to find the turn; AVIF's chroma is enlarged otherwise than in Pillow.
      here.corners.flat().forEach((value, at) => {
        expect(Math.abs(value - pillow.corners.flat()[at]!)).toBeLessThanOrEqual(name.includes('AVIF') ? 8 : 2);
      });
    }
  });
});

const folders = process.env.HYPERIQA_IMAGE_FOLDERS?.split(delimiter).filter((folder) => folder !== '') ?? [];

describe.skipIf(folders.length === 0)('folders of images', () => {
  test('every difference from Pillow is explained', { timeout: 1_800_000 }, async () => {
    const python = process.env.HYPERIQA_PYTHON ?? join(cacheFolder()!, 'python', 'bin', 'python');
    const printed = execFileSync(python, [join(fixtures, 'pillow_outcomes.py'), ...folders], {
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const outcomes = Object.entries(JSON.parse(printed.toString()) as Record<string, Pillow>);
    const unexplained: string[] = [];
    const count = new Map<string, number>();
    for (const [path, pillow] of outcomes) {
      const here = await ours(path);
      const found = difference(here, pillow);
      if (found === null) continue;
      const why = explanation(basename(path), here, pillow)?.why;
      if (why === undefined) unexplained.push(`${path}: ${found}: ${JSON.stringify({ here, pillow })}`);
      else count.set(why, (count.get(why) ?? 0) + 1);
    }
    console.log(`${outcomes.length} files; explained differences:`, Object.fromEntries(count));
    expect(unexplained).toEqual([]);
  });
});
