import { expect } from 'vitest';
import type { ErrorCode } from '../../src/index.js';

/** Matches a HyperIQAError by its code and, where given, its message. */
export function errorWith(code: ErrorCode, message?: RegExp): unknown {
  return expect.objectContaining({
    name: code === 'ERR_ABORTED' ? 'AbortError' : 'HyperIQAError',
    code,
    ...(message === undefined ? {} : { message: expect.stringMatching(message) as unknown }),
  });
}
