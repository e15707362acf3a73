/** A loaded model: load, score, scoreAll, selfCheck, dispose. */
import { HyperIQAError } from './errors.js';
import type {
  ImageInput,
  Info,
  LoadOptions,
  ScoreAllItem,
  ScoreAllOptions,
  ScoreOptions,
  ScoreResult,
  SelfCheckResult,
} from './types.js';

export class HyperIQA implements AsyncDisposable {
  /** Loads a model file (path or file URL; default: the model of the package). */
  static load(_model?: string | URL, _options: LoadOptions = {}): Promise<HyperIQA> {
    return Promise.reject(new HyperIQAError('ERR_INTERNAL', 'not written yet'));
  }

  private constructor(readonly info: Info) {}

  /** Scores one image. */
  score(_input: ImageInput, _options: ScoreOptions = {}): Promise<ScoreResult> {
    return Promise.reject(new HyperIQAError('ERR_INTERNAL', 'not written yet'));
  }

  /** Scores every image of an iterable; each item has its result or its error. */
  scoreAll<T extends ImageInput>(
    _inputs: Iterable<T> | AsyncIterable<T>,
    _options: ScoreAllOptions = {},
  ): AsyncGenerator<ScoreAllItem<T>, void, undefined> {
    throw new HyperIQAError('ERR_INTERNAL', 'not written yet');
  }

  /** Recomputes the model's check values. */
  selfCheck(): Promise<SelfCheckResult> {
    return Promise.reject(new HyperIQAError('ERR_INTERNAL', 'not written yet'));
  }

  /** Ends the engine; idempotent. Unfinished scores reject with ERR_DISPOSED. */
  dispose(): Promise<void> {
    return Promise.reject(new HyperIQAError('ERR_INTERNAL', 'not written yet'));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
