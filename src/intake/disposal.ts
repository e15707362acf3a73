/** The end of a scorer or detector: at once, or when what was accepted has ended. */
import { onAbort } from '../support/abort.js';
import { HyperIQAError, toHyperIQAError } from '../errors.js';
import type { DisposeOptions } from '../types.js';
import { checkBoolean, checkInteger, checkObject, checkSignal } from '../support/validate.js';

const LONGEST_TIMEOUT = 2 ** 31 - 1;

export class Disposal {
  readonly #queue: { drain(): Promise<void>; close(): void };
  readonly #engine: { dispose(): Promise<void> };
  #ending: Promise<void> | undefined;

  constructor(queue: { drain(): Promise<void>; close(): void }, engine: { dispose(): Promise<void> }) {
    this.#queue = queue;
    this.#engine = engine;
  }

  /** @throws HyperIQAError ERR_INVALID_ARGUMENT (at once); ERR_INTERNAL */
  async dispose(options: DisposeOptions = {}): Promise<void> {
    const { drain, signal, timeout } = check(options);
    if (drain && this.#ending === undefined && !signal?.aborted) await this.#drained(signal, timeout);
    this.#ending ??= this.#end();
    return this.#ending;
  }

  /** Resolves when nothing that was accepted is left, or when it is not to be waited for any longer. */
  async #drained(signal: AbortSignal | undefined, timeout: number | undefined): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    let stopListening: () => void = () => undefined;
    const givenUp = new Promise<void>((resolve) => {
      stopListening = onAbort(signal, resolve);
      if (timeout !== undefined) timer = setTimeout(resolve, timeout);
    });
    await Promise.race([this.#queue.drain(), givenUp]);
    stopListening();
    clearTimeout(timer);
  }

  async #end(): Promise<void> {
    this.#queue.close();
    try {
      await this.#engine.dispose();
    } catch (error) {
      throw toHyperIQAError(error);
    }
  }
}

function check(value: unknown): { drain: boolean; signal: AbortSignal | undefined; timeout: number | undefined } {
  const fields = checkObject('options', value, ['drain', 'signal', 'timeout']);
  const drain = fields.drain === undefined ? false : checkBoolean('drain', fields.drain);
  const signal = fields.signal === undefined ? undefined : checkSignal('signal', fields.signal);
  const timeout =
    fields.timeout === undefined ? undefined : checkInteger('timeout', fields.timeout, 0, LONGEST_TIMEOUT);
  if (!drain && (signal !== undefined || timeout !== undefined)) {
    throw new HyperIQAError(
      'ERR_INVALID_ARGUMENT',
      'signal and timeout have a meaning only together with drain: true.',
    );
  }
  return { drain, signal, timeout };
}
