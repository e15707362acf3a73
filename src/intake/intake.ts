/**
 * The way of an image from the caller to its pixels, and of whatever is done with them back to the caller. Memory is
 * bounded at each stage, and calls wait in order for all of them:
 *
 * - calls: `maxPending` of them, beyond which a call is refused (or waits, where the package itself pulls its inputs);
 * - streams and Blobs: `maxStreams` are collected at a time, and none is pulled before it has its place. The place is
 *   kept until the image is decoded, since the bytes are kept as long;
 * - decoded images: a handful, each of which keeps its place until somebody takes the pixels over, so that a full engine
 *   stops the decoding. The decoding itself also needs one of the places that the whole process shares.
 */
import { abortedError, onAbort } from '../support/abort.js';
import type { ImageSize } from './cost.js';
import { decodingPlaces, inDecodingPlace } from './decodings.js';
import { HyperIQAError, toHyperIQAError } from '../errors.js';
import type { CapturedImage, RgbImage } from '../image/capture.js';
import { Slots } from './slots.js';
import { Tally, type Counted } from './stats.js';
import type { DecodePolicy, QueueStats } from '../types.js';

export interface IntakeLimits {
  /** Calls that have neither result nor error. */
  maxPending: number;
  /** Streams and Blobs whose bytes are being collected or held. */
  maxStreams: number;
  /** Images being decoded, or decoded and not yet taken over. */
  maxDecoding?: number;
}

/** Work on one image. */
export interface IntakeTask<T> {
  decode: DecodePolicy;
  signal: AbortSignal | undefined;
  /** Waits for a place among the calls, instead of being refused with ERR_QUEUE_FULL. */
  waits?: boolean;
  /** Belongs to what was accepted before (`hold`), so it is accepted while the intake drains. */
  follows?: boolean;
  /** Refuses an image by throwing: called with the header's size where it is told before the pixels, and with theirs. */
  check?(image: ImageSize): void;
  /**
   * Works with the pixels.
   *
   * @param leave - Gives the place among the decoded images back before the work is done: somebody else holds the pixels.
   */
  work(image: RgbImage, call: Call, leave: () => void): Promise<T>;
}

/** A call that has neither a result nor an error yet. */
export interface Call extends Counted {
  readonly ended: boolean;
  /** Takes it out of where it is just now. Each stage puts its own there. */
  withdraw: (reason: Error) => void;
}

/** Does nothing: for stages of a call that need no action to be withdrawn or left. */
export const noop = () => undefined;

export class ImageIntake {
  readonly #who: string;
  readonly #maxPending: number;
  readonly #calls = new Set<(error: Error) => void>();
  readonly #pending: Slots;
  readonly #streams: Slots;
  readonly #decoded: Slots;
  readonly #tally = new Tally();
  #held = 0;
  #draining = false;
  #closed = false;
  /** Tells those who wait for the end of all calls. */
  readonly #idle = new Set<() => void>();

  /** @param who - How messages name the owner: "The scorer". */
  constructor(who: string, { maxPending, maxStreams, maxDecoding = Infinity }: IntakeLimits) {
    this.#who = who;
    this.#maxPending = maxPending;
    this.#pending = new Slots(maxPending);
    this.#streams = new Slots(maxStreams);
    this.#decoded = new Slots(Math.min(maxDecoding, decodingPlaces()));
  }

