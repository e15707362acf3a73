/** The progress line of work that has stages: what is done, and how much of it. */
import { clearLine, cursorTo } from 'node:readline';
import type { WriteStream } from 'node:tty';

const redrawMs = 100;

/** Draws on one line of a terminal and takes the line away again. Does nothing where there is no terminal. */
export class StageLine {
  #drawn = 0;
  #stage = '';

  constructor(private readonly stream: WriteStream | undefined) {}

  /** @param share - Of the stage, 0 to 1. */
  show(stage: string, share: number): void {
    const now = performance.now();
    if (!this.stream || (stage === this.#stage && now - this.#drawn < redrawMs)) return;
    [this.#drawn, this.#stage] = [now, stage];
    this.clear();
    this.stream.write(`${stage} ${Math.floor(100 * share)} %`.slice(0, (this.stream.columns || 80) - 1));
  }

  clear(): void {
    if (!this.stream || this.#stage === '') return;
    cursorTo(this.stream, 0);
    clearLine(this.stream, 0);
  }
}
