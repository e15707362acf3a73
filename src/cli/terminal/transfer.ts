/** Progress of an installation on stderr: one line that changes on a terminal, one line a step elsewhere. */
import { clearLine, cursorTo } from 'node:readline';
import type { WriteStream } from 'node:tty';
import type { RuntimeProgress } from '../../runtime/index.js';
import { megabytes } from '../../support/megabytes.js';
import { printable } from './text.js';

const redrawMs = 200;
const words = { download: 'downloading', unpack: 'unpacking', verify: 'reading' };

export class Transfer {
  #drawn = 0;
  #step = '';

  constructor(
    private readonly stream: WriteStream,
    private readonly quiet: boolean,
  ) {}

  /** Callback for `onProgress`. */
  readonly report = ({ phase, file, bytes, totalBytes }: RuntimeProgress): void => {
    if (this.quiet) return;
    const name = file === '' ? 'with pip' : (file.split(/[\\/]/).at(-1) ?? file);
    const size = totalBytes === null ? '' : megabytes(totalBytes);
    if (!this.stream.isTTY) {
      // A verification would make a step of every file; it is one step.
      const step = phase === 'verify' ? phase : `${phase} ${file}`;
      if (step === this.#step) return;
      this.#step = step;
      this.stream.write(
        `hyperiqa: ${words[phase]} ${phase === 'verify' ? 'the files' : printable(name)}${size && ` (${size})`}\n`,
      );
      return;
    }
    const now = performance.now();
    if (now - this.#drawn < redrawMs) return;
    this.#drawn = now;
    const share = totalBytes === null || totalBytes === 0 ? '' : `  ${Math.floor((100 * bytes) / totalBytes)}%`;
    const text = `${words[phase]} ${printable(name)}: ${megabytes(bytes)}${size && ` of ${size}`}${share}`;
    this.#clear();
    // A line that wraps could not be taken away again.
    this.stream.write(text.slice(0, (this.stream.columns || 80) - 1));
  };

  stop(): void {
    if (!this.quiet && this.stream.isTTY) this.#clear();
  }

  #clear(): void {
    cursorTo(this.stream, 0);
    clearLine(this.stream, 0);
  }
}
