/** Failures of runtime management in one form. */
import { HyperIQAError, type ErrorCode } from '../../errors.js';

/** Whatever failed as a HyperIQAError: what the system says about files becomes ERR_RUNTIME_CACHE. */
export function asFailure(error: unknown, folder: string): unknown {
  if (error instanceof HyperIQAError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return failure('ERR_RUNTIME_CACHE', `The disk of ${folder} is full. ${ELSEWHERE}`, error);
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOTDIR') {
    return failure('ERR_RUNTIME_CACHE', `The folder ${folder} cannot be written: ${message}. ${ELSEWHERE}`, error);
  }
  return error;
}

/** What helps where the cache folder does not. */
export const ELSEWHERE = 'Free or permit it, or set HYPERIQA_CACHE to another folder.';

export function failure(code: ErrorCode, message: string, cause?: unknown): HyperIQAError {
  return new HyperIQAError(code, message, cause === undefined ? undefined : { cause });
}

/** An address as it may be shown: without user name, password, query and fragment, which may hold secrets. */
export function shown(address: URL | string): string {
  const url = new URL(address);
  url.username = '';
  url.password = '';
  url.search = '';
  url.hash = '';
  return url.href;
}
