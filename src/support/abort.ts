/** One listener for each AbortSignal, however many calls wait for it. */
import { HyperIQAError } from '../errors.js';

/** Error that an aborted call rejects with; the signal's reason is its cause. */
export function abortedError(signal: AbortSignal): HyperIQAError {
  return new HyperIQAError('ERR_ABORTED', 'The work was aborted by its signal.', { cause: signal.reason });
}

const waiting = new WeakMap<AbortSignal, { callbacks: Set<() => void>; listener: () => void }>();

/**
 * Calls `callback` once when the signal is aborted (never at once: look at `signal.aborted` first). Thousands of calls
 * that share a signal add one listener to it between them, so that Node has no reason to warn of a leak.
 *
 * @returns a function that takes the callback away again; to be called when the work is done.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => undefined;
  let entry = waiting.get(signal);
  if (entry === undefined) {
    const callbacks = new Set<() => void>();
    const listener = () => {
      waiting.delete(signal);
      for (const each of callbacks) each();
    };
    entry = { callbacks, listener };
    waiting.set(signal, entry);
    signal.addEventListener('abort', listener, { once: true });
  }
  const { callbacks, listener } = entry;
  callbacks.add(callback);
  return () => {
    callbacks.delete(callback);
    if (callbacks.size > 0 || waiting.get(signal)?.listener !== listener) return;
    waiting.delete(signal);
    signal.removeEventListener('abort', listener);
  };
}
