/** Long work on the event loop, cut into pieces. */
import { setImmediate } from 'node:timers/promises';

/** Time between two turns of the event loop, milliseconds. */
const TURN = 4;

/** Lets other events run, now and then. */
export class Turns {
  #ends = performance.now() + TURN;

  async take(): Promise<void> {
    if (performance.now() < this.#ends) return;
    await setImmediate();
    this.#ends = performance.now() + TURN;
  }
}
