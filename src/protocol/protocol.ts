/** Scoring protocols by name, and what an options object makes of them. See docs/protocols.md. */
import { HyperIQAError } from '../errors.js';
import type { Crops, DecodePolicy, ModelMetadata, Protocol, ProtocolName, Resize, ScoreOptions } from '../types.js';
import { checkInteger, checkObject, checkOneOf, checkString, invalid, show } from '../support/validate.js';

/** Largest number of crops of one image: enough for a grid over the largest image, and no accident with a zero more. */
export const MAXIMUM_CROPS = 100_000;
/** Longest side that a resize may ask for, in pixels. */
export const MAXIMUM_SIDE = 32_768;
const PATCH = 224;

/** Decodes as Pillow's `Image.open(path).convert('RGB')`, which the reference implementations use. */
const AS_PILLOW: DecodePolicy = { iccProfile: 'ignore', alpha: 'drop', orientation: 'ignore' };
/** Decodes the picture as viewers show it: colour profile, orientation and transparency applied. */
export const AS_SEEN: DecodePolicy = { iccProfile: 'srgb', alpha: 'white', orientation: 'exif' };

/** The part of a model's metadata that protocols depend on. */
type DefiningModel = Pick<ModelMetadata, 'protocol' | 'datasetResize'>;

/** The built-in protocols, in the order of the documentation. */
const protocols: Readonly<Record<ProtocolName, (model: DefiningModel) => Protocol>> = {
  official: () => ({
    name: 'official',
    decode: AS_PILLOW,
    // torchvision's Resize((512, 384)) is height × width, whatever the image's aspect.
    resize: { mode: 'exact', width: 384, height: 512 },
    minSide: PATCH,
    crops: { plan: 'random', count: 10 },
  }),
  'official-test': ({ datasetResize }) => ({
    name: 'official-test',
    decode: AS_PILLOW,
    resize: datasetResize,
    minSide: PATCH,
    crops: { plan: 'random', count: 25 },
  }),
  pyiqa: () => ({
    name: 'pyiqa',
    decode: AS_PILLOW,
    resize: { mode: 'none' },
    minSide: PATCH + 1,
    crops: { plan: 'pyiqa' },
  }),
  native: ({ protocol }) =>
    // A model that was made for `native` knows the size that measured best for it.
    protocol.name === 'native'
      ? protocol
      : {
          name: 'native',
          decode: AS_SEEN,
          resize: { mode: 'short-side', size: 384 },
          minSide: PATCH,
          crops: { plan: 'grid' },
        },
};

/** Names of the built-in protocols, in the order of the documentation. */
export const protocolNames: readonly ProtocolName[] = Object.freeze(Object.keys(protocols) as ProtocolName[]);

/**
 * The complete protocol that `score` applies with these options: the named or given one, else the model's own, with
 * `crops` in the place of its crops. The result is a new, deeply frozen object.
 *
 * @param model - The model's metadata (`info.model`): `official-test` and the default depend on it.
 * @throws HyperIQAError ERR_INVALID_ARGUMENT
 */
export function resolveProtocol(
  model: Pick<ModelMetadata, 'protocol' | 'datasetResize'>,
  options: Pick<ScoreOptions, 'protocol' | 'crops'> = {},
): Protocol {
  const base = checkProtocol(selectProtocol(model, options.protocol));
  const crops = options.crops === undefined ? base.crops : checkCrops('crops', options.crops);
  return Object.freeze({ ...base, crops });
}

function selectProtocol(model: DefiningModel, protocol: unknown): unknown {
  if (protocol === undefined) return model.protocol;
  return typeof protocol === 'string' ? protocols[checkOneOf('protocol', protocol, protocolNames)](model) : protocol;
}

function checkProtocol(value: unknown): Protocol {
  const fields = checkObject('protocol', value, ['name', 'decode', 'resize', 'minSide', 'crops']);
  return {
    name: checkString('protocol.name', fields.name),
    decode: checkDecode(fields.decode),
    resize: checkResize(fields.resize),
    minSide: checkInteger('protocol.minSide', fields.minSide, PATCH, MAXIMUM_SIDE),
    crops: checkCrops('protocol.crops', fields.crops),
  };
}

/** @throws HyperIQAError ERR_INVALID_ARGUMENT */
export function checkDecode(value: unknown): DecodePolicy {
  const name = 'protocol.decode';
  const fields = checkObject(name, value, ['iccProfile', 'alpha', 'orientation']);
  return Object.freeze({
    iccProfile: checkOneOf(`${name}.iccProfile`, fields.iccProfile, ['ignore', 'srgb']),
    alpha: checkOneOf(`${name}.alpha`, fields.alpha, ['drop', 'white']),
    orientation: checkOneOf(`${name}.orientation`, fields.orientation, ['ignore', 'exif']),
  });
}

