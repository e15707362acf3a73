/** `enqueue`: images become chunks, each image once, and chunks become jobs as fast as workers take them. */
import { randomUUID } from 'node:crypto';
import { abortedError, modelSha256 } from 'hyperiqa/add-on';
import { HyperIQAError } from 'hyperiqa';
import { addJob, chunkName, chunkQueue, type ChunkData, type ChunkQueue } from '../ledger/jobs.js';
import { Ledger } from '../ledger/ledger.js';
import { checkEnqueue, type CheckedEnqueue, type EnqueueOptions, type EnqueueProgress } from '../settings/options.js';
import type { QueueSettings } from '../settings/settings.js';
import { resultsPlace } from '../storage/results.js';
import { Buckets } from '../storage/s3.js';
import { orAborted, pause, settled } from '../support/waiting.js';
import { Identities, type NamedImage } from './images.js';

/** Result of `enqueue`. */
export interface EnqueueSummary extends EnqueueProgress {
  /**
   * Redis was started anew during the call, or another server took its place. It may have forgotten what it had
   * acknowledged last, depending on its persistence: call again with the same images, which adds what is missing.
   */
  readonly restarted: boolean;
}

/** An image with its identity. */
interface Known {
  readonly name: string;
  readonly identity: Buffer;
}

/** Images that Redis is asked about at a time. */
const PAGE = 512;
/** Time between looks at a full queue, ms. */
const LOOK = 250;
/** Time for the last step of a call that is aborted, ms. */
const LAST_STEP = 2000;
/** Seconds for which a call counts as under way without a sign of life. */
const SIGN = 15;

/**
 * Adds images to a queue, in chunks. Images that were added before, by this call or another, are left out, so that every
 * image is scored once: a call that was interrupted is repeated with the same images. Waits while `maxWaiting` chunks wait for
 * workers, and while Redis cannot be reached.
 *
 * The first call gives the queue its settings (model, options of scoring, place of the results); a later one with others is
 * refused.
 *
 * @param images - Paths, `s3://bucket/key`, or such a name with a version. Taken only as they are needed.
 * @throws HyperIQAError ERR_INVALID_ARGUMENT; ERR_QUEUE_CONNECTION; ERR_QUEUE_SETTINGS; ERR_STORAGE; ERR_MODEL_NOT_FOUND;
 *   ERR_ABORTED; and what `images` throws
 */
export async function enqueue(
  images: Iterable<string | NamedImage> | AsyncIterable<string | NamedImage>,
  options: EnqueueOptions,
): Promise<EnqueueSummary> {
  const checked = checkEnqueue(options);
  const settings: QueueSettings = {
    version: 1,
    model: await modelSha256(checked.model),
    scoring: checked.scoring,
    provenance: checked.provenance,
    results: checked.results,
    format: checked.format,
    identity: checked.identity,
  };
  if (checked.signal?.aborted) throw abortedError(checked.signal);
  const ledger = await Ledger.open(checked);
  const queue = chunkQueue(checked);
  const buckets = new Buckets(checked.s3);
  queue.on('error', () => undefined);
  const run = new Enqueuer(checked, settings, ledger, queue, buckets).run(images);
  try {
    return await orAborted(run, checked.signal);
  } finally {
    // An aborted call ends its step, unless Redis or the images keep it waiting.
    await settled(run, LAST_STEP);
    ledger.close();
    await Promise.all([settled(queue.close(), LAST_STEP), buckets.close()]);
  }
}

class Enqueuer {
  readonly #id = randomUUID();
  readonly #identities: Identities;
  /** Images that are known to be new, less than a chunk of them between steps. */
  #open: Known[] = [];
  #progress = { named: 0, added: 0, known: 0, chunks: 0 };

  constructor(
    private readonly options: CheckedEnqueue,
    private readonly settings: QueueSettings,
    private readonly ledger: Ledger,
    private readonly queue: ChunkQueue,
    private readonly buckets: Buckets,
  ) {
    this.#identities = new Identities(settings.identity, buckets);
  }

