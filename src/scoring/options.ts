/** The options objects of the API: checked, with their defaults. */
import { HyperIQAError } from '../errors.js';
import { DEFAULT_LIMIT_INPUT_PIXELS, defaultByteLimit, MAXIMUM_BYTES } from '../image/limits.js';
import type { IntakeLimits } from '../intake/intake.js';
import { MAXIMUM_CROPS, resolveProtocol } from '../protocol/protocol.js';
import type {
  Device,
  Dtype,
  GraphMode,
  InputLimits,
  LoadOptions,
  ModelMetadata,
  Protocol,
  QueueLimits,
} from '../types.js';
import {
  checkBoolean,
  checkInteger,
  checkObject,
  checkOneOf,
  checkSignal,
  checkString,
  invalid,
} from '../support/validate.js';

const DEFAULT_MAXIMUM_CROPS = 100;
const DEFAULT_MAXIMUM_STREAMS = 16;
const MAXIMUM_SEED = 2n ** 64n - 1n;
export const MAXIMUM_THREADS = 1024;
export const MAXIMUM_BATCH_SIZE = 1024;
export const GRAPH_MODES: readonly GraphMode[] = ['auto', 'freeze', 'optimize', 'onednn'];
export const DTYPES: readonly Dtype[] = ['fp32', 'bf16', 'fp16'];

/** Load options as the native side takes them, and what stays on this side. */
export interface CheckedLoadOptions {
  native: {
    trustModel: boolean;
    devices: Device[];
    dtype: Dtype;
    threads: number;
    batchSize: number;
    graphMode: GraphMode;
    tuning: boolean;
    selfCheck: boolean;
    maxQueueImages: number;
    maxQueueBytes: number;
  };
  intake: IntakeLimits;
  /** `auto` was asked for by name. */
  autoAsked: boolean;
  libtorch: string | undefined;
  signal: AbortSignal | undefined;
}

export const QUEUE_KEYS = ['maxQueueImages', 'maxQueueBytes', 'maxPending', 'maxStreams', 'maxDecoding'] as const;

/**
 * The fields of `QUEUE_KEYS`: of the native queue, and of the way to it.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT
 */
export function checkQueueLimits(fields: Record<string, unknown>): {
  native: { maxQueueImages: number; maxQueueBytes: number };
  intake: IntakeLimits;
} {
  const integer = (key: keyof QueueLimits, maximum: number, byDefault: number) =>
    fields[key] === undefined ? byDefault : checkInteger(key, fields[key], 1, maximum);
  return {
    native: {
      maxQueueImages: integer('maxQueueImages', 1_000_000, 64),
      maxQueueBytes: integer('maxQueueBytes', Number.MAX_SAFE_INTEGER, 2 ** 30),
    },
    intake: {
      maxPending: integer('maxPending', Number.MAX_SAFE_INTEGER, Infinity),
      maxStreams: integer('maxStreams', 1_000_000, DEFAULT_MAXIMUM_STREAMS),
      maxDecoding: integer('maxDecoding', 1024, Infinity),
    },
  };
}

const LOAD_KEYS: readonly (keyof LoadOptions)[] = [
  'trustModel',
  'device',
  'dtype',
  'threads',
  'batchSize',
  'graphMode',
  'tuning',
  'libtorch',
  'selfCheck',
  ...QUEUE_KEYS,
  'signal',
];

/** @throws HyperIQAError ERR_INVALID_ARGUMENT */
export function checkLoadOptions(value: unknown): CheckedLoadOptions {
  const fields = checkObject('options', value, LOAD_KEYS);
  // 0 leaves the choice to the engine.
  const integer = (key: keyof LoadOptions, maximum: number) =>
    fields[key] === undefined ? 0 : checkInteger(key, fields[key], 1, maximum);
  const { native, intake } = checkQueueLimits(fields);
  return {
    native: {
      ...native,
      trustModel: fields.trustModel === undefined ? false : checkBoolean('trustModel', fields.trustModel),
      devices: fields.device === undefined ? ['auto'] : checkDevices(fields.device),
      dtype: fields.dtype === undefined ? 'fp32' : checkOneOf('dtype', fields.dtype, DTYPES),
      threads: integer('threads', MAXIMUM_THREADS),
      batchSize: integer('batchSize', MAXIMUM_BATCH_SIZE),
      graphMode: fields.graphMode === undefined ? 'auto' : checkOneOf('graphMode', fields.graphMode, GRAPH_MODES),
      tuning: fields.tuning === undefined ? true : checkBoolean('tuning', fields.tuning),
      selfCheck: fields.selfCheck === undefined ? true : checkBoolean('selfCheck', fields.selfCheck),
    },
    intake,
    autoAsked: fields.device === 'auto',
    libtorch: fields.libtorch === undefined ? undefined : checkString('libtorch', fields.libtorch),
    signal: fields.signal === undefined ? undefined : checkSignal('signal', fields.signal),
  };
}

