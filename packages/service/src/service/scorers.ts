/** The models and the face detector of a service: loaded in the background, checked, freed at the end. */
import { HyperIQA, HyperIQAError } from 'hyperiqa';
import { FaceDetector, type DetectorLoadOptions } from 'hyperiqa/faces';
import { toHyperIQAError } from 'hyperiqa/add-on';
import { ServiceError } from '../errors.js';
import type { CheckedOptions, DetectorToLoad, ModelToLoad } from '../settings/options.js';

export type State = 'loading' | 'ready' | 'failed';

export class Scorers {
  /** Resolves when everything is loaded and has passed its check. */
  readonly loaded: Promise<void>;
  /** Names of the models, the default first; those that are not loaded yet included. */
  readonly names: readonly string[];
  readonly #models = new Map<string, HyperIQA>();
  #detector: FaceDetector | undefined;
  readonly #owned: AsyncDisposable[] = [];
  readonly #stop = new AbortController();
  #state: State = 'loading';
  #failure: HyperIQAError | undefined;

  constructor({ models, faces }: Pick<CheckedOptions, 'models' | 'faces'>) {
    this.names = [...models.keys()];
    this.loaded = this.#load(models, faces);
    // A rejection without a listener would end the process; the state tells of the failure as well.
    this.loaded.catch(() => undefined);
  }

  get state(): State {
    return this.#state;
  }

  /** Error that loading failed with. */
  get failure(): HyperIQAError | undefined {
    return this.#failure;
  }

  /** The loaded models, the default first. */
  get models(): ReadonlyMap<string, HyperIQA> {
    return this.#models;
  }

  /**
   * @param name - Default: the first model.
   * @throws ServiceError ERR_NOT_READY while it is not loaded; HyperIQAError ERR_INVALID_ARGUMENT for a name that there is not
   */
  model(name: string = this.names[0] ?? ''): HyperIQA {
    if (!this.names.includes(name)) {
      throw new HyperIQAError('ERR_INVALID_ARGUMENT', `There is no model ${name}: there are ${this.names.join(', ')}.`);
    }
    const model = this.#models.get(name);
    if (model === undefined) throw notReady();
    return model;
  }

  /** Undefined where faces are switched off, or while it is not loaded. */
  get detector(): FaceDetector | undefined {
    return this.#detector;
  }

  /** Ends a load that is under way and frees what was loaded here. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.loaded.catch(() => undefined);
    await Promise.all(this.#owned.map((one) => one[Symbol.asyncDispose]()));
  }

  async #load(models: CheckedOptions['models'], faces: CheckedOptions['faces']): Promise<void> {
    try {
      // One after the other: each load measures or warms up, which others beside it would disturb.
      for (const [name, source] of models) this.#models.set(name, await this.#loadModel(source));
      if (faces !== false) this.#detector = await this.#loadDetector(faces);
      this.#state = 'ready';
    } catch (error) {
      this.#state = 'failed';
      this.#failure = toHyperIQAError(error);
      throw this.#failure;
    }
  }

  async #loadModel(source: HyperIQA | ModelToLoad): Promise<HyperIQA> {
    if (source instanceof HyperIQA) {
      if (source.info.selfCheck === null) requirePassed(await source.selfCheck());
      return source;
    }
    const model = await HyperIQA.load(source.model, { ...source.options, signal: this.#stop.signal });
    this.#owned.push(model);
    return model;
  }

  async #loadDetector(source: FaceDetector | DetectorToLoad): Promise<FaceDetector> {
    if (source instanceof FaceDetector) return source;
    const options: DetectorLoadOptions = { ...source.options, signal: this.#stop.signal };
    const detector = await FaceDetector.load(source.model, options);
    this.#owned.push(detector);
    return detector;
  }
}

function requirePassed({ passed, largestDifference, tolerance }: Awaited<ReturnType<HyperIQA['selfCheck']>>): void {
  if (passed) return;
  throw new HyperIQAError(
    'ERR_MODEL_SELF_CHECK',
    `The model computes other values here than where it was made: they differ by ${largestDifference}, and ` +
      `${tolerance} is accepted.`,
  );
}

export const notReady = () => new ServiceError('ERR_NOT_READY', 'The models are not loaded yet.', { retryAfter: 5 });