  async run(images: Iterable<string | NamedImage> | AsyncIterable<string | NamedImage>): Promise<EnqueueSummary> {
    const { ledger, options } = this;
    const server = await ledger.server();
    await ledger.compare(options.queue, this.settings);
    // A place that cannot be written leaves no queue behind.
    await this.#describe();
    await ledger.settle(options.queue, this.settings);
    const sign = () => ledger.sign(this.#id, SIGN);
    await sign();
    const signing = setInterval(() => void sign().catch(() => undefined), (SIGN * 1000) / 3);
    try {
      await this.#deliver();
      let page: Known[] = [];
      for await (const image of images) {
        this.#stop();
        page.push(await this.#identify(image));
        if (page.length < PAGE) continue;
        await this.#take(page);
        page = [];
      }
      await this.#take(page);
      while (this.#open.length > 0) await this.#chunk();
      await this.#deliver();
    } finally {
      clearInterval(signing);
      await ledger.signOff(this.#id).catch(() => undefined);
    }
    return { ...this.#progress, restarted: (await ledger.server()) !== server };
  }

  #stop(): void {
    if (this.options.signal?.aborted) throw abortedError(this.options.signal);
  }

  /** Writes the settings beside the results, for whoever finds them later. Shows as well that results can be written. */
  async #describe(): Promise<void> {
    const place = resultsPlace(this.settings.results, this.buckets);
    const text = `${JSON.stringify(this.settings, null, 2)}\n`;
    const there = await place.read('settings.json');
    if (there?.toString() === text) return;
    if (there !== undefined) {
      throw new HyperIQAError(
        'ERR_QUEUE_SETTINGS',
        `${this.settings.results} has results of another model or other options (settings.json). Name another place.`,
      );
    }
    await place.write('settings.json', Buffer.from(text), this.options.signal);
  }

  async #identify(image: string | NamedImage): Promise<Known> {
    const named = typeof image === 'string' ? { name: image } : image;
    if (typeof named.name !== 'string' || named.name === '' || named.name.includes('\0')) {
      throw new HyperIQAError('ERR_INVALID_ARGUMENT', 'Each image must have a name: a path, or s3://BUCKET/KEY.');
    }
    this.#progress.named++;
    return { name: named.name, identity: await this.#identities.of(named) };
  }

  /** Keeps those that are new, and makes chunks of them. */
  async #take(page: readonly Known[]): Promise<void> {
    if (page.length === 0) return;
    const known = await this.ledger.known(page.map(({ identity }) => identity));
    const here = new Set(this.#open.map(({ identity }) => identity.toString('latin1')));
    for (const [i, image] of page.entries()) {
      const key = image.identity.toString('latin1');
      if (known[i] || here.has(key)) {
        this.#progress.known++;
      } else {
        here.add(key);
        this.#open.push(image);
      }
    }
    while (this.#open.length >= this.options.chunkSize) await this.#chunk();
  }

  /** Makes a chunk of the first open images, as soon as there is room for it. */
  async #chunk(): Promise<void> {
    await this.#room();
    const images = this.#open.slice(0, this.options.chunkSize);
    const identities = images.map(({ identity }) => identity);
    const chunk = chunkName(this.settings, identities);
    const data: ChunkData = {
      images: images.map(({ name }) => name),
      ...(this.settings.identity === 'content' && { identities: Buffer.concat(identities).toString('base64') }),
      attempts: this.options.attempts,
    };
    const taken = await this.ledger.claim(chunk, identities, JSON.stringify(data), this.#id.slice(0, 8));
    if (taken.includes(true)) {
      // Another call was faster, or a page held an image of an earlier one: the others go into the next chunk.
      this.#open = this.#open.filter((_, i) => taken[i] !== true);
      this.#progress.known += taken.filter(Boolean).length;
      return;
    }
    await addJob(this.queue, chunk, data);
    await this.ledger.delivered(chunk);
    this.#open = this.#open.slice(images.length);
    this.#progress.added += images.length;
    this.#progress.chunks++;
    this.options.onProgress({ ...this.#progress });
  }

  /** Waits until fewer chunks wait than may. */
  async #room(): Promise<void> {
    for (;;) {
      this.#stop();
      const { waiting = 0, delayed = 0 } = await this.queue.getJobCounts('waiting', 'delayed');
      if (waiting + delayed < this.options.maxWaiting) return;
      await pause(LOOK, this.options.signal);
    }
  }

  /** Makes jobs of chunks that an earlier call left without one. */
  async #deliver(): Promise<void> {
    for (const [chunk, data] of await this.ledger.outbox()) {
      await addJob(this.queue, chunk, JSON.parse(data) as ChunkData);
      await this.ledger.delivered(chunk);
    }
  }
}
