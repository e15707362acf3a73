/** Errors of the service, and the HTTP status of every error. */
import { HyperIQAError, type ErrorCode } from 'hyperiqa';

/** Codes of the service beside those of hyperiqa. */
export type ServiceErrorCode =
  | 'ERR_BODY_TIMEOUT'
  | 'ERR_BODY_TOO_LARGE'
  | 'ERR_CLIENT_GONE'
  | 'ERR_MEDIA_TYPE'
  | 'ERR_NO_FACE'
  | 'ERR_NO_IMAGE'
  | 'ERR_NOT_FOUND'
  | 'ERR_NOT_READY'
  | 'ERR_SHUTTING_DOWN'
  | 'ERR_TIMEOUT'
  | 'ERR_TOO_MANY_IMAGES'
  | 'ERR_TOO_MANY_REQUESTS'
  | 'ERR_UNAUTHORIZED'
  | 'ERR_URL_FORBIDDEN'
  | 'ERR_URL_READ';

const SERVICE_STATUS: Record<ServiceErrorCode, number> = {
  ERR_BODY_TIMEOUT: 408,
  ERR_BODY_TOO_LARGE: 413,
  // Seen in logs and metrics only.
  ERR_CLIENT_GONE: 499,
  ERR_MEDIA_TYPE: 415,
  ERR_NO_FACE: 422,
  ERR_NO_IMAGE: 400,
  ERR_NOT_FOUND: 404,
  ERR_NOT_READY: 503,
  ERR_SHUTTING_DOWN: 503,
  ERR_TIMEOUT: 503,
  ERR_TOO_MANY_IMAGES: 413,
  ERR_TOO_MANY_REQUESTS: 429,
  ERR_UNAUTHORIZED: 401,
  ERR_URL_FORBIDDEN: 422,
  ERR_URL_READ: 422,
};

/** Faults of the client and states that pass. Every other code of hyperiqa is a fault of the server. */
const CORE_STATUS: Partial<Record<ErrorCode, number>> = {
  ERR_INVALID_ARGUMENT: 400,
  ERR_IMAGE_READ: 422,
  ERR_IMAGE_EMPTY: 422,
  ERR_IMAGE_DECODE: 422,
  ERR_IMAGE_FORMAT: 415,
  ERR_IMAGE_TOO_LARGE: 413,
  ERR_QUEUE_FULL: 429,
  ERR_DISPOSED: 503,
  ERR_OUT_OF_MEMORY: 503,
};

/** Answer without a result: the message for the client, and its status. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly code: ServiceErrorCode;
  readonly statusCode: number;
  /** Seconds after which another attempt is worthwhile. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ServiceErrorCode,
    message: string,
    { retryAfter, cause }: { retryAfter?: number; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.code = code;
    this.statusCode = SERVICE_STATUS[code];
    this.retryAfter = retryAfter;
  }
}

/** Failure as a client sees it. */
export interface Failure {
  status: number;
  code: string;
  message: string;
  retryAfter?: number | undefined;
}

/** Seconds to wait after a state that passes, where nothing better is known. */
const SOON = 5;

/** The failure that an error is for the client. Faults of the server keep their details to themselves. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ServiceError) {
    const { statusCode: status, code, message, retryAfter } = error;
    return { status, code, message, retryAfter };
  }
  if (error instanceof HyperIQAError) {
    const status = CORE_STATUS[error.code];
    if (status === undefined) return internal(error.code);
    return {
      status,
      code: error.code,
      message: error.message,
      ...((status === 429 || status === 503) && { retryAfter: SOON }),
    };
  }
  return ofFastify(error);
}

/** Errors of Fastify and its plugins carry a status. */
function ofFastify(error: unknown): Failure {
  if (!(error instanceof Error)) return internal('ERR_INTERNAL');
  const { statusCode, code } = error as { statusCode?: number; code?: string };
  if (statusCode === undefined || statusCode < 400 || statusCode >= 500) return internal('ERR_INTERNAL');
  const status = statusCode === 406 ? 400 : statusCode;
  const answerCode =
    code === 'FST_FILES_LIMIT' || code === 'FST_PARTS_LIMIT'
      ? 'ERR_TOO_MANY_IMAGES'
      : status === 413
        ? 'ERR_BODY_TOO_LARGE'
        : status === 415
          ? 'ERR_MEDIA_TYPE'
          : status === 404
            ? 'ERR_NOT_FOUND'
            : 'ERR_INVALID_ARGUMENT';
  return { status, code: answerCode, message: error.message };
}

const internal = (code: string): Failure => ({
  status: 500,
  code,
  message: 'The server failed. Its log has the reason under the id of this request (header x-request-id).',
});
