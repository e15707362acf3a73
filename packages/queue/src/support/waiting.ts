/** Waiting that a signal ends. */
import { abortedError } from 'hyperiqa/add-on';

/** @throws HyperIQAError ERR_ABORTED */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  try {
    await orAborted(over, signal);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Waits for the promise, unless the signal is aborted before: Redis may be away for as long as it likes.
 *
 * @throws HyperIQAError ERR_ABORTED
 */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  // The caller may be gone by the time that it fails.
  promise.catch(() => undefined);
  if (signal.aborted) throw abortedError(signal);
  let giveUp: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    giveUp = () => {
      reject(abortedError(signal));
    };
    signal.addEventListener('abort', giveUp, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/** Tells whether the promise has resolved within the time. Never rejects. */
export async function settled(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => {
      resolve(false);
    }, milliseconds);
  });
  const done = promise.then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([done, over]);
  } finally {
    clearTimeout(timer);
  }
}
