/** Figures of the service for Prometheus. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Gate } from '../intake/gate.js';
import type { Scorers } from './scorers.js';

export type Stage = 'wait' | 'receive' | 'fetch' | 'score' | 'faces' | 'map' | 'draw';

/** Seconds; from a small image on a GPU to the time limit of a request. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export class Metrics {
  readonly registry = new Registry();
  readonly #requests: Counter<'method' | 'route' | 'status'>;
  readonly #images: Counter<'model' | 'code'>;
  readonly #stages: Histogram<'stage'>;
  readonly #duration: Histogram<'route'>;

  constructor(gate: Gate, scorers: Scorers) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#requests = new Counter({
      name: 'hyperiqa_http_requests_total',
      help: 'Requests answered, by route and status (499: the client left before).',
      labelNames: ['method', 'route', 'status'],
      registers,
    });
    this.#duration = new Histogram({
      name: 'hyperiqa_http_request_seconds',
      help: 'Time from the head of a request to the end of its answer.',
      labelNames: ['route'],
      buckets: BUCKETS,
      registers,
    });
    this.#images = new Counter({
      name: 'hyperiqa_images_total',
      help: 'Images worked on, by model and by code of the outcome (ok, or that of the error).',
      labelNames: ['model', 'code'],
      registers,
    });
    this.#stages = new Histogram({
      name: 'hyperiqa_stage_seconds',
      help: 'Time of the stages: wait for a place, receive a body, fetch a URL; score, faces, map (decoding included), draw.',
      labelNames: ['stage'],
      buckets: BUCKETS,
      registers,
    });
    const gauge = (name: string, help: string, value: () => number) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(value());
        },
      });
    gauge(
      'hyperiqa_requests_waiting',
      'Requests that wait for a place; their bodies are not read.',
      () => gate.waiting,
    );
    gauge('hyperiqa_requests_active', 'Requests that are read, decoded or scored.', () => gate.active);
    gauge('hyperiqa_ready', '1 when the models are loaded and have passed their checks.', () =>
      scorers.state === 'ready' ? 1 : 0,
    );
    new Gauge({
      name: 'hyperiqa_images_pending',
      help: 'Images that a model has accepted and not answered: waiting, being decoded, or in the engine.',
      labelNames: ['model', 'phase'],
      registers,
      collect() {
        for (const [model, { stats }] of scorers.models) {
          this.set({ model, phase: 'waiting' }, stats.waiting);
          this.set({ model, phase: 'decoding' }, stats.decoding);
          this.set({ model, phase: 'engine' }, stats.inEngine);
        }
      },
    });
    new Counter({
      name: 'hyperiqa_image_phase_seconds_total',
      help: 'Time that the images of a model have spent waiting, being decoded, and in the engine.',
      labelNames: ['model', 'phase'],
      registers,
      collect() {
        this.reset();
        for (const [model, { stats }] of scorers.models) {
          const { waiting, decoding, inEngine } = stats.milliseconds;
          this.inc({ model, phase: 'waiting' }, waiting / 1000);
          this.inc({ model, phase: 'decoding' }, decoding / 1000);
          this.inc({ model, phase: 'engine' }, inEngine / 1000);
        }
      },
    });
    new Gauge({
      name: 'hyperiqa_model_info',
      help: 'The loaded models, and how they are computed.',
      labelNames: ['model', 'name', 'version', 'sha256', 'device', 'dtype', 'graph_mode', 'libtorch', 'hyperiqa'],
      registers,
      collect() {
        for (const [model, { info }] of scorers.models) {
          const { name, version, sha256 } = info.model;
          const device = info.devices.map(({ id }) => id).join(',');
          const { dtype, graphMode, versions } = info;
          const { libtorch, hyperiqa } = versions;
          this.set({ model, name, version, sha256, device, dtype, graph_mode: graphMode, libtorch, hyperiqa }, 1);
        }
      },
    });
  }

  answered(method: string, route: string, status: number, seconds: number): void {
    this.#requests.inc({ method, route, status });
    this.#duration.observe({ route }, seconds);
  }

  /** @param code - `ok`, or the code of an error. */
  image(model: string, code: string): void {
    this.#images.inc({ model, code });
  }

  async timed<R>(stage: Stage, run: () => Promise<R>): Promise<R> {
    const stop = this.#stages.startTimer({ stage });
    try {
      return await run();
    } finally {
      stop();
    }
  }
}
