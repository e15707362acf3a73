/** A quality map as a picture: colours over the photograph in grey, with the scale beside it. */
import { fromCallSite } from '../support/call-site.js';
import type { ImageSize } from '../intake/cost.js';
import { decodingPlaces, inDecodingPlace } from '../intake/decodings.js';
import { HyperIQAError } from '../errors.js';
import { captureImage, DEFAULT_LIMIT_INPUT_PIXELS, type RgbImage } from '../image/capture.js';
import { loadSharp } from '../image/sharp.js';
import { ImageIntake } from '../intake/intake.js';
import { checkInputLimits } from '../scoring/options.js';
import { checkDecode, MAXIMUM_CROPS } from '../protocol/protocol.js';
import type { DecodePolicy, ImageInput } from '../types.js';
import {
  checkBoolean,
  checkInteger,
  checkNumber,
  checkObject,
  checkOneOf,
  checkSignal,
  invalid,
} from '../support/validate.js';
import { colorTable, mapColors } from './colors.js';
import { rasterOf } from './raster.js';
import type { MapColors, MapPatch, MapPictureOptions, QualityMap } from './types.js';

/** Longer side of the photograph in the picture, pixels. */
const LONGEST = 1024;
/** Cells of the raster along the longer side: finer than the patches are apart, coarser than the picture. */
const CELLS = 160;
const LEGEND_WIDTH = 96;
const BAR_WIDTH = 18;
const MARGIN = 14;

/** The way of the photographs, which is that of images to be scored, but that no engine is at its end. */
const intake = new ImageIntake('The drawing of maps', { maxPending: Infinity, maxStreams: decodingPlaces() });

/**
 * Draws a map over the image it was made from.
 *
 * Photographs wait for their turn as images to be scored do: a handful is decoded and drawn at a time, and a stream is not
 * pulled before.
 *
 * @param input - The same image; read again, so no stream that was read before.
 * @returns a PNG file, at most 1024 pixels on the longer side without the scale
 * @throws HyperIQAError (as a rejection) ERR_INVALID_ARGUMENT (also for an image of another size than the map's, which is
 *   not decoded), ERR_ABORTED and the codes of reading an image
 */
export function mapPicture(map: QualityMap, input: ImageInput, options: MapPictureOptions = {}): Promise<Buffer> {
  return fromCallSite(async () => {
    const decode = checkMap(map);
    const { signal, limitInputBytes, ...look } = check(map, options);
    const limitInputPixels = Math.max(DEFAULT_LIMIT_INPUT_PIXELS, map.width * map.height);
    return intake.run(() => captureImage(input, limitInputPixels, limitInputBytes), {
      decode,
      signal,
      check: ({ width, height }: ImageSize) => {
        if (width === map.width && height === map.height) return;
        throw new HyperIQAError(
          'ERR_INVALID_ARGUMENT',
          `The map is of an image of ${map.width}×${map.height} pixels, this one has ${width}×${height}.`,
        );
      },
      work: (image) => inDecodingPlace(() => draw(map, image, look)),
    });
  });
}

interface Look {
  colors: MapColors;
  range: 'auto' | readonly [number, number];
  opacity: number;
  legend: boolean;
}

async function draw(map: QualityMap, image: RgbImage, { colors, range, opacity, legend }: Look): Promise<Buffer> {
  const scale = Math.min(1, LONGEST / Math.max(map.width, map.height));
  const width = Math.max(1, Math.round(map.width * scale));
  const height = Math.max(1, Math.round(map.height * scale));
  const raster = rasterOf(map, Math.max(map.resized.width, map.resized.height) / CELLS);
  const [low, high] = range === 'auto' ? extent(raster.values) : range;
  const share = (value: number) => (high > low ? Math.min(1, Math.max(0, (value - low) / (high - low))) : 0.5);

  const sharp = loadSharp();
  const table = colorTable(colors);
  const pixels = Buffer.alloc(raster.values.length * 3);
  raster.values.forEach((value, i) =>
    table.copy(pixels, i * 3, 3 * Math.round(255 * share(value)), 3 * Math.round(255 * share(value)) + 3),
  );
  const overlay = await sharp(pixels, { raw: { width: raster.width, height: raster.height, channels: 3 } })
    .resize(width, height, { fit: 'fill', kernel: 'cubic' })
    .ensureAlpha(opacity)
    .raw()
    .toBuffer();
  const photograph = await sharp(image.data, {
    raw: { width: image.width, height: image.height, channels: 3 },
    limitInputPixels: false,
  })
    .resize(width, height, { fit: 'fill' })
    .greyscale()
    .toColourspace('srgb')
    .png()
    .toBuffer();
  const blended = sharp(photograph)
    .composite([{ input: overlay, raw: { width, height, channels: 4 } }])
    .removeAlpha();
  if (!legend) return blended.png().toBuffer();
  const beside = Buffer.from(legendOf(table, low, high, map, Math.max(height, 120)));
  return sharp({
    create: { width: width + LEGEND_WIDTH, height: Math.max(height, 120), channels: 3, background: '#ffffff' },
  })
    .composite([
      { input: await blended.png().toBuffer(), left: 0, top: 0 },
      { input: beside, left: width, top: 0 },
    ])
    .png()
    .toBuffer();
}

