/** Parameters of requests: JSON Schemas that validate and describe them, and what they are for hyperiqa. */
import { protocolNames, type Crops, type ScoreOptions } from 'hyperiqa';
import { type DetectOptions } from 'hyperiqa/faces';
import { mapColors } from 'hyperiqa/maps';
import type { ProtocolName } from 'hyperiqa';
import type { MapColors } from 'hyperiqa/maps';
import type { ServiceLimits } from '../settings/options.js';

type Limits = Required<ServiceLimits>;
type Schema = Readonly<Record<string, unknown>>;

/** Parameters that requests about images share. */
export interface CommonQuery {
  model?: string;
  protocol?: ProtocolName;
  provenance: boolean;
  file: string;
}

export interface FacesQuery {
  exactlyOne?: boolean;
  minFaceSize?: number;
  minConfidence?: number;
  searchSize?: number;
  margin?: number;
}

export interface ScoreQuery extends CommonQuery, FacesQuery {
  crops?: string;
  seed: string;
  maxStandardError?: number;
  maxCrops?: number;
  faces: boolean;
}

export interface DetectQuery extends FacesQuery {
  provenance: boolean;
  file: string;
  format?: 'json' | 'png';
  face: number;
}

export interface MapQuery extends CommonQuery {
  stride?: number;
  format?: 'json' | 'png';
  colors: MapColors;
  range: 'scale' | 'auto';
  opacity: number;
  legend: boolean;
}

const file: Schema = {
  type: 'string',
  minLength: 1,
  maxLength: 1024,
  default: 'image',
  description: 'Name of the image in its record, where the request brings none (a raw body).',
};

const provenance: Schema = {
  type: 'boolean',
  default: false,
  description: 'Add what is needed to compute the result again: model, protocol, device and versions.',
};

const format = (png: string): Schema => ({
  type: 'string',
  enum: ['json', 'png'],
  description: `${png} Default: png where the header Accept prefers image/png, else json.`,
});

const common = (models: readonly string[]) => ({
  model: { type: 'string', enum: models, description: `Name of a model. Default: ${models[0] ?? ''}.` },
  protocol: {
    type: 'string',
    enum: protocolNames,
    description: "Decoding, resize and crops. Default: the model's own.",
  },
  provenance,
  file,
});

const faces = {
  exactlyOne: { type: 'boolean', description: 'Keep a face only where it is the only one.' },
  minFaceSize: {
    type: 'number',
    minimum: 0,
    maximum: 100_000,
    description: 'Keep faces whose shorter side has this many pixels.',
  },
  minConfidence: { type: 'number', minimum: 0, maximum: 1, description: 'Of a face. Default: 0.9.' },
  searchSize: {
    type: 'number',
    minimum: 12,
    maximum: 100_000,
    description: 'Smallest face to look for, pixels. Default: 20.',
  },
  margin: {
    type: 'number',
    minimum: 0,
    maximum: 10,
    description: 'Added around a face on each side, as a share of its box. Default: 0.',
  },
} as const;

const query = (properties: Record<string, Schema>): Schema => ({
  type: 'object',
  additionalProperties: false,
  properties,
});

export const scoreQuery = (models: readonly string[], { crops }: Limits, detector: boolean): Schema =>
  query({
    ...common(models),
    crops: {
      type: 'string',
      pattern: '^([1-9][0-9]{0,5}|grid(:[1-9][0-9]{0,2}x[1-9][0-9]{0,2})?|center|pyiqa)$',
      description: `A number of random crops (at most ${crops}), grid, grid:ROWSxCOLUMNS, center or pyiqa. Default: the protocol's.`,
    },
    seed: { type: 'string', pattern: '^[0-9]{1,20}$', default: '0', description: 'Seed of random crops, below 2^64.' },
    maxStandardError: {
      type: 'number',
      exclusiveMinimum: 0,
      description: 'Add random crops until the standard error is below this.',
    },
    maxCrops: {
      type: 'integer',
      minimum: 1,
      maximum: crops,
      description: `With it: crops at most. Default: ${crops}.`,
    },
    ...(detector && {
      faces: { type: 'boolean', default: false, description: 'Find and score the faces, too.' },
      ...faces,
    }),
  });

