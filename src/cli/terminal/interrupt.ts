/** SIGINT and SIGTERM: the first one asks for an orderly end, the second one is obeyed at once. */

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/** Aborts `signal` when the process is asked to end, or when `stop` is called for another reason. */
export class Interrupt {
  readonly #controller = new AbortController();
  #by: keyof typeof exitCodes | undefined;

  constructor() {
    for (const name of Object.keys(exitCodes) as (keyof typeof exitCodes)[]) {
      process.on(name, () => {
        if (this.#by !== undefined) {
          // Without a listener the signal does what it does by default.
          process.removeAllListeners(name);
          process.kill(process.pid, name);
          return;
        }
        this.#by = name;
        this.#controller.abort();
      });
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The exit code of a run that was interrupted; undefined where none was. */
  get exitCode(): number | undefined {
    return this.#by && exitCodes[this.#by];
  }

  /** Ends the run without a signal. */
  stop(): void {
    this.#controller.abort();
  }
}