/**
 * A map may come from a file: what is drawn is bounded by its sizes.
 *
 * @returns how its image was decoded
 * @throws HyperIQAError ERR_INVALID_ARGUMENT
 */
function checkMap(map: QualityMap): DecodePolicy {
  const part = (name: string, value: unknown) => {
    if (typeof value !== 'object' || value === null) throw invalid(name, 'an object', value);
    return value as Record<string, unknown>;
  };
  const { resized, scale, provenance } = part('The map', map);
  part("The map's resized", resized);
  const { minimum, maximum, higherIsBetter } = part("The map's scale", scale);
  if (!Number.isFinite(minimum) || !Number.isFinite(maximum)) {
    throw invalid("The map's scale", 'from one number to another', scale);
  }
  checkBoolean("The map's scale.higherIsBetter", higherIsBetter);
  const count = (name: string, value: unknown, maximum: number) => checkInteger(`The map's ${name}`, value, 1, maximum);
  const rows = count('rows', map.rows, MAXIMUM_CROPS);
  const columns = count('columns', map.columns, MAXIMUM_CROPS);
  for (const side of ['width', 'height'] as const) {
    count(side, map[side], Number.MAX_SAFE_INTEGER);
    count(`resized.${side}`, map.resized[side], Number.MAX_SAFE_INTEGER);
  }
  count('patchSize', map.patchSize, Number.MAX_SAFE_INTEGER);
  const { patches } = map as { patches: unknown };
  const whole =
    Array.isArray(patches) &&
    patches.length <= MAXIMUM_CROPS &&
    patches.length === rows * columns &&
    (patches as (Partial<MapPatch> | null)[]).every((patch) =>
      [patch?.x, patch?.y, patch?.score].every(Number.isFinite),
    );
  if (!whole) {
    throw invalid("The map's patches", `${rows}×${columns} patches with numbers as x, y and score`, patches);
  }
  const { protocol } = part("The map's provenance", provenance);
  return checkDecode(part("The protocol of the map's provenance", protocol).decode);
}

function check(map: QualityMap, options: unknown): Look & { limitInputBytes: number; signal: AbortSignal | undefined } {
  const fields = checkObject('options', options, ['colors', 'range', 'opacity', 'legend', 'limitInputBytes', 'signal']);
  return {
    colors: fields.colors === undefined ? 'viridis' : checkOneOf('colors', fields.colors, mapColors),
    range: fields.range === undefined ? ([map.scale.minimum, map.scale.maximum] as const) : checkRange(fields.range),
    opacity: fields.opacity === undefined ? 0.65 : checkNumber('opacity', fields.opacity, 0, 1),
    legend: fields.legend === undefined || checkBoolean('legend', fields.legend),
    limitInputBytes: checkInputLimits({ limitInputBytes: fields.limitInputBytes }).limitInputBytes,
    signal: fields.signal === undefined ? undefined : checkSignal('signal', fields.signal),
  };
}

function checkRange(range: unknown): 'auto' | readonly [number, number] {
  if (range === 'auto') return range;
  if (Array.isArray(range) && range.length === 2) {
    const [low, high] = range as unknown[];
    if (typeof low === 'number' && typeof high === 'number' && low < high && Number.isFinite(high - low)) {
      return [low, high];
    }
  }
  throw invalid('range', "'auto' or two numbers, the lower one first", range);
}

function extent(values: Float64Array): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}

/** The scale as SVG: the colours upright, with round numbers beside them. */
function legendOf(table: Buffer, low: number, high: number, { scale }: QualityMap, height: number): string {
  const length = height - 2 * MARGIN - 16;
  const top = MARGIN + 16;
  const stops = Array.from({ length: 17 }, (_, i) => {
    const at = Math.round((i / 16) * 255);
    return `<stop offset="${i / 16}" stop-color="rgb(${[...table.subarray(3 * at, 3 * at + 3)].join(',')})"/>`;
  });
  const marks = ticks(low, high).map((value) => {
    const y = top + length * (1 - (high > low ? (value - low) / (high - low) : 0.5));
    return (
      `<path d="M${MARGIN + BAR_WIDTH} ${y}h5" stroke="#333"/>` +
      `<text x="${MARGIN + BAR_WIDTH + 9}" y="${y + 4}">${value}</text>`
    );
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${LEGEND_WIDTH}" height="${height}" ` +
    'font-family="DejaVu Sans, Verdana, Arial, sans-serif" font-size="12" fill="#222">' +
    `<linearGradient id="scale" x1="0" y1="1" x2="0" y2="0">${stops.join('')}</linearGradient>` +
    `<text x="${MARGIN}" y="${MARGIN + 4}" font-size="11">${scale.higherIsBetter ? 'better ↑' : 'worse ↑'}</text>` +
    `<rect x="${MARGIN}" y="${top}" width="${BAR_WIDTH}" height="${length}" fill="url(#scale)" stroke="#333"/>` +
    `${marks.join('')}</svg>`
  );
}

/** Four to ten round numbers between two values, both ends included where they are round. */
function ticks(low: number, high: number): number[] {
  if (!(high > low)) return [Number(low.toPrecision(3))];
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? 10 * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}
