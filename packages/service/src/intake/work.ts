/** One request while it is worked on: its signal, its times, its place. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ServiceError } from '../errors.js';

export class Work {
  readonly #controller = new AbortController();
  readonly #total: NodeJS.Timeout;
  #body: NodeJS.Timeout | undefined;
  #release: () => void = () => undefined;

  /**
   * @param milliseconds - Until the answer.
   * @param done - Called once, when the answer has left or the client has.
   */
  constructor(response: ServerResponse, milliseconds: number, done: () => void) {
    this.#total = setTimeout(() => {
      this.#controller.abort(
        new ServiceError('ERR_TIMEOUT', `There was no result within ${milliseconds / 1000} seconds.`, {
          retryAfter: 5,
        }),
      );
    }, milliseconds);
    response.once('close', () => {
      clearTimeout(this.#total);
      clearTimeout(this.#body);
      if (!response.writableFinished) {
        this.#controller.abort(new ServiceError('ERR_CLIENT_GONE', 'The client has closed the connection.'));
      }
      this.#release();
      done();
    });
  }

  /** Aborted when the client leaves or a time is over; the reason is a ServiceError. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** @param release - Gives the place of the request back. */
  hold(release: () => void): void {
    this.#release = release;
  }

  /** Gives the place back before the answer has left: a client that reads slowly keeps nobody waiting. */
  release(): void {
    this.#release();
  }

  /** Ends everything that is under way for the request. */
  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /**
   * Reads a body within its time.
   *
   * @throws what `read` throws; ServiceError ERR_BODY_TIMEOUT and the other reasons of the signal, as soon as it is aborted
   */
  async receiving<T>(milliseconds: number, read: () => Promise<T>): Promise<T> {
    this.#body = setTimeout(() => {
      this.#controller.abort(
        new ServiceError('ERR_BODY_TIMEOUT', `The body did not arrive within ${milliseconds / 1000} seconds.`),
      );
    }, milliseconds);
    try {
      return await orAborted(read(), this.signal);
    } finally {
      clearTimeout(this.#body);
    }
  }
}

/** The promise, or a rejection as soon as the signal is aborted. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  // The caller may be gone: ignore the failure.
  promise.catch(() => undefined);
  signal.throwIfAborted();
  let giveUp: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    giveUp = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', giveUp, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/**
 * Discards what a refused request still sends, so that its client gets to read the answer instead of a broken connection.
 *
 * @param milliseconds - For that long at most.
 * @returns whether the request has ended
 */
export function discardBody(request: IncomingMessage, milliseconds: number): Promise<boolean> {
  if (request.complete || request.destroyed) return Promise.resolve(true);
  return new Promise((resolve) => {
    const over = setTimeout(() => {
      resolve(false);
    }, milliseconds);
    request.once('close', () => {
      clearTimeout(over);
      resolve(true);
    });
    request.resume();
  });
}
