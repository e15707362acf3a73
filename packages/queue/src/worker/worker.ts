/** `Worker`: takes chunks off a queue, scores them and writes their shards. */
import { Worker as JobWorker, WaitingError, type Job } from 'bullmq';
import { HyperIQA, HyperIQAError } from 'hyperiqa';
import { abortedError, toHyperIQAError } from 'hyperiqa/add-on';
import { bullmqConnection, PREFIX } from '../ledger/connection.js';
import { chunkQueue, type ChunkData, type ChunkQueue } from '../ledger/jobs.js';
import { Ledger } from '../ledger/ledger.js';
import { checkWorker, type CheckedWorker, type WorkerOptions } from '../settings/options.js';
import type { QueueSettings } from '../settings/settings.js';
import { resultsPlace, type ResultsPlace } from '../storage/results.js';
import { Buckets } from '../storage/s3.js';
import { orAborted, pause, settled } from '../support/waiting.js';
import { scoreChunk } from './score-chunk.js';
import { encodeShard, shardName, summaryOf, summaryOfShard } from './shard.js';

type ChunkJob = Job<ChunkData, undefined, 'chunk'>;

/** Time between looks for a queue that is not there yet, or for its end, ms. */
const LOOK = 1000;
/** Time in which a chunk is given back or a connection closed, before the process ends without it, ms. */
const LAST_WORDS = 5000;

/**
 * Scores the chunks of a queue until it is stopped. One a machine keeps its engine full.
 *
 * A chunk counts as done once its shard is written, whole, under the name of the chunk. Whatever happens before, to this
 * process, to Redis or to the network between, the chunk is taken again, here or elsewhere; whatever happens after, its shard is
 * found.
 */
export class Worker implements AsyncDisposable {
  readonly settings: QueueSettings;
  /** Resolves when the worker has ended: by `stop`, or by itself with `untilDone`. */
  readonly ended: Promise<void>;
  readonly #options: CheckedWorker;
  readonly #parts: Parts;
  readonly #results: ResultsPlace;
  readonly #jobs: JobWorker<ChunkData, undefined, 'chunk'>;
  /** Chunks that are worked on, with what ends that. */
  readonly #running = new Map<string, AbortController>();
  #stopping: Promise<boolean> | undefined;
  #tellEnded: () => void = () => undefined;
  #giveBack = false;