  /** Calls that were accepted and have neither result nor error. */
  get pending(): number {
    return this.#pending.taken;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** New calls are refused with ERR_DISPOSED. */
  get ending(): boolean {
    return this.#draining || this.#closed;
  }

  get stats(): QueueStats {
    return this.#tally.get();
  }

  /** Notes that the engine has taken a call's pixels over. */
  inEngine(call: Call): void {
    if (!call.ended) this.#tally.move(call, 'engine');
  }

  /**
   * Takes hold of an image, decodes it and does the task's work with it.
   *
   * @param capture - Called at once, unless the call is refused: the input then stays as it is.
   * @throws HyperIQAError what `capture` throws; the codes of decoding and of the work; ERR_QUEUE_FULL; ERR_ABORTED with
   *   the signal's reason as cause; ERR_DISPOSED after `close`
   */
  async run<T>(capture: () => CapturedImage, task: IntakeTask<T>): Promise<T> {
    const { signal, waits = false, follows = false } = task;
    if (!waits && !this.ending && !signal?.aborted && this.#pending.full) {
      this.#tally.refuse();
      throw new HyperIQAError(
        'ERR_QUEUE_FULL',
        `${this.#who} has ${this.pending} unfinished calls, as many as maxPending allows (${this.#maxPending}). ` +
          'Wait for results, or refuse the image.',
      );
    }
    const image = capture();
    return new Promise((resolve, reject) => {
      const call = { ...this.#tally.begin(), ended: false, withdraw: noop as Call['withdraw'] };
      let admitted = false;
      const end = (outcome: 'finished' | 'failed') => {
        if (call.ended) return false;
        call.ended = true;
        stopListening();
        this.#calls.delete(fail);
        if (admitted) this.#pending.exit();
        this.#tally.end(call, outcome);
        this.#tellIfIdle();
        return true;
      };
      const fail = (error: Error) => {
        if (!end('failed')) return;
        image.cancel();
        call.withdraw(error);
        reject(error);
      };
      const stopListening = onAbort(signal, () => {
        if (signal !== undefined) fail(abortedError(signal));
      });
      this.#calls.add(fail);
      if (this.#closed || (this.#draining && !follows)) fail(this.#disposed());
      else if (signal?.aborted) fail(abortedError(signal));
      else {
        image.onBroken(fail);
        const { turn, leave } = this.#pending.enter();
        call.withdraw = leave;
        turn
          .then(() => {
            // A call can fail just when its turn has come.
            if (call.ended) this.#pending.exit();
            admitted = !call.ended;
            return this.#process(call, image, task);
          })
          .then(
            (result) => {
              if (end('finished')) resolve(result);
            },
            (error: unknown) => {
              fail(toHyperIQAError(error));
            },
          );
      }
    });
  }

  /** Every unfinished and every later call rejects with ERR_DISPOSED. */
  close(): void {
    this.#closed = true;
    for (const fail of this.#calls) fail(this.#disposed());
  }

  /** Every later call rejects with ERR_DISPOSED. Resolves when those that were accepted, and what they hold, have ended. */
  drain(): Promise<void> {
    this.#draining = true;
    return new Promise((resolve) => {
      this.#idle.add(resolve);
      this.#tellIfIdle();
    });
  }

  /**
   * Keeps a drain waiting for work that makes calls of its own (`follows`).
   *
   * @returns what ends that; to be called once
   * @throws HyperIQAError ERR_DISPOSED where new calls are refused
   */
  hold(): () => void {
    if (this.ending) throw this.#disposed();
    this.#held++;
    return () => {
      this.#held--;
      this.#tellIfIdle();
    };
  }

  #tellIfIdle(): void {
    if (this.#calls.size > 0 || this.#held > 0) return;
    for (const tell of this.#idle) tell();
    this.#idle.clear();
  }

  async #process<T>(call: Call, image: CapturedImage, task: IntakeTask<T>): Promise<T> {
    let leaveStreams: () => void = noop;
    let leaveDecoded: () => void = noop;
    try {
      if (image.arrives) {
        leaveStreams = await enter(this.#streams, call);
        await image.arrived();
      }
      leaveDecoded = await enter(this.#decoded, call);
      const check = (width: number, height: number) => {
        // Decoding cannot be interrupted, only be spared or in vain.
        assertGoingOn(call);
        task.check?.({ label: image.label, width, height });
      };
      const decoded = await inDecodingPlace(() => {
        assertGoingOn(call);
        this.#tally.move(call, 'decoding');
        return image.decode(task.decode, check);
      });
      if (!call.ended) this.#tally.move(call, 'waiting');
      check(decoded.width, decoded.height);
      leaveStreams();
      return await task.work(decoded, call, leaveDecoded);
    } finally {
      leaveStreams();
      leaveDecoded();
    }
  }

  #disposed(): HyperIQAError {
    return new HyperIQAError('ERR_DISPOSED', `${this.#who} has been disposed of.`);
  }
}

/** Waits for a place, until the call is withdrawn. @returns what gives the place back; called again, it does nothing */
async function enter(slots: Slots, call: Call): Promise<() => void> {
  assertGoingOn(call);
  const { turn, leave } = slots.enter();
  call.withdraw = leave;
  await turn;
  call.withdraw = noop;
  let inside = true;
  const exit = () => {
    if (inside) slots.exit();
    inside = false;
  };
  if (call.ended) exit();
  assertGoingOn(call);
  return exit;
}

function assertGoingOn(call: Call): void {
  // The caller has an answer already: ignore this one.
  if (call.ended) throw new HyperIQAError('ERR_ABORTED', 'The call has ended.');
}
