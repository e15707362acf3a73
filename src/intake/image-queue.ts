/**
 * The way of an image from the caller to the engine and back: `ImageIntake` as far as its pixels, and from there a place
 * in the engine's queue. A decoded image waits in order until the engine takes it.
 */
import { toHyperIQAError } from '../errors.js';
import type { CapturedImage, RgbImage } from '../image/capture.js';
import { ImageIntake, noop, type Call, type IntakeLimits, type IntakeTask } from './intake.js';
import type { QueueStats } from '../types.js';

/** Work on one image. */
export interface ImageTask<R, T> extends Omit<IntakeTask<T>, 'work'> {
  /** Hands the pixels to the engine. Throws ERR_QUEUE_FULL where it has no room now. */
  submit: (data: Uint8Array, width: number, height: number) => { id: number; result: Promise<R> };
  /** Makes the call's result. */
  finish: (processed: Processed<R>) => T | Promise<T>;
}

/** Result of the engine for an image, with the notes of the decoder. */
export interface Processed<R> extends RgbImage {
  native: R;
}

export class ImageQueue {
  readonly #engine: { cancel(id: number): boolean };
  readonly #intake: ImageIntake;
  /** Attempts to hand over a decoded image, in order; false: the engine is full. */
  readonly #submissions = new Set<() => boolean>();
  #inEngine = 0;

  /** @param who - How messages name the owner: "The scorer". */
  constructor(engine: { cancel(id: number): boolean }, who: string, limits: IntakeLimits) {
    this.#engine = engine;
    this.#intake = new ImageIntake(who, limits);
  }

  /** Calls that were accepted and have neither result nor error. */
  get pending(): number {
    return this.#intake.pending;
  }

  /**
   * Takes hold of an image, decodes it and hands it to the engine.
   *
   * @throws HyperIQAError as `ImageIntake.run`; the codes of the engine
   */
  run<R, T>(capture: () => CapturedImage, { submit, finish, ...task }: ImageTask<R, T>): Promise<T> {
    return this.#intake.run(capture, {
      ...task,
      work: async (decoded, call, leave) => {
        const { data, width, height } = decoded;
        const ticket = await this.#submit(call, () => submit(data, width, height));
        this.#intake.inEngine(call);
        leave();
        let native;
        try {
          native = await ticket.result;
        } finally {
          this.#inEngine--;
          this.#submitWaiting();
        }
        return finish({ native, ...decoded });
      },
    });
  }

  /** New calls are refused with ERR_DISPOSED. */
  get ending(): boolean {
    return this.#intake.ending;
  }

  get stats(): QueueStats {
    return this.#intake.stats;
  }

  /** Every unfinished and every later call rejects with ERR_DISPOSED. */
  close(): void {
    this.#intake.close();
  }

  /** Every later call rejects with ERR_DISPOSED; resolves when those that were accepted have ended. */
  drain(): Promise<void> {
    return this.#intake.drain();
  }

  /** Keeps a place, like `ImageIntake.hold`. */
  hold(): () => void {
    return this.#intake.hold();
  }

  /** Hands an image over to the engine as soon as it has room and all who came before have been taken. */
  #submit<R>(call: Call, submit: () => { id: number; result: Promise<R> }) {
    return new Promise<{ id: number; result: Promise<R> }>((resolve, reject) => {
      const attempt = () => {
        try {
          const ticket = submit();
          this.#inEngine++;
          call.withdraw = () => {
            // A request: the native promise rejects when the engine has let go of the pixels, and the work comes to its
            // end then. A closing engine does that by itself.
            if (!this.#intake.closed) this.#engine.cancel(ticket.id);
            call.withdraw = noop;
          };
          resolve(ticket);
        } catch (error) {
          // Without anything in the engine, nothing would ever start another attempt.
          if ((error as { code?: unknown }).code === 'ERR_QUEUE_FULL' && this.#inEngine > 0) return false;
          reject(toHyperIQAError(error));
        }
        return true;
      };
      call.withdraw = (reason) => {
        this.#submissions.delete(attempt);
        reject(reason);
        // The image that is gone may have been the one that was too large for the room there is.
        this.#submitWaiting();
      };
      this.#submissions.add(attempt);
      this.#submitWaiting();
    });
  }

  /** Strictly in order: a stream of small images must not keep a large one waiting for ever. */
  #submitWaiting(): void {
    for (const attempt of this.#submissions) {
      if (!attempt()) return;
      this.#submissions.delete(attempt);
    }
  }
}
