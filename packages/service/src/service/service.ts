/** State that all routes share: options, models, admission, figures. */
import type { HyperIQA } from 'hyperiqa';
import type { FaceDetector } from 'hyperiqa/faces';
import { Gate } from '../intake/gate.js';
import { Metrics } from './metrics.js';
import type { CheckedOptions } from '../settings/options.js';
import { ImageFetcher } from '../remote/fetch.js';
import { Scorers, type State } from './scorers.js';

export class Service {
  readonly options: CheckedOptions;
  readonly gate: Gate;
  readonly scorers: Scorers;
  readonly metrics: Metrics;
  readonly fetcher: ImageFetcher | undefined;
  #draining = false;
  /** Requests that were accepted and whose answer has not left. */
  readonly #accepted = new Set<object>();
  #allAnswered: (() => void)[] = [];

  constructor(options: CheckedOptions) {
    this.options = options;
    this.gate = new Gate(options.limits.active, options.limits.waiting);
    this.scorers = new Scorers(options);
    this.metrics = new Metrics(this.gate, this.scorers);
    this.fetcher = options.urls && new ImageFetcher({ ...options.urls, bytes: options.limits.bodyBytes });
  }

  get state(): State | 'draining' {
    return this.#draining ? 'draining' : this.scorers.state;
  }

  /** Counts a request as accepted: a shutdown waits for its answer. */
  accept(request: object): void {
    this.#accepted.add(request);
  }

  /** The answer of a request has left, or its client has. */
  settle(request: object): void {
    this.#accepted.delete(request);
    if (this.#accepted.size > 0) return;
    for (const resolve of this.#allAnswered.splice(0)) resolve();
  }

  /** Refuses further requests; resolves when every accepted one is answered. */
  drain(): Promise<void> {
    this.#draining = true;
    if (this.#accepted.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#allAnswered.push(resolve));
  }

  async close(): Promise<void> {
    await Promise.all([this.fetcher?.close(), this.scorers.close()]);
    this.metrics.registry.clear();
  }
}

/** Decoration of a Fastify instance by the plugin, under the name `hyperiqa`. */
export interface HyperIQADecorator {
  /** The default model. Throws a ServiceError ERR_NOT_READY until it is loaded. */
  readonly scorer: HyperIQA;
  /** The loaded models by name, the default first. */
  readonly models: ReadonlyMap<string, HyperIQA>;
  /** Undefined where faces are switched off, or until it is loaded. */
  readonly detector: FaceDetector | undefined;
  /** Resolves when everything is loaded and checked. Rejects with the HyperIQAError of what could not be. */
  readonly loaded: Promise<void>;
  readonly state: State | 'draining';
  /** Requests that are worked on, and those that wait for that. */
  readonly requests: { readonly active: number; readonly waiting: number };
  /** Refuses further requests with 503; resolves when every accepted one is answered. Closing the server does it, too. */
  drain(): Promise<void>;
}

export const decoratorOf = (service: Service): HyperIQADecorator => ({
  get scorer() {
    return service.scorers.model();
  },
  get models() {
    return service.scorers.models;
  },
  get detector() {
    return service.scorers.detector;
  },
  get state() {
    return service.state;
  },
  get requests() {
    return { active: service.gate.active, waiting: service.gate.waiting };
  },
  loaded: service.scorers.loaded,
  drain: () => service.drain(),
});
