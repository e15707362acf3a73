/** The one error class of the package and its stable codes. */
import { shortenWords } from './support/shorten.js';

/** Every code that a `HyperIQAError` can carry; docs/errors.md tells cause and remedy of each. */
export const ERROR_CODES = [
  'ERR_INVALID_ARGUMENT',
  'ERR_IMAGE_NOT_FOUND',
  'ERR_IMAGE_READ',
  'ERR_IMAGE_EMPTY',
  'ERR_IMAGE_FORMAT',
  'ERR_IMAGE_DECODE',
  'ERR_IMAGE_TOO_LARGE',
  'ERR_IMAGE_RAW_SIZE',
  'ERR_MODEL_NOT_FOUND',
  'ERR_MODEL_FORMAT',
  'ERR_MODEL_UNTRUSTED',
  'ERR_MODEL_SELF_CHECK',
  'ERR_MODEL_HASH',
  'ERR_MODEL_EXISTS',
  'ERR_CHECKPOINT_READ',
  'ERR_CHECKPOINT_FORMAT',
  'ERR_CHECKPOINT_DAMAGED',
  'ERR_CHECKPOINT_UNSAFE',
  'ERR_CHECKPOINT_KEYS',
  'ERR_CHECKPOINT_SHAPE',
  'ERR_CHECKPOINT_VALUES',
  'ERR_CHECKPOINT_HASH',
  'ERR_DATASET',
  'ERR_DEVICE_UNAVAILABLE',
  'ERR_DTYPE_UNSUPPORTED',
  'ERR_LIBTORCH_NOT_FOUND',
  'ERR_LIBTORCH_VERSION',
  'ERR_LIBTORCH_LOAD',
  'ERR_ADDON_NOT_FOUND',
  'ERR_BUNDLED',
  'ERR_PERMISSION',
  'ERR_ADD_ON_NOT_FOUND',
  'ERR_ADD_ON_VERSION',
  'ERR_ADD_ON_LOAD',
  'ERR_SHARP_LOAD',
  'ERR_RUNTIME_SOURCE',
  'ERR_RUNTIME_DOWNLOAD',
  'ERR_RUNTIME_HASH',
  'ERR_RUNTIME_ARCHIVE',
  'ERR_RUNTIME_CACHE',
  'ERR_RUNTIME_NOT_INSTALLED',
  'ERR_QUEUE_FULL',
  'ERR_QUEUE_CONNECTION',
  'ERR_QUEUE_NOT_FOUND',
  'ERR_QUEUE_SETTINGS',
  'ERR_STORAGE',
  'ERR_DISPOSED',
  'ERR_ABORTED',
  'ERR_OUT_OF_MEMORY',
  'ERR_TABLE',
  'ERR_OUTPUT',
  'ERR_OUTPUT_BUSY',
  'ERR_RESUME',
  'ERR_RESULTS_READ',
  'ERR_RESULTS_CONFLICT',
  'ERR_RESULTS_INCOMPLETE',
  'ERR_INTERNAL',
] as const;

/** Stable code of an error; docs/errors.md explains each. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** A failure of hyperiqa: `code` is stable and meant for programs, `message` says what to do, `cause` is the origin. */
export class HyperIQAError extends Error {
  /** `AbortError` for ERR_ABORTED, as whatever a signal ends is called everywhere; else `HyperIQAError`. */
  override readonly name: 'HyperIQAError' | 'AbortError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(shortenWords(message), options);
    this.code = code;
    this.name = code === 'ERR_ABORTED' ? 'AbortError' : 'HyperIQAError';
  }

  /**
   * An error that has been through `structuredClone` or `postMessage`, which keep of an Error its message, stack and cause,
   * but neither class nor code. `toJSON` is what can be sent in its place; this makes a HyperIQAError of it again.
   *
   * @param value - What `toJSON` gave, cloned or parsed. A HyperIQAError comes back as it is; of anything else, an error that
   *   was cloned itself included, becomes ERR_INTERNAL with the original as `cause`.
   */
  static from(value: unknown): HyperIQAError {
    if (value instanceof HyperIQAError) return value;
    const { code, message, stack, cause } = (
      typeof value === 'object' && value !== null ? value : {}
    ) as SerializedError;
    const known = ERROR_CODES.find((each) => each === code);
    if (known === undefined || typeof message !== 'string') return toHyperIQAError(value);
    const error = new HyperIQAError(known, message, cause === undefined ? {} : { cause });
    if (typeof stack === 'string') error.stack = stack;
    return error;
  }

  /** A plain object with all that is known of the error, for `postMessage`, JSON and logs; see `HyperIQAError.from`. */
  toJSON(): SerializedError {
    const { name, code, message, stack = '', cause } = this;
    return { name, code, message, stack, ...(cause === undefined ? {} : { cause: plainCause(cause) }) };
  }
}

/** A HyperIQAError as a plain object. */
export interface SerializedError {
  name: string;
  code: ErrorCode;
  message: string;
  stack: string;
  /** Message of the cause, with the cause's own code where it has one. */
  cause?: { message: string; code?: string };
}

function plainCause(cause: unknown): { message: string; code?: string } {
  const message = shortenWords(cause instanceof Error ? cause.message : String(cause));
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  return { message, ...(code === undefined ? {} : { code }) };
}

/**
 * Converts an error of native code (an `Error` with `code` and message) to a `HyperIQAError`. A `HyperIQAError` is returned
 * as it is, and everything unexpected becomes ERR_INTERNAL with the original as `cause`.
 *
 * @param callSiteStack `new Error().stack` of the caller. A result that arrives from another thread has no frames of its
 *   own, so these are put in their place.
 */
export function toHyperIQAError(error: unknown, callSiteStack?: string): HyperIQAError {
  if (error instanceof HyperIQAError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const flags = missingPermissions(error);
  if (flags !== undefined)
    return new HyperIQAError('ERR_PERMISSION', `${message.trimEnd()}\n${flags}`, { cause: error });
  const code =
    error instanceof Error && 'code' in error ? ERROR_CODES.find((known) => known === error.code) : undefined;
  const result =
    code === undefined
      ? new HyperIQAError('ERR_INTERNAL', message, { cause: error })
      : new HyperIQAError(code, message);
  const frames = callSiteStack?.match(/(?:\n {4}at .*)+$/)?.[0];
  if (frames !== undefined) result.stack = `${result.name}: ${result.message}${frames}`;
  return result;
}

/** All flags that a host wants, which by itself names one at a time; undefined for other errors than those of its permissions. */
function missingPermissions(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'NotCapable') {
    return 'hyperiqa needs --allow-read, --allow-env and --allow-ffi of Deno, and --allow-run to try models that it does not know.';
  }
  const code = 'code' in error ? error.code : undefined;
  if (code !== 'ERR_ACCESS_DENIED' && code !== 'ERR_DLOPEN_DISABLED') return undefined;
  return 'hyperiqa needs --allow-addons and --allow-fs-read=* of Node.js, and --allow-child-process to try models that it does not know.';
}
