/**
 * The way of an image from the caller to the engine and back. Two things are limited, and calls wait in order for both:
 * simultaneous decodings (they take threads of libuv's pool, which the host process needs too, and memory) and the places
 * in the engine's queue. A decoded image keeps its place among the decodings until the engine takes it, so a full engine
 * stops the decoding, and a million calls at once decode a handful of images.
 */
import { availableParallelism } from 'node:os';

import { abortedError, onAbort } from './abort.js';
import { HyperIQAError, toHyperIQAError } from './errors.js';
import type { CapturedImage } from './image.js';
import { Slots } from './slots.js';
import type { DecodePolicy, Warning } from './types.js';

/** What is to be done with one image. */
export interface ImageTask<R> {
  decode: DecodePolicy;
  signal: AbortSignal | undefined;
  /** Refuses a decoded image by throwing. */
  check?(width: number, height: number): void;
  /** Hands the pixels to the engine. Throws ERR_QUEUE_FULL where it has no room now. */
  submit(data: Uint8Array, width: number, height: number): { id: number; result: Promise<R> };
}

/** What the engine says of an image, and what decoding it has told before. */
export interface Processed<R> {
  native: R;
  /** The decoded image, interleaved RGB. */
  data: Uint8Array;
  /** Its size, pixels. */
  width: number;
  height: number;
  /** Of the decoding. */
  warnings: Warning[];
}

/**
 * Decodings at the same time: as many as there are processors, but always one thread of libuv's pool less than it has
 * (4, or UV_THREADPOOL_SIZE), for the files and look-ups of the host process.
 */
export function decodingPlaces(): number {
  const pool = Math.floor(Number(process.env.UV_THREADPOOL_SIZE ?? 4)) || 4;
  return Math.max(1, Math.min(availableParallelism(), pool - 1));
}

/** A call that has neither a result nor an error yet. */
interface Call {
  ended: boolean;
  /** Ends it with an error, wherever it is. */
  fail(error: Error): void;
  /** Takes it out of where it is just now. */
  withdraw(reason: Error): void;
}

const nowhere = () => undefined;

export class ImageQueue {
  readonly #engine: { cancel(id: number): boolean };
  readonly #who: string;
  readonly #calls = new Set<Call>();
  readonly #decodings = new Slots(decodingPlaces());
  /** Attempts to hand over a decoded image, in order; false: the engine is full. */
  readonly #submissions = new Set<() => boolean>();
  #inEngine = 0;
  #closed = false;

  /** @param who - How messages name the owner: "The scorer". */
  constructor(engine: { cancel(id: number): boolean }, who: string) {
    this.#engine = engine;
    this.#who = who;
  }

  /**
   * Decodes a captured image and hands it to the engine.
   *
   * @throws HyperIQAError the codes of decoding and of the engine; ERR_ABORTED with the signal's reason as cause;
   *   ERR_DISPOSED after `close`
   */
  run<R>(image: CapturedImage, task: ImageTask<R>): Promise<Processed<R>> {
    return new Promise((resolve, reject) => {
      const { signal } = task;
      const call: Call = {
        ended: false,
        withdraw: nowhere,
        fail: (error) => {
          if (!end()) return;
          image.cancel();
          call.withdraw(error);
          reject(error);
        },
      };
      const stopListening = onAbort(signal, () => {
        if (signal !== undefined) call.fail(abortedError(signal));
      });
      const end = () => {
        if (call.ended) return false;
        call.ended = true;
        stopListening();
        this.#calls.delete(call);
        return true;
      };
      this.#calls.add(call);
      if (this.#closed) call.fail(this.#disposed());
      else if (signal?.aborted) call.fail(abortedError(signal));
      else {
        this.#process(call, image, task).then(
          (processed) => {
            if (end()) resolve(processed);
          },
          (error: unknown) => {
            call.fail(toHyperIQAError(error));
          },
        );
      }
    });
  }

  /** Every unfinished and every later call rejects with ERR_DISPOSED. */
  close(): void {
    this.#closed = true;
    for (const call of this.#calls) call.fail(this.#disposed());
  }

  async #process<R>(call: Call, image: CapturedImage, task: ImageTask<R>): Promise<Processed<R>> {
    // A slow stream takes no place of a decoding while it arrives.
    await image.arrived();
    const { ticket, ...decoded } = await this.#decodeAndSubmit(call, image, task);
    try {
      return { native: await ticket.result, ...decoded };
    } finally {
      this.#inEngine--;
      this.#submitWaiting();
    }
  }

  async #decodeAndSubmit<R>(call: Call, image: CapturedImage, task: ImageTask<R>) {
    assertGoingOn(call);
    const { turn, leave } = this.#decodings.enter();
    call.withdraw = leave;
    await turn;
    try {
      // Decoding cannot be interrupted, only be spared or in vain.
      call.withdraw = nowhere;
      assertGoingOn(call);
      const { data, width, height, warnings } = await image.decode(task.decode);
      assertGoingOn(call);
      task.check?.(width, height);
      return {
        ticket: await this.#submit(call, () => task.submit(data, width, height)),
        data,
        width,
        height,
        warnings,
      };
    } finally {
      this.#decodings.exit();
    }
  }

  /** Hands an image over to the engine as soon as it has room and all who came before have been taken. */
  #submit<R>(call: Call, submit: () => { id: number; result: Promise<R> }) {
    return new Promise<{ id: number; result: Promise<R> }>((resolve, reject) => {
      const attempt = () => {
        try {
          const ticket = submit();
          this.#inEngine++;
          call.withdraw = () => {
            // The native promise rejects then, and `#process` comes to its end. A closing engine does that by itself.
            if (!this.#closed) this.#engine.cancel(ticket.id);
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
        // It may have been the one that was too large for the room there is.
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

  #disposed(): HyperIQAError {
    return new HyperIQAError('ERR_DISPOSED', `${this.#who} has been disposed of.`);
  }
}

function assertGoingOn(call: Call): void {
  // Whoever made the call has an answer already, so nobody sees this one.
  if (call.ended) throw new HyperIQAError('ERR_ABORTED', 'The call has ended.');
}
