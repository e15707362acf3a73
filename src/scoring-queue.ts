/** The way of an image through a scorer's engine: `ImageQueue` with what scoring asks for. */
import type { NativeEngine, NativeScoreOptions, NativeScoreResult } from '../binding.js';
import { HyperIQAError } from './errors.js';
import { DEFAULT_LIMIT_INPUT_PIXELS, type CapturedImage } from './image.js';
import { ImageQueue, type Processed } from './image-queue.js';
import type { CheckedScoreOptions } from './options.js';
import { resizedSize } from './protocol.js';

/** What the engine says of an image, and what decoding it has told before. */
export type Scored = Processed<NativeScoreResult>;

export class ScoringQueue {
  readonly #engine: NativeEngine;
  readonly #queue: ImageQueue;

  constructor(engine: NativeEngine) {
    this.#engine = engine;
    this.#queue = new ImageQueue(engine, 'The scorer');
  }

  /**
   * Scores a captured image.
   *
   * @throws HyperIQAError as ImageQueue.run
   */
  score(image: CapturedImage, options: CheckedScoreOptions): Promise<Scored> {
    const native = nativeOptions(options);
    return this.#queue.run(image, {
      decode: options.protocol.decode,
      signal: options.signal,
      check: (width, height) => {
        checkResizedSize(image.label, width, height, options);
      },
      submit: (data, width, height) => this.#engine.score(data, width, height, native),
    });
  }

  /** Every unfinished and every later call rejects with ERR_DISPOSED. */
  close(): void {
    this.#queue.close();
  }
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