export const detectQuery: Schema = query({
  ...faces,
  provenance,
  file,
  format: format('png: a kept face, cut out.'),
  face: {
    type: 'integer',
    minimum: 0,
    maximum: 10_000,
    default: 0,
    description: 'With png: which of the kept faces, the largest first.',
  },
});

export const mapQuery = (models: readonly string[]): Schema =>
  query({
    ...common(models),
    stride: {
      type: 'integer',
      minimum: 16,
      maximum: 224,
      description: 'Largest distance of patches, pixels. Default: 32.',
    },
    format: format('png: drawn over the photograph.'),
    colors: { type: 'string', enum: mapColors, default: 'viridis', description: 'With png: the colour map.' },
    range: {
      type: 'string',
      enum: ['scale', 'auto'],
      default: 'scale',
      description:
        "With png: the ends of the colors are those of the model's scale, or the map's own lowest and highest.",
    },
    opacity: { type: 'number', minimum: 0, maximum: 1, default: 0.65, description: 'With png: of the colors.' },
    legend: { type: 'boolean', default: true, description: 'With png: draw the scale beside the map.' },
  });

export const urlBody = ({ images }: Limits): Schema => {
  const url = { type: 'string', minLength: 1, maxLength: 4096, description: 'http or https, of an allowed host.' };
  return {
    type: 'object',
    additionalProperties: false,
    oneOf: [{ required: ['url'] }, { required: ['urls'] }],
    properties: { url, urls: { type: 'array', minItems: 1, maxItems: images, items: url } },
  };
};

/** Parameters as options of `HyperIQA.score`. */
export function toScoreOptions(
  { protocol, crops, seed, maxStandardError, maxCrops }: ScoreQuery,
  limits: Limits,
): Omit<ScoreOptions, 'signal'> {
  return {
    ...(protocol !== undefined && { protocol }),
    ...(crops !== undefined && { crops: toCrops(crops) }),
    seed: BigInt(seed),
    ...(maxStandardError !== undefined && { maxStandardError, maxCrops: maxCrops ?? limits.crops }),
    ...(maxStandardError === undefined && maxCrops !== undefined && { maxCrops }),
    ...inputLimits(limits),
  };
}

/** Parameters as options of `FaceDetector.detect`. */
export const toDetectOptions = (
  { exactlyOne, minFaceSize, minConfidence, searchSize, margin }: FacesQuery,
  limits: Limits,
): Omit<DetectOptions, 'signal' | 'crops'> => ({
  ...(exactlyOne !== undefined && { exactlyOne }),
  ...(minFaceSize !== undefined && { minFaceSize }),
  ...(minConfidence !== undefined && { minConfidence }),
  ...(searchSize !== undefined && { searchSize }),
  ...(margin !== undefined && { margin }),
  ...inputLimits(limits),
});

export const inputLimits = ({ pixels, bodyBytes }: Limits) => ({
  limitInputPixels: pixels,
  limitInputBytes: bodyBytes,
});

/** The number of crops that a text asks for, as far as the text alone decides it. */
export function cropsAskedFor(text: string | undefined): number {
  const [, count, rows, columns] = /^(\d+)$|^grid:(\d+)x(\d+)$/.exec(text ?? '') ?? [];
  return count === undefined ? Number(rows ?? 0) * Number(columns ?? 0) : Number(count);
}

function toCrops(text: string): Crops {
  if (text === 'grid' || text === 'center' || text === 'pyiqa') return { plan: text };
  const [first, second] = text.replace('grid:', '').split('x').map(Number);
  return second === undefined
    ? { plan: 'random', count: first ?? 0 }
    : { plan: 'grid', rows: first ?? 0, columns: second };
}