function checkResize(value: unknown): Resize {
  const name = 'protocol.resize';
  const fields = checkObject(name, value, ['mode', 'width', 'height', 'size']);
  const side = (key: string) => checkInteger(`${name}.${key}`, fields[key], 1, MAXIMUM_SIDE);
  const mode = checkOneOf(`${name}.mode`, fields.mode, ['none', 'exact', 'short-side']);
  switch (mode) {
    case 'none':
      checkObject(`${name} with mode 'none'`, value, ['mode']);
      return Object.freeze({ mode });
    case 'exact':
      checkObject(`${name} with mode 'exact'`, value, ['mode', 'width', 'height']);
      return Object.freeze({ mode, width: side('width'), height: side('height') });
    case 'short-side':
      checkObject(`${name} with mode 'short-side'`, value, ['mode', 'size']);
      return Object.freeze({ mode, size: side('size') });
  }
}

/**
 * A model file's protocol and dataset resize without the fields that this version does not know: docs/model-format.md
 * has unknown fields ignored there, whereas in options they are refused.
 */
export function knownFields(metadata: Pick<ModelMetadata, 'protocol' | 'datasetResize'>): {
  protocol: Protocol;
  datasetResize: Resize;
} {
  const { name, decode, resize, minSide, crops } = metadata.protocol;
  const { iccProfile, alpha, orientation } = decode;
  return {
    protocol: checkProtocol({
      name,
      decode: { iccProfile, alpha, orientation },
      resize: pick(resize, ['mode', 'width', 'height', 'size']),
      minSide,
      crops: pick(crops, ['plan', 'count', 'rows', 'columns']),
    }),
    datasetResize: checkResize(pick(metadata.datasetResize, ['mode', 'width', 'height', 'size'])),
  };
}

function pick(object: object, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([key]) => keys.includes(key)));
}

/** Crops as an option gives them: a plan, or a number of random crops. */
function checkCrops(name: string, value: unknown): Crops {
  if (typeof value === 'number') {
    return Object.freeze({ plan: 'random', count: checkInteger(name, value, 1, MAXIMUM_CROPS) });
  }
  if (typeof value !== 'object') throw invalid(name, 'a number of random crops or a crop plan', value);
  const fields = checkObject(name, value, ['plan', 'count', 'rows', 'columns']);
  const plan = checkOneOf(`${name}.plan`, fields.plan, ['random', 'grid', 'pyiqa', 'center']);
  switch (plan) {
    case 'random':
      checkObject(`${name} with plan 'random'`, value, ['plan', 'count']);
      return Object.freeze({ plan, count: checkInteger(`${name}.count`, fields.count, 1, MAXIMUM_CROPS) });
    case 'grid':
      checkObject(`${name} with plan 'grid'`, value, ['plan', 'rows', 'columns']);
      return checkGrid(name, fields.rows, fields.columns);
    case 'pyiqa':
    case 'center':
      checkObject(`${name} with plan '${plan}'`, value, ['plan']);
      return Object.freeze({ plan });
  }
}

function checkGrid(name: string, rows: unknown, columns: unknown): Crops {
  if (rows === undefined && columns === undefined) return Object.freeze({ plan: 'grid' });
  if (rows === undefined || columns === undefined) {
    throw new HyperIQAError(
      'ERR_INVALID_ARGUMENT',
      `${name}: a grid has both rows and columns, or neither (then as many as cover the image), ` +
        `not rows ${show(rows)} and columns ${show(columns)}.`,
    );
  }
  const grid = {
    plan: 'grid' as const,
    rows: checkInteger(`${name}.rows`, rows, 1, MAXIMUM_CROPS),
    columns: checkInteger(`${name}.columns`, columns, 1, MAXIMUM_CROPS),
  };
  if (grid.rows * grid.columns > MAXIMUM_CROPS) {
    throw new HyperIQAError(
      'ERR_INVALID_ARGUMENT',
      `${name}: ${grid.rows}×${grid.columns} are more than the ${MAXIMUM_CROPS} crops that one image may have.`,
    );
  }
  return Object.freeze(grid);
}

/**
 * Size of the image that the crops are cut from, in pixels, after the protocol's resize and the enlargement to
 * `minSide` (docs/model-format.md). A very long, thin image grows enormously: the caller compares it with a limit.
 */
export function resizedSize(protocol: Protocol, width: number, height: number): { width: number; height: number } {
  const { resize, minSide } = protocol;
  let size = { width, height };
  if (resize.mode === 'exact') size = { width: resize.width, height: resize.height };
  if (resize.mode === 'short-side') size = withShortSide(size, resize.size);
  return Math.min(size.width, size.height) < minSide ? withShortSide(size, minSide) : size;
}

function withShortSide({ width, height }: { width: number; height: number }, side: number) {
  return width <= height
    ? { width: side, height: Math.floor((height * side) / width) }
    : { width: Math.floor((width * side) / height), height: side };
}
