/** Instances of sharp: their pipeline is rendered to pixels, which sharp as a stream would encode. */
import { Writable } from 'node:stream';

import { HyperIQAError } from '../errors.js';
import type { RawImage, SharpInstance } from '../types.js';
import { shorten } from '../support/shorten.js';
import { checkPixelLimit } from './limits.js';
import { PRESENT, type Source } from './present-source.js';
import { unreadable } from './unreadable.js';

const METHODS = ['clone', 'metadata', 'toColourspace', 'raw', 'toBuffer', 'extract'] as const;

/** Recognises sharp by its shape, because the instance may come from another copy or version of the package. */
export function isSharp(value: unknown): value is SharpInstance {
  if (typeof value !== 'object' || value === null) return false;
  return METHODS.every((method) => typeof (value as Record<string, unknown>)[method] === 'function');
}

/**
 * Takes a pipeline as it is now: what its owner adds later has no effect, and the instance can be used further.
 *
 * @throws HyperIQAError ERR_IMAGE_READ for one that is fed by a stream which ended before, or broke
 */
export function sharpSource(instance: SharpInstance, limitInputPixels: number): Source {
  const fed = isFed(instance) && instance instanceof Writable ? instance : undefined;
  const pipeline = instance.clone();
  // Versions of sharp before 0.35 hand nothing over to a clone that is made after the end.
  if (fed !== undefined && (fed.destroyed || (fed.writableFinished && isFed(pipeline)))) {
    throw new HyperIQAError('ERR_IMAGE_READ', `${LABEL} cannot be read: the stream that feeds it has ended or broken.`);
  }
  const { read, cancel } = rendering(pipeline, limitInputPixels);
  if (fed === undefined) return { ...PRESENT, label: LABEL, read, cancel };
  const feeding = new Feeding(fed);
  return {
    label: LABEL,
    arrives: true,
    arrived: () => feeding.ended,
    onBroken: (tell) => {
      feeding.ended.catch(tell);
    },
    read,
    cancel: () => {
      cancel();
      feeding.giveUp();
    },
  };
}

const LABEL = 'The image of a sharp instance';

function rendering(pipeline: SharpInstance, limitInputPixels: number): Pick<Source, 'read' | 'cancel'> {
  let kept: SharpInstance | undefined = pipeline;
  return {
    read: async () => {
      const image = kept;
      kept = undefined;
      if (image === undefined) throw new HyperIQAError('ERR_INTERNAL', `${LABEL} was read twice, or given up.`);
      try {
        return await render(image, limitInputPixels);
      } catch (error) {
        throw error instanceof HyperIQAError ? error : renderError(error);
      }
    },
    cancel: () => {
      kept = undefined;
    },
  };
}

async function render(pipeline: SharpInstance, limitInputPixels: number): Promise<RawImage> {
  const { width = 0, height = 0 } = await pipeline.metadata();
  checkPixelLimit(width, height, limitInputPixels, 'The input of a sharp instance');
  const { data, info } = await pipeline
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  checkPixelLimit(info.width, info.height, limitInputPixels, LABEL);
  const { channels } = info;
  if (channels !== 1 && channels !== 2 && channels !== 3 && channels !== 4) {
    throw new HyperIQAError('ERR_IMAGE_FORMAT', `${LABEL} has ${channels} channels, which make no RGB image.`);
  }
  return { data, width: info.width, height: info.height, channels };
}

/** The pipeline is its owner's, so sharp's words are passed on: nobody else can tell which step of it failed. */
function renderError(error: unknown): HyperIQAError {
  const words = shorten((error instanceof Error ? error.message : String(error)).trim().replace(/\s*\n\s*/g, '; '));
  if (/out of memory|allocation failed|unable to allocate|cannot allocate|bad_alloc/i.test(words)) {
    return new HyperIQAError('ERR_OUT_OF_MEMORY', `There is not enough memory to render ${LABEL.toLowerCase()}.`);
  }
  const code = words.startsWith('Input file is missing') ? 'ERR_IMAGE_NOT_FOUND' : 'ERR_IMAGE_DECODE';
  return new HyperIQAError(code, `${LABEL} cannot be rendered: ${words}.`, { cause: error });
}

/** An instance that waits for its input: sharp keeps the chunks of its stream in a list. */
export function isFed(instance: SharpInstance): boolean {
  return Array.isArray((instance as { options?: { input?: { buffer?: unknown } } }).options?.input?.buffer);
}

/** The stream that feeds an instance. It belongs to its owner, and is only listened to. */
class Feeding {
  /** Resolves when the instance has all its input. */
  readonly ended: Promise<void>;
  #giveUp!: () => void;

  constructor(stream: Writable) {
    this.ended = new Promise((resolve, reject) => {
      const done = () => {
        stop();
        resolve();
      };
      const fail = (error: unknown) => {
        stop();
        reject(unreadable(LABEL, error));
      };
      const closed = () => {
        fail(new Error('the stream that feeds it was closed before its end'));
      };
      const stop = () => {
        stream.off('finish', done).off('error', fail).off('close', closed);
      };
      this.#giveUp = () => {
        fail(new Error('it was given up'));
      };
      if (stream.writableFinished) done();
      else stream.on('finish', done).on('error', fail).on('close', closed);
    });
    // The call reports the failure; without a listener here it would count as unhandled.
    this.ended.catch(() => undefined);
  }

  giveUp(): void {
    this.#giveUp();
  }
}
