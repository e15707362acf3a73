/**
 * The way of an image from the caller to the engine and back. Two things are limited, and calls wait in order for both:
 * simultaneous decodings (they take threads of libuv's pool, which the host process needs too, and memory) and the places
 * in the engine's queue. A decoded image keeps its place among the decodings until the engine takes it, so a full engine
 * stops the decoding, and a million calls at once decode a handful of images.
 */
import { availableParallelism } from 'node:os';

import type { NativeEngine, NativeScoreOptions, NativeScoreResult, NativeTicket } from '../binding.js';
import { abortedError, onAbort } from './abort.js';
import { HyperIQAError, toHyperIQAError } from './errors.js';
import { DEFAULT_LIMIT_INPUT_PIXELS, type CapturedImage } from './image.js';
import type { CheckedScoreOptions } from './options.js';
import { resizedSize } from './protocol.js';
import { Slots } from './slots.js';
import type { Warning } from './types.js';

/** What the engine says of an image, and what decoding it has told before. */
export interface Scored {
  native: NativeScoreResult;
  /** Size of the decoded image, pixels. */
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

export class ScoringQueue {
  readonly #engine: NativeEngine;
  readonly #calls = new Set<Call>();
  readonly #decodings = new Slots(decodingPlaces());
  /** Attempts to hand over a decoded image, in order; false: the engine is full. */
  readonly #submissions = new Set<() => boolean>();
  #inEngine = 0;
  #closed = false;

  constructor(engine: NativeEngine) {
    this.#engine = engine;
  }

  /**
   * Scores a captured image.
   *
   * @throws HyperIQAError the codes of decoding and of the engine; ERR_ABORTED with the signal's reason as cause;
   *   ERR_DISPOSED after `close`
   */
  score(image: CapturedImage, options: CheckedScoreOptions): Promise<Scored> {
    return new Promise((resolve, reject) => {
      const { signal } = options;
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
      if (this.#closed) call.fail(disposed());
      else if (signal?.aborted) call.fail(abortedError(signal));
      else {
        this.#process(call, image, options).then(
          (scored) => {
            if (end()) resolve(scored);
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
    for (const call of this.#calls) call.fail(disposed());
  }

  async #process(call: Call, image: CapturedImage, options: CheckedScoreOptions): Promise<Scored> {
    // A slow stream takes no place of a decoding while it arrives.
    await image.arrived();
    const { ticket, ...decoded } = await this.#decodeAndSubmit(call, image, options);
    try {
      return { native: await ticket.result, ...decoded };
    } finally {
      this.#inEngine--;
      this.#submitWaiting();
    }
  }

  async #decodeAndSubmit(call: Call, image: CapturedImage, options: CheckedScoreOptions) {
    assertGoingOn(call);
    const { turn, leave } = this.#decodings.enter();
    call.withdraw = leave;
    await turn;
    try {
      // Decoding cannot be interrupted, only be spared or in vain.
      call.withdraw = nowhere;
      assertGoingOn(call);
      const { data, width, height, warnings } = await image.decode(options.protocol.decode);
      assertGoingOn(call);
      checkResizedSize(image.label, width, height, options);
      return { ticket: await this.#submit(call, data, width, height, options), width, height, warnings };
    } finally {
      this.#decodings.exit();
    }
  }

  /** Hands an image over to the engine as soon as it has room and all who came before have been taken. */
  #submit(call: Call, data: Uint8Array, width: number, height: number, options: CheckedScoreOptions) {
    const native = nativeOptions(options);
    return new Promise<NativeTicket>((resolve, reject) => {
      const attempt = () => {
        try {
          const ticket = this.#engine.score(data, width, height, native);
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
}

function assertGoingOn(call: Call): void {
  // Whoever made the call has an answer already, so nobody sees this one.
  if (call.ended) throw new HyperIQAError('ERR_ABORTED', 'The call has ended.');
}

function nativeOptions({ protocol, seed, maxStandardError, maxCrops }: CheckedScoreOptions): NativeScoreOptions {
  const { resize, minimumSide, crops } = protocol;
  return {
    resize,
    minimumSide,
    crops,
    seed,
    ...(maxStandardError === undefined || maxCrops === undefined ? {} : { maxStandardError, maxCrops }),
  };
}

/** A line of 1×100000 pixels is small, but not when its shorter side has been enlarged to 224. */
function checkResizedSize(label: string, width: number, height: number, options: CheckedScoreOptions): void {
  const { protocol, limitInputPixels } = options;
  const resized = resizedSize(protocol, width, height);
  const limit = Math.max(limitInputPixels, DEFAULT_LIMIT_INPUT_PIXELS);
  if (resized.width * resized.height <= limit) return;
  throw new HyperIQAError(
    'ERR_IMAGE_TOO_LARGE',
    `${label} has ${width}×${height} pixels, and the protocol '${protocol.name}' would make ` +
      `${resized.width}×${resized.height} of them, more than the limit of ${limit}. ` +
      'Cut a less narrow part out of it.',
  );
}

function disposed(): HyperIQAError {
  return new HyperIQAError('ERR_DISPOSED', 'The scorer has been disposed of.');
}
