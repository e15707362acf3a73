/** Converts a file system's error on writing to an error of the package. */
import { HyperIQAError } from '../errors.js';

/** ERR_OUTPUT with the reason; an error of the package, or of an interruption, as it is. */
export function outputError(what: string, error: unknown): Error {
  if (error instanceof HyperIQAError || (error instanceof Error && error.name === 'AbortError')) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new HyperIQAError('ERR_OUTPUT', `${what}: ${reason}`, { cause: error });
}

/**
 * Does what writes.
 *
 * @param what - Begins the message: `The output file x cannot be written`.
 * @throws HyperIQAError ERR_OUTPUT
 */
export async function writing<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw outputError(what, error);
  }
}
