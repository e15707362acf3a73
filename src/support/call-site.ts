/** Stacks of errors that arrive from other threads. */
import { toHyperIQAError } from '../errors.js';

/**
 * Runs a call of the API. An error that arrives later has no frames of the caller any more: they are kept from the
 * start and put in the place of ours, which tell a caller nothing; causes keep theirs.
 */
export function fromCallSite<T>(call: () => Promise<T>): Promise<T> {
  // The text of the stack is made only if it is asked for.
  const site: { stack?: string } = {};
  Error.captureStackTrace(site, fromCallSite);
  return call().catch((thrown: unknown) => {
    const error = toHyperIQAError(thrown);
    const frames = /(?:\n {4}at .*)+$/.exec(site.stack ?? '')?.[0];
    if (frames !== undefined) error.stack = `${error.name}: ${error.message}${frames}`;
    throw error;
  });
}