const isDevice = (value: unknown): value is Device =>
  typeof value === 'string' && /^(auto|cpu|cuda(:(0|[1-9]\d{0,2}))?)$/.test(value);

/** One device. @throws HyperIQAError ERR_INVALID_ARGUMENT */
export function checkDevice(value: unknown): Device {
  if (!isDevice(value)) throw invalid('device', "'auto', 'cpu', 'cuda' or 'cuda:N'", value);
  return value;
}

function checkDevices(value: unknown): Device[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  for (const device of list) {
    if (!isDevice(device)) throw invalid('device', "'auto', 'cpu', 'cuda', 'cuda:N' or a list of them", device);
  }
  if (list.length === 0) throw invalid('device', 'at least one device', value);
  if (new Set(list).size < list.length || (list.length > 1 && list.includes('auto'))) {
    throw new HyperIQAError(
      'ERR_INVALID_ARGUMENT',
      `device: a list names each device once and has no 'auto', not [${list.join(', ')}].`,
    );
  }
  return list as Device[];
}

/** Score options with everything that follows from them. */
export interface CheckedScoreOptions {
  protocol: Protocol;
  seed: bigint;
  maxStandardError: number | undefined;
  /** Only with `maxStandardError`. */
  maxCrops: number | undefined;
  limits: Required<InputLimits>;
  signal: AbortSignal | undefined;
}

export const LIMIT_KEYS = ['limitInputPixels', 'limitInputBytes'] as const;

/**
 * The fields of `LIMIT_KEYS`, with their defaults.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT
 */
export function checkInputLimits(fields: Record<string, unknown>): Required<InputLimits> {
  const { limitInputPixels: pixels, limitInputBytes: bytes } = fields;
  const limitInputPixels =
    pixels === undefined
      ? DEFAULT_LIMIT_INPUT_PIXELS
      : checkInteger('limitInputPixels', pixels, 1, Number.MAX_SAFE_INTEGER);
  const limitInputBytes =
    bytes === undefined ? defaultByteLimit(limitInputPixels) : checkInteger('limitInputBytes', bytes, 1, MAXIMUM_BYTES);
  return { limitInputPixels, limitInputBytes };
}

const SCORE_KEYS = ['protocol', 'crops', 'seed', 'maxStandardError', 'maxCrops', ...LIMIT_KEYS, 'signal'];

/** @throws HyperIQAError ERR_INVALID_ARGUMENT */
export function checkScoreOptions(
  value: unknown,
  model: Pick<ModelMetadata, 'protocol' | 'datasetResize'>,
  furtherKeys: readonly string[] = [],
): CheckedScoreOptions {
  const fields = checkObject('options', value, [...SCORE_KEYS, ...furtherKeys]);
  const protocol = resolveProtocol(model, fields);
  return {
    protocol,
    seed: fields.seed === undefined ? 0n : checkSeed(fields.seed),
    ...checkStandardError(fields, protocol),
    limits: checkInputLimits(fields),
    signal: fields.signal === undefined ? undefined : checkSignal('signal', fields.signal),
  };
}

function checkSeed(value: unknown): bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  if (typeof value === 'bigint' && value >= 0n && value <= MAXIMUM_SEED) return value;
  throw invalid('seed', 'an integer from 0 to 2⁶⁴ − 1 (above 2⁵³ − 1 a bigint)', value);
}

function checkStandardError(
  fields: Record<string, unknown>,
  { crops }: Protocol,
): Pick<CheckedScoreOptions, 'maxStandardError' | 'maxCrops'> {
  const { maxStandardError: bound, maxCrops } = fields;
  if (bound === undefined) {
    if (maxCrops === undefined) return { maxStandardError: undefined, maxCrops: undefined };
    throw new HyperIQAError('ERR_INVALID_ARGUMENT', 'maxCrops has a meaning only together with maxStandardError.');
  }
  if (typeof bound !== 'number' || !Number.isFinite(bound) || bound <= 0) {
    throw invalid('maxStandardError', 'a number greater than 0', bound);
  }
  if (crops.plan !== 'random') {
    throw new HyperIQAError(
      'ERR_INVALID_ARGUMENT',
      `maxStandardError needs random crops, and the plan is '${crops.plan}': give a number of crops.`,
    );
  }
  return {
    maxStandardError: bound,
    maxCrops:
      maxCrops === undefined
        ? Math.max(DEFAULT_MAXIMUM_CROPS, crops.count)
        : checkInteger('maxCrops', maxCrops, crops.count, MAXIMUM_CROPS),
  };
}
