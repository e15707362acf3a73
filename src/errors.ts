/** The one error class of the package and its stable codes. */

/** Every code that a `HyperIQAError` can carry; docs/errors.md tells cause and remedy of each. */
export type ErrorCode =
  | 'ERR_INVALID_ARGUMENT'
  | 'ERR_IMAGE_NOT_FOUND'
  | 'ERR_IMAGE_READ'
  | 'ERR_IMAGE_EMPTY'
  | 'ERR_IMAGE_FORMAT'
  | 'ERR_IMAGE_DECODE'
  | 'ERR_IMAGE_TOO_LARGE'
  | 'ERR_IMAGE_RAW_SIZE'
  | 'ERR_MODEL_NOT_FOUND'
  | 'ERR_MODEL_FORMAT'
  | 'ERR_MODEL_SELF_CHECK'
  | 'ERR_DEVICE_UNAVAILABLE'
  | 'ERR_DTYPE_UNSUPPORTED'
  | 'ERR_LIBTORCH_NOT_FOUND'
  | 'ERR_LIBTORCH_VERSION'
  | 'ERR_LIBTORCH_LOAD'
  | 'ERR_ADDON_NOT_FOUND'
  | 'ERR_QUEUE_FULL'
  | 'ERR_DISPOSED'
  | 'ERR_ABORTED'
  | 'ERR_OUT_OF_MEMORY'
  | 'ERR_OUTPUT'
  | 'ERR_RESUME'
  | 'ERR_INTERNAL';

/** A failure of hyperiqa: `code` is stable and meant for programs, `message` says what to do, `cause` is the origin. */
export class HyperIQAError extends Error {
  override readonly name = 'HyperIQAError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
