/** Outputs without positions: pipes, terminals and other devices. */
import { close, constants, open as openDescriptor } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { outputError, writing } from '../../files/output-error.js';
import { ClosedPipe } from './closed-pipe.js';
import { cannotWrite, type Output, type Sink } from './sink.js';

/** Output that needs only to append text. */
export class StreamOutput implements Output {
  readonly regular = false;
  readonly end = 0;

  constructor(
    readonly path: string,
    private readonly sink: Sink,
  ) {}

  write(text: string): Promise<void> {
    return this.sink.write(text);
  }

  truncate(): Promise<void> {
    return Promise.resolve();
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.sink.close();
  }

  release(): Promise<void> {
    return this.sink.release();
  }
}

/** A device such as /dev/null or a terminal. */
export class DeviceSink implements Sink {
  private constructor(
    private readonly path: string,
    private readonly handle: FileHandle,
  ) {}

  static async open(path: string): Promise<DeviceSink> {
    return new DeviceSink(path, await open(path, 'w'));
  }

  write(text: string): Promise<void> {
    return writing(cannotWrite(this.path), () => this.handle.writeFile(text));
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  async release(): Promise<void> {
    await this.handle.close().catch(() => undefined);
  }
}

/** Time between two looks whether a named pipe has a reader, ms. */
const LOOK_MS = 50;
/** Time that a reader has to take what is written after the run was told to end, ms. */
const GRACE_MS = 500;

/**
 * A named pipe. Opening one waits for a reader and writing for a slow one, which would keep a thread, and with it the
 * process, from ending: so both are done without blocking.
 */
export class PipeSink implements Sink {
  #failure: NodeJS.ErrnoException | undefined;

  private constructor(
    private readonly path: string,
    private readonly socket: Socket,
    private readonly signal: AbortSignal,
  ) {
    socket.on('error', (error) => (this.#failure = error));
  }

  /** Waits until the pipe has a reader. @throws AbortError; Error of the file system */
  static async open(path: string, signal: AbortSignal): Promise<PipeSink> {
    const opening = promisify(openDescriptor);
    for (;;) {
      try {
        const fd = await opening(path, constants.O_WRONLY | constants.O_NONBLOCK);
        try {
          return new PipeSink(path, new Socket({ fd, readable: false, writable: true }), signal);
        } catch (error) {
          await promisify(close)(fd);
          throw error;
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
      }
      await sleep(LOOK_MS, undefined, { signal });
    }
  }

  /** @throws ClosedPipe; AbortError where the run was told to end and the reader takes nothing; HyperIQAError ERR_OUTPUT */
  write(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const giveUp = () => {
        timer = setTimeout(() => {
          this.socket.destroy();
          reject(new DOMException('The reader of the pipe takes nothing.', 'AbortError'));
        }, GRACE_MS);
      };
      if (this.signal.aborted) giveUp();
      else this.signal.addEventListener('abort', giveUp, { once: true });
      this.socket.write(text, (error) => {
        clearTimeout(timer);
        this.signal.removeEventListener('abort', giveUp);
        const failure = this.#failure ?? error;
        if (!failure) resolve();
        else reject(isGone(failure) ? new ClosedPipe() : outputError(cannotWrite(this.path), failure));
      });
    });
  }

  close(): Promise<void> {
    if (this.socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      this.socket.once('close', () => {
        resolve();
      });
      // Everything that was written has been taken by the system, as each write was waited for.
      this.socket.destroy();
    });
  }

  release(): Promise<void> {
    return this.close();
  }
}

const isGone = ({ code }: NodeJS.ErrnoException) => code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED';
