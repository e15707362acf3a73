/** Failures of runtime management in one form. */
import { HyperIQAError, type ErrorCode } from '../../errors.js';
import { LIBTORCH_VERSION } from '../version.js';

/** The remedy where the cache folder is full or cannot be written. */
export const ELSEWHERE = 'Free or permit it, or set HYPERIQA_CACHE to another folder.';

/** The remedy where no LibTorch can be installed. */
export const OWN_LIBTORCH =
  `Or set HYPERIQA_LIBTORCH to the folder of a LibTorch ${LIBTORCH_VERSION} that you have ` +
  '(of a PyTorch, its folder "torch").';

export function failure(code: ErrorCode, message: string, cause?: unknown): HyperIQAError {
  return new HyperIQAError(code, message, cause === undefined ? undefined : { cause });
}

/** An error as a HyperIQAError: ERR_RUNTIME_CACHE for what the file system refuses in the folder. */
export function asFailure(error: unknown, folder: string): unknown {
  if (error instanceof HyperIQAError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return failure('ERR_RUNTIME_CACHE', `The disk of ${folder} is full. ${ELSEWHERE}`, error);
  }
  if (['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOENT'].includes(code ?? '')) {
    return failure('ERR_RUNTIME_CACHE', `The folder ${folder} cannot be written: ${message}. ${ELSEWHERE}`, error);
  }
  return error;
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
