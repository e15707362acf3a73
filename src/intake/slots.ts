/** A limited number of places, and a first-in, first-out line of calls that wait for one. */

export class Slots {
  readonly #count: number;
  #taken = 0;
  // A Set keeps the order of insertion and lets anybody leave from the middle at once.
  readonly #waiting = new Set<() => void>();

  /** @param count - Infinity for as many as there are calls. */
  constructor(count: number) {
    this.#count = count;
  }

  /** Places that are taken. */
  get taken(): number {
    return this.#taken;
  }

  /** No place is free: a call that enters has to wait. */
  get full(): boolean {
    return this.#taken >= this.#count;
  }

  /**
   * Asks for a place. Once `turn` has resolved, `exit` gives it back; `leave` gives up waiting before that, and `turn`
   * rejects with its argument.
   */
  enter(): { turn: Promise<void>; leave: (reason: Error) => void } {
    if (!this.full) {
      this.#taken++;
      return { turn: Promise.resolve(), leave: () => undefined };
    }
    let leave!: (reason: Error) => void;
    const turn = new Promise<void>((resolve, reject) => {
      this.#waiting.add(resolve);
      leave = (reason) => {
        if (this.#waiting.delete(resolve)) reject(reason);
      };
    });
    return { turn, leave };
  }

  /** Gives a place back: to the first in the line, if there is one. */
  exit(): void {
    for (const go of this.#waiting) {
      this.#waiting.delete(go);
      go();
      return;
    }
    this.#taken--;
  }
}
