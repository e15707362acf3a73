/** Admission: how many requests are worked on at a time, and how many wait for that. */
import { ServiceError } from '../errors.js';

/** Weight of the newest request in the mean duration. */
const NEWEST = 0.1;
const LONGEST_RETRY_SECONDS = 60;

interface Waiter {
  enter: () => void;
}

export class Gate {
  readonly #maxActive: number;
  readonly #maxWaiting: number;
  /** Waiting requests, in order. */
  readonly #line = new Set<Waiter>();
  #active = 0;
  #meanSeconds = 1;

  constructor(maxActive: number, maxWaiting: number) {
    this.#maxActive = maxActive;
    this.#maxWaiting = maxWaiting;
  }

  /** Requests that are worked on. */
  get active(): number {
    return this.#active;
  }

  /** Requests that wait for a place; nothing of their bodies is read. */
  get waiting(): number {
    return this.#line.size;
  }

  /**
   * Waits for a place.
   *
   * @returns a function that gives the place back; further calls of it do nothing
   * @throws ServiceError ERR_TOO_MANY_REQUESTS at once where too many wait; the reason of the signal
   */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#active >= this.#maxActive) await this.#wait(signal);
    else this.#active++;
    const start = performance.now();
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      this.#meanSeconds += NEWEST * ((performance.now() - start) / 1000 - this.#meanSeconds);
      this.#leave();
    };
  }

  #wait(signal: AbortSignal): Promise<void> {
    if (this.#line.size >= this.#maxWaiting) {
      throw new ServiceError('ERR_TOO_MANY_REQUESTS', `${this.#maxWaiting} requests are waiting already.`, {
        retryAfter: this.#secondsToWait(),
      });
    }
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#line.delete(waiter);
        reject(signal.reason as Error);
      };
      const waiter = {
        enter: () => {
          signal.removeEventListener('abort', giveUp);
          resolve();
        },
      };
      this.#line.add(waiter);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  /** Passes the place on to whoever has waited longest. */
  #leave(): void {
    const [next] = this.#line;
    if (next === undefined) {
      this.#active--;
      return;
    }
    this.#line.delete(next);
    next.enter();
  }

  #secondsToWait(): number {
    const seconds = ((this.#line.size + 1) * this.#meanSeconds) / this.#maxActive;
    return Math.min(LONGEST_RETRY_SECONDS, Math.max(1, Math.ceil(seconds)));
  }
}
