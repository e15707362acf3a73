/** Counts the calls of an intake by stage, and by outcome once they have ended. */
import type { QueueStats } from '../types.js';

export type Phase = 'waiting' | 'decoding' | 'engine';

/** A call, as far as it is counted. */
export interface Counted {
  phase: Phase;
  /** Time of arrival in the stage, milliseconds. */
  since: number;
}

export class Tally {
  readonly #now: Record<Phase, number> = { waiting: 0, decoding: 0, engine: 0 };
  readonly #time: Record<Phase, number> = { waiting: 0, decoding: 0, engine: 0 };
  readonly #start = performance.now();
  #finished = 0;
  #failed = 0;
  #refused = 0;

  begin(): Counted {
    this.#now.waiting++;
    return { phase: 'waiting', since: performance.now() };
  }

  move(call: Counted, phase: Phase): void {
    this.#leave(call);
    call.phase = phase;
    this.#now[phase]++;
  }

  end(call: Counted, outcome: 'finished' | 'failed'): void {
    this.#leave(call);
    if (outcome === 'finished') this.#finished++;
    else this.#failed++;
  }

  refuse(): void {
    this.#refused++;
  }

  get(): QueueStats {
    return Object.freeze({
      waiting: this.#now.waiting,
      decoding: this.#now.decoding,
      inEngine: this.#now.engine,
      finished: this.#finished,
      failed: this.#failed,
      refused: this.#refused,
      milliseconds: Object.freeze({
        sinceLoad: performance.now() - this.#start,
        waiting: this.#time.waiting,
        decoding: this.#time.decoding,
        inEngine: this.#time.engine,
      }),
    });
  }

  #leave(call: Counted): void {
    const now = performance.now();
    this.#now[call.phase]--;
    this.#time[call.phase] += now - call.since;
    call.since = now;
  }
}
