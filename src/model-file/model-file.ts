/** Steps of loading that all kinds of model files share. */
import { stat } from 'node:fs/promises';

import { abortedError, onAbort } from '../support/abort.js';
import { HyperIQAError, toHyperIQAError } from '../errors.js';
import { checkPath } from '../support/validate.js';
import { shorten } from '../support/shorten.js';

/** Both ways of calling `load`: the model and the options, or one object with both. */
export function loadArguments(first: unknown, second: unknown): { model: unknown; options: unknown } {
  const both = typeof first === 'object' && first !== null && !(first instanceof URL) && !Array.isArray(first);
  if (second !== undefined || !both) return { model: first, options: second === undefined ? {} : second };
  const { model, ...options } = first as Record<string, unknown>;
  return { model, options };
}

/**
 * The path of the model that a caller names, or the package's own.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT
 */
export function modelPath(model: unknown, defaultPath: string): string {
  return model === undefined ? defaultPath : checkPath('model (the options come second)', model, 'of a model file');
}

/** @throws HyperIQAError ERR_MODEL_NOT_FOUND, ERR_MODEL_FORMAT, ERR_PERMISSION */
export async function checkModelFile(path: string, defaultPath: string): Promise<void> {
  let file;
  try {
    file = await stat(path);
  } catch (cause) {
    const error = toHyperIQAError(cause);
    if (error.code === 'ERR_PERMISSION') throw error;
    const hint = path === defaultPath ? ' It should have come with hyperiqa: reinstall it, or name a model file.' : '';
    throw new HyperIQAError('ERR_MODEL_NOT_FOUND', `There is no model file ${shorten(path)}.${hint}`, { cause });
  }
  if (!file.isFile()) throw new HyperIQAError('ERR_MODEL_FORMAT', `${shorten(path)} is not a file, so it is no model.`);
}

/**
 * A load of the addon that a signal ends: its thread gives up at the next step.
 *
 * @param start - Starts the load, with what the addon wants to be told its cancel function by.
 * @throws HyperIQAError ERR_ABORTED
 */
export async function cancelledBy<T>(
  signal: AbortSignal | undefined,
  start: (giveCancel: (cancel: () => void) => void) => Promise<T>,
): Promise<T> {
  if (signal?.aborted) throw abortedError(signal);
  let stopListening: () => void = () => undefined;
  try {
    return await start((cancel) => {
      stopListening = onAbort(signal, cancel);
    });
  } finally {
    stopListening();
  }
}

/** A load that rejects as soon as its signal is aborted; what comes of it later is thrown away. */
export function untilAborted<T extends { dispose(): Promise<void> }>(
  start: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal?.aborted) return Promise.reject(abortedError(signal));
  const loading = start();
  if (signal === undefined) return loading;
  return new Promise((resolve, reject) => {
    const stopListening = onAbort(signal, () => {
      reject(abortedError(signal));
      loading.then((late) => late.dispose()).catch(() => undefined);
    });
    loading.finally(stopListening).then(resolve, reject);
  });
}

/** The object, frozen with all its parts: results share them, so nobody may change them. */
export function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value) as unknown[]) {
    if (typeof part === 'object' && part !== null) deepFreeze(part);
  }
  return Object.freeze(value);
}
