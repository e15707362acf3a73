/** The options objects of the face detector: checked, with their defaults. */
import type { IntakeLimits } from '../intake/intake.js';
import { checkDevice, checkInputLimits, checkQueueLimits, LIMIT_KEYS, QUEUE_KEYS } from '../scoring/options.js';
import type { Device, InputLimits } from '../types.js';
import { checkBoolean, checkInteger, checkNumber, checkObject, checkSignal, checkString } from '../support/validate.js';
import type { DetectorLoadOptions, DetectOptions } from './types.js';

/** Below this, most of what MTCNN finds in photographs without people is no face; docs/faces.md has the figures. */
const DEFAULT_CONFIDENCE = 0.9;
/** The window of the first network. */
const SMALLEST_SEARCH = 12;
export const LARGEST_SIDE = 65_536;
const LARGEST_MARGIN = 10;

export interface CheckedDetectorLoadOptions {
  native: {
    trustModel: boolean;
    device: Device;
    threads: number;
    selfCheck: boolean;
    maxQueueImages: number;
    maxQueueBytes: number;
  };
  intake: IntakeLimits;
  libtorch: string | undefined;
  signal: AbortSignal | undefined;
}

const LOAD_KEYS: readonly (keyof DetectorLoadOptions)[] = [
  'trustModel',
  'device',
  'threads',
  'libtorch',
  'selfCheck',
  ...QUEUE_KEYS,
  'signal',
];

/** @throws HyperIQAError ERR_INVALID_ARGUMENT */
export function checkDetectorLoadOptions(value: unknown): CheckedDetectorLoadOptions {
  const fields = checkObject('options', value, LOAD_KEYS);
  const { native, intake } = checkQueueLimits(fields);
  return {
    native: {
      ...native,
      trustModel: fields.trustModel === undefined ? false : checkBoolean('trustModel', fields.trustModel),
      device: fields.device === undefined ? 'cpu' : checkDevice(fields.device),
      // 0 leaves the choice to the engine.
      threads: fields.threads === undefined ? 0 : checkInteger('threads', fields.threads, 1, 1024),
      selfCheck: fields.selfCheck === undefined ? true : checkBoolean('selfCheck', fields.selfCheck),
    },
    intake,
    libtorch: fields.libtorch === undefined ? undefined : checkString('libtorch', fields.libtorch),
    signal: fields.signal === undefined ? undefined : checkSignal('signal', fields.signal),
  };
}

export interface CheckedDetectOptions {
  minConfidence: number;
  minFaceSize: number;
  searchSize: number;
  exactlyOne: boolean;
  margin: number;
  crops: boolean;
  limits: Required<InputLimits>;
  signal: AbortSignal | undefined;
}

const DETECT_KEYS: readonly (keyof DetectOptions)[] = [
  'minConfidence',
  'minFaceSize',
  'searchSize',
  'exactlyOne',
  'margin',
  'crops',
  ...LIMIT_KEYS,
  'signal',
];

/**
 * @param searchSize - The model's own.
 * @throws HyperIQAError ERR_INVALID_ARGUMENT
 */
export function checkDetectOptions(
  value: unknown,
  searchSize: number,
  furtherKeys: readonly string[] = [],
): CheckedDetectOptions {
  const fields = checkObject('options', value, [...DETECT_KEYS, ...furtherKeys]);
  const number = (key: keyof DetectOptions, minimum: number, maximum: number, byDefault: number) =>
    fields[key] === undefined ? byDefault : checkNumber(key, fields[key], minimum, maximum);
  const flag = (key: keyof DetectOptions) => fields[key] !== undefined && checkBoolean(key, fields[key]);
  const minFaceSize = number('minFaceSize', 0, LARGEST_SIDE, 0);
  const defaultSearch = minFaceSize > 0 ? Math.max(SMALLEST_SEARCH, Math.min(minFaceSize, searchSize)) : searchSize;
  return {
    minConfidence: number('minConfidence', 0, 1, DEFAULT_CONFIDENCE),
    minFaceSize,
    searchSize: number('searchSize', SMALLEST_SEARCH, LARGEST_SIDE, defaultSearch),
    exactlyOne: flag('exactlyOne'),
    margin: number('margin', 0, LARGEST_MARGIN, 0),
    crops: flag('crops'),
    limits: checkInputLimits(fields),
    signal: fields.signal === undefined ? undefined : checkSignal('signal', fields.signal),
  };
}
