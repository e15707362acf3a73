/** Child processes of the scenarios: programs in `children/`, which talk in lines of JSON. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { testModel } from '../helpers/models.js';

export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  stderr: string;
}

export class Child {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly ended: Promise<Ending>;

  /** @param limit - Time until it is killed, ms: one that hangs shows as SIGKILL. */
  constructor(program: string, args: readonly string[], limit: number, env: NodeJS.ProcessEnv = {}) {
    const path = fileURLToPath(new URL(`children/${program}.mjs`, import.meta.url));
    const child = spawn(process.execPath, ['--expose-gc', path, testModel('lite0'), ...args], {
      env: { ...process.env, ...env },
      timeout: limit,
      killSignal: 'SIGKILL',
    });
    this.#process = child;
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.on('error', () => undefined);
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.ended = once(child, 'close').then(([code, signal]): Ending => ({ code, signal, stderr }));
  }

  send(message: unknown): void {
    this.#process.stdin?.write(`${JSON.stringify(message)}\n`);
  }

  /** The next line that it says; undefined where it has ended. */
  async answer<T>(): Promise<T | undefined> {
    const { value, done } = await this.#lines.next();
    return done ? undefined : (JSON.parse(value) as T);
  }

  end(): void {
    this.#process.stdin?.end();
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }
}
