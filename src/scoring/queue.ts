/** The way of an image through a scorer's engine: `ImageQueue` with what scoring asks for. */
import type { NativeEngine, NativeScoreOptions, NativeScoreResult } from '../../binding.js';
import { checkedResize } from '../intake/cost.js';
import type { CapturedImage } from '../image/capture.js';
import { ImageQueue, type Processed } from '../intake/image-queue.js';
import type { IntakeLimits } from '../intake/intake.js';
import type { CheckedScoreOptions } from './options.js';
import type { Crops, Protocol, QueueStats } from '../types.js';

/** Options for scoring one image. */
export interface ScoringPlan extends CheckedScoreOptions {
  /** Waits where the queue is full of calls, as the methods do that pull their inputs themselves. */
  waits?: boolean;
  /** Belongs to a call that was accepted before and holds the scorer open. */
  follows?: boolean;
  /**
   * Crops that depend on the size of the image, in the place of the protocol's. Refuses one by throwing.
   *
   * @param resized - Size of the image that they are cut from, pixels.
   */
  cropsFor?: (label: string, resized: { width: number; height: number }) => Crops;
}

/** Result of the engine for an image, with the notes of the decoder and the protocol with the crops that were cut. */
export interface Scored extends Omit<Processed<NativeScoreResult>, 'data'> {
  protocol: Protocol;
}

export class ScoringQueue {
  readonly #engine: NativeEngine;
  readonly #queue: ImageQueue;

  constructor(engine: NativeEngine, limits: IntakeLimits) {
    this.#engine = engine;
    this.#queue = new ImageQueue(engine, 'The scorer', limits);
  }

  /** Calls that were accepted and have neither result nor error. */
  get pending(): number {
    return this.#queue.pending;
  }

  /**
   * Takes hold of an image and scores it.
   *
   * @throws HyperIQAError as `ImageQueue.run`; ERR_IMAGE_TOO_LARGE for what the protocol would make of the image
   */
  score(capture: () => CapturedImage, plan: ScoringPlan): Promise<Scored> {
    let { protocol } = plan;
    return this.#queue.run(capture, {
      decode: protocol.decode,
      signal: plan.signal,
      waits: plan.waits ?? false,
      follows: plan.follows ?? false,
      check: (image) => {
        const resized = checkedResize(image, protocol, plan.limits.limitInputPixels);
        if (plan.cropsFor) protocol = Object.freeze({ ...protocol, crops: plan.cropsFor(image.label, resized) });
      },
      submit: (data, width, height) => this.#engine.score(data, width, height, nativeOptions({ ...plan, protocol })),
      finish: ({ native, width, height, warnings }) => ({ native, width, height, warnings, protocol }),
    });
  }

  /** New calls are refused with ERR_DISPOSED. */
  get ending(): boolean {
    return this.#queue.ending;
  }

  get stats(): QueueStats {
    return this.#queue.stats;
  }

  /** Every unfinished and every later call rejects with ERR_DISPOSED. */
  close(): void {
    this.#queue.close();
  }

  /** Every later call rejects with ERR_DISPOSED; resolves when those that were accepted have ended. */
  drain(): Promise<void> {
    return this.#queue.drain();
  }

  /** Keeps a place, like `ImageIntake.hold`. */
  hold(): () => void {
    return this.#queue.hold();
  }
}

function nativeOptions({ protocol, seed, maxStandardError, maxCrops }: CheckedScoreOptions): NativeScoreOptions {
  const { resize, minSide, crops } = protocol;
  return {
    resize,
    minimumSide: minSide,
    crops,
    seed,
    ...(maxStandardError === undefined || maxCrops === undefined ? {} : { maxStandardError, maxCrops }),
  };
}