  private constructor(options: CheckedWorker, settings: QueueSettings, parts: Parts) {
    this.#options = options;
    this.settings = settings;
    this.#parts = parts;
    this.#results = resultsPlace(settings.results, parts.buckets);
    this.ended = new Promise((resolve) => {
      this.#tellEnded = resolve;
    });
    this.#jobs = new JobWorker(options.queue, (job, token) => this.#process(job, token), {
      connection: bullmqConnection(options),
      prefix: PREFIX,
      concurrency: options.chunks,
      lockDuration: options.takeOverAfter,
      stalledInterval: options.takeOverAfter,
      maxStalledCount: options.maxTakeOvers,
      // After Redis was away; BullMQ's default of 15 s leaves the engine without work for as long.
      runRetryDelay: 1000,
      autorun: false,
    });
    this.#listen();
  }

  /**
   * Loads the model, connects, waits for a queue of that name where there is none yet, and begins.
   *
   * @throws HyperIQAError ERR_INVALID_ARGUMENT; ERR_QUEUE_CONNECTION; ERR_QUEUE_SETTINGS where the queue is for another
   *   model; ERR_ABORTED; the errors of `HyperIQA.load`
   */
  static async start(options: WorkerOptions = {}): Promise<Worker> {
    const checked = checkWorker(options);
    const { signal, onEvent } = checked;
    if (options.model instanceof HyperIQA && options.load !== undefined) {
      throw new HyperIQAError('ERR_INVALID_ARGUMENT', 'load has a meaning only without a loaded model.');
    }
    const ledger = await Ledger.open(checked, (message) => {
      onEvent({ type: 'trouble', message });
    });
    const own = !(options.model instanceof HyperIQA);
    let iqa: HyperIQA | undefined;
    try {
      iqa =
        options.model instanceof HyperIQA
          ? options.model
          : await HyperIQA.load(options.model, { ...options.load, ...(signal && { signal }) });
      const settings = await settingsOf(ledger, checked);
      if (settings.model !== iqa.info.model.sha256) {
        throw new HyperIQAError(
          'ERR_QUEUE_SETTINGS',
          `The queue ${checked.queue} is for the model with the SHA-256 ${settings.model}, not for ` +
            `${iqa.info.model.name} ${iqa.info.model.version} (${iqa.info.model.sha256}).`,
        );
      }
      const queue = chunkQueue(checked);
      const worker = new Worker(checked, settings, { iqa, own, ledger, queue, buckets: new Buckets(checked.s3) });
      worker.#begin();
      return worker;
    } catch (error) {
      ledger.close();
      if (own) await iqa?.dispose();
      throw error;
    }
  }

  /**
   * Takes no further chunk, lets those under way end, and ends.
   *
   * @param options.grace - Milliseconds after which chunks that are not done are given back to the queue. Default 20000.
   * @returns false where a chunk could be neither ended nor given back, because Redis cannot be reached: others take it over
   */
  stop(options: { grace?: number } = {}): Promise<boolean> {
    return (this.#stopping ??= this.#stop(options.grace ?? 20_000));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #listen(): void {
    const { onEvent } = this.#options;
    this.#jobs.on('error', (error) => {
      // The chunk is somebody else's by now; it was reported when its lock was lost.
      if (/Missing lock|not in the active state|could not renew lock/.test(error.message)) return;
      onEvent({ type: 'trouble', message: error.message });
    });
    this.#jobs.on('lockRenewalFailed', (chunks) => {
      for (const chunk of chunks) {
        onEvent({ type: 'trouble', message: `Chunk ${chunk} was taken over by another worker.` });
        this.#running.get(chunk)?.abort();
      }
    });
    this.#jobs.on('failed', (job, error) => {
      if (job?.id === undefined) return;
      onEvent({ type: 'failed', chunk: job.id, message: error.message, dead: job.attemptsMade >= job.data.attempts });
    });
    this.#parts.queue.on('error', () => undefined);
  }

  #begin(): void {
    void this.#jobs.run().catch((error: unknown) => {
      this.#options.onEvent({ type: 'trouble', message: toHyperIQAError(error).message });
    });
    if (this.#options.untilDone) void this.#watchForEnd();
  }

  async #watchForEnd(): Promise<void> {
    while (this.#stopping === undefined) {
      if (await this.#isDone().catch(() => false)) {
        await this.stop();
        return;
      }
      await pause(LOOK, undefined);
    }
  }

  async #isDone(): Promise<boolean> {
    const { ledger, queue } = this.#parts;
    const counts = await queue.getJobCounts('waiting', 'active', 'delayed');
    if (Object.values(counts).some((count) => count > 0)) return false;
    return (await ledger.enqueuers()) === 0 && (await ledger.outbox()).length === 0;
  }

  async #stop(grace: number): Promise<boolean> {
    await this.#jobs.pause(true);
    const over = setTimeout(() => {
      this.#giveBack = true;
      for (const controller of this.#running.values()) controller.abort();
    }, grace);
    const closed = await settled(this.#jobs.close(), grace + LAST_WORDS);
    clearTimeout(over);
    if (!closed) await settled(this.#jobs.close(true), LAST_WORDS);
    const { iqa, own, ledger, queue, buckets } = this.#parts;
    ledger.close();
    await settled(queue.close(), LAST_WORDS);
    await buckets.close();
    if (own) await iqa.dispose();
    this.#tellEnded();
    return closed;
  }

  async #process(job: ChunkJob, token: string | undefined): Promise<undefined> {
    const chunk = job.id ?? '';
    const controller = new AbortController();
    this.#running.set(chunk, controller);
    if (this.#giveBack) controller.abort();
    try {
      await this.#finish(chunk, job.data, controller.signal);
    } catch (error) {
      if (this.#giveBack) {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      const { code, message } = toHyperIQAError(error);
      // The reason that the dead letters show.
      throw new Error(`${code}: ${message}`, { cause: error });
    } finally {
      this.#running.delete(chunk);
    }
  }

  /** Makes sure that the shard of a chunk is there, and then that the chunk is noted as done. Safe to repeat. */
  async #finish(chunk: string, { images }: ChunkData, signal: AbortSignal): Promise<void> {
    const { iqa, ledger, buckets } = this.#parts;
    const started = performance.now();
    const { format } = this.settings;
    const name = shardName(chunk, format);
    if (signal.aborted) throw abortedError(signal);
    if (await this.#results.has(name)) {
      // An earlier attempt got so far.
      if (await orAborted(ledger.isDone(chunk), signal)) return;
      const content = await this.#results.read(name);
      if (content !== undefined) {
        await orAborted(ledger.finish(chunk, await summaryOfShard(name, content)), signal);
        return;
      }
    }
    const scored = await scoreChunk(images, {
      iqa,
      settings: this.settings,
      root: this.#options.root,
      buckets,
      signal,
    });
    await this.#results.write(name, await encodeShard(scored, format), signal);
    const summary = summaryOf(scored.records);
    await orAborted(ledger.finish(chunk, summary), signal);
    const milliseconds = Math.round(performance.now() - started);
    this.#options.onEvent({ type: 'chunk', chunk, images: summary.images, failed: summary.failed, milliseconds });
  }
}

interface Parts {
  readonly iqa: HyperIQA;
  /** The worker has loaded the model, and disposes of it. */
  readonly own: boolean;
  readonly ledger: Ledger;
  readonly queue: ChunkQueue;
  readonly buckets: Buckets;
}

/** @throws HyperIQAError ERR_ABORTED */
async function settingsOf(ledger: Ledger, { queue, signal, onEvent }: CheckedWorker): Promise<QueueSettings> {
  for (let announced = false; ; announced = true) {
    const settings = await orAborted(ledger.settings(), signal);
    if (settings !== undefined) return settings;
    if (!announced) onEvent({ type: 'waiting', queue });
    await pause(LOOK, signal);
  }
}
