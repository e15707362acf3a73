/** A quality map as a picture: colours over the photograph in grey, with the scale beside it. */
import {
  interpolateCividis,
  interpolateInferno,
  interpolateMagma,
  interpolatePlasma,
  interpolateViridis,
} from 'd3-scale-chromatic';

import { fromCallSite } from '../call-site.js';
import { HyperIQAError } from '../errors.js';
import { captureImage, DEFAULT_LIMIT_INPUT_PIXELS } from '../image.js';
import { loadSharp } from '../image/sharp.js';
import type { ImageInput } from '../types.js';
import { checkBoolean, checkNumber, checkObject, checkOneOf, invalid } from '../validate.js';
import { rasterOf } from './raster.js';
import type { MapColours, MapPictureOptions, QualityMap } from './types.js';

const COLOURS: Record<MapColours, (share: number) => string> = {
  viridis: interpolateViridis,
  cividis: interpolateCividis,
  magma: interpolateMagma,
  inferno: interpolateInferno,
  plasma: interpolatePlasma,
};

/** Names of the colour maps. */
export const mapColours: readonly MapColours[] = Object.freeze(Object.keys(COLOURS) as MapColours[]);

/** Longer side of the photograph in the picture, pixels. */
const LONGEST = 1024;
/** Cells of the raster along the longer side: finer than the patches are apart, coarser than the picture. */
const CELLS = 160;
const LEGEND_WIDTH = 96;
const BAR_WIDTH = 18;
const MARGIN = 14;

/**
 * Draws a map over the image it was made from.
 *
 * @param input - The same image; read again, so no stream that was read before.
 * @returns a PNG file
 * @throws HyperIQAError (as a rejection) ERR_INVALID_ARGUMENT and the codes of reading an image
 */
export function mapPicture(map: QualityMap, input: ImageInput, options: MapPictureOptions = {}): Promise<Buffer> {
  return fromCallSite(async () => {
    const { colours, range, opacity, legend } = check(map, options);
    const limit = Math.max(DEFAULT_LIMIT_INPUT_PIXELS, map.width * map.height);
    const image = await captureImage(input, limit).decode(map.provenance.protocol.decode);
    if (image.width !== map.width || image.height !== map.height) {
      throw new HyperIQAError(
        'ERR_INVALID_ARGUMENT',
        `The map is of an image of ${map.width}×${map.height} pixels, this one has ${image.width}×${image.height}.`,
      );
    }
    const scale = Math.min(1, LONGEST / Math.max(map.width, map.height));
    const width = Math.max(1, Math.round(map.width * scale));
    const height = Math.max(1, Math.round(map.height * scale));
    const raster = rasterOf(map, Math.max(map.resized.width, map.resized.height) / CELLS);
    const [low, high] = range === 'auto' ? extent(raster.values) : range;
    const share = (value: number) => (high > low ? Math.min(1, Math.max(0, (value - low) / (high - low))) : 0.5);

    const sharp = loadSharp();
    const table = tableOf(colours);
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
  });
}

function check(map: QualityMap, options: unknown) {
  const fields = checkObject('options', options, ['colours', 'range', 'opacity', 'legend']);
  return {
    colours: fields.colours === undefined ? 'viridis' : checkOneOf('colours', fields.colours, mapColours),
    range: fields.range === undefined ? ([map.scale.minimum, map.scale.maximum] as const) : checkRange(fields.range),
    opacity: fields.opacity === undefined ? 0.65 : checkNumber('opacity', fields.opacity, 0, 1),
    legend: fields.legend === undefined || checkBoolean('legend', fields.legend),
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

/** 256 colours from low to high, RGB. */
function tableOf(name: MapColours): Buffer {
  const colours = Array.from({ length: 256 }, (_, i) => rgbOf(COLOURS[name](i / 255)));
  return Buffer.from(colours.flat());
}

/** The maps give `#rrggbb` or `rgb(r, g, b)`. */
function rgbOf(colour: string): number[] {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
  if (hex) return hex.slice(1).map((part) => parseInt(part, 16));
  return (colour.match(/\d+/g) ?? []).slice(0, 3).map(Number);
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
