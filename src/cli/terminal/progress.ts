/** The progress line on a terminal: how many, how fast, how long still. */
import { clearLine, cursorTo } from 'node:readline';
import type { WriteStream } from 'node:tty';

const barWidth = 24;
const redrawMs = 100;

/** Draws on one line of a terminal and takes the line away again. Does nothing where there is no terminal. */
export class Progress {
  #done = 0;
  #total: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #started = performance.now();

  constructor(private readonly stream: WriteStream) {}

  /** Starts drawing. */
  start(): void {
    this.#timer = setInterval(() => {
      this.#draw();
    }, redrawMs);
    this.#timer.unref();
  }

  /** Number of images in all, as far as known. */
  set total(total: number) {
    this.#total = total;
  }

  advance(): void {
    this.#done++;
  }

  /** Makes room for another line on the same terminal; the next drawing comes below it. */
  clear(): void {
    if (!this.#timer) return;
    cursorTo(this.stream, 0);
    clearLine(this.stream, 0);
  }

  stop(): void {
    this.clear();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #draw(): void {
    const seconds = (performance.now() - this.#started) / 1000;
    const rate = this.#done / seconds;
    const total = this.#total;
    const parts =
      total === undefined
        ? [`${this.#done} images`]
        : [
            bar(this.#done / total),
            `${this.#done}/${total}`,
            ...(rate > 0 ? [clock((total - this.#done) / rate)] : []),
          ];
    parts.push(`${rate.toFixed(rate < 10 ? 1 : 0)}/s`);
    // A line that wraps could not be taken away again. Some terminals do not tell their width.
    const text = parts.join('  ').slice(0, (this.stream.columns || 80) - 1);
    this.clear();
    this.stream.write(text);
  }
}

function bar(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share || 0)) * barWidth);
  return `[${'='.repeat(full)}${' '.repeat(barWidth - full)}]`;
}

/** `0:07`, `12:30`, `3:00:00` to go. */
function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const pad = (n: number) => String(n).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes}:${pad(whole % 60)}`
    : `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(whole % 60)}`;
}
