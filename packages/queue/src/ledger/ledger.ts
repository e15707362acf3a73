/**
 * Ledger of a queue in Redis, beside BullMQ's jobs: its settings, which images were enqueued, which chunks are done, and counts.
 * Jobs come and go; the ledger makes every step safe to repeat.
 */
import type { Redis } from 'ioredis';
import { HyperIQAError } from 'hyperiqa';
import { canonical, differences, type QueueSettings } from '../settings/settings.js';
import type { CheckedQueue } from '../settings/options.js';
import { connect, PREFIX } from './connection.js';
import { CLAIM, FINISH, KNOWN, RELEASE, SPAN } from './scripts.js';

/** The commands that the scripts define. */
interface Scripts {
  hyperiqaKnown(seen: string, identities: Buffer, count: number): Promise<number[]>;
  hyperiqaClaim(
    ...args: [seen: string, chunks: string, outbox: string, counts: string, Buffer, number, string, string, string]
  ): Promise<number[]>;
  hyperiqaRelease(
    ...args: [seen: string, chunks: string, outbox: string, counts: string, Buffer, number, string]
  ): Promise<number>;
  hyperiqaFinish(
    ...args: [chunks: string, counts: string, spans: string, string, ...(string | number)[]]
  ): Promise<number>;
}

/** Numbers of a queue. */
export interface Counts {
  readonly chunks: number;
  readonly images: number;
  readonly doneChunks: number;
  readonly doneImages: number;
  readonly failedImages: number;
  /** Images without a score by code. */
  readonly failures: Readonly<Record<string, number>>;
  /** Seconds since 1970, by the clock of Redis; undefined before the first chunk was done. */
  readonly firstDone: number | undefined;
  readonly lastDone: number | undefined;
}

/** Outcome of the images of a chunk. */
export interface ChunkSummary {
  readonly images: number;
  readonly failed: number;
  readonly codes: Readonly<Record<string, number>>;
}

/** Spans of which the rate is the mean. */
const RATE_SPANS = 30;

export class Ledger {
  readonly #redis: Redis & Scripts;
  readonly #keys;

  private constructor(client: Redis, queue: string) {
    client.defineCommand('hyperiqaKnown', { numberOfKeys: 1, lua: KNOWN, readOnly: true });
    client.defineCommand('hyperiqaClaim', { numberOfKeys: 4, lua: CLAIM });
    client.defineCommand('hyperiqaRelease', { numberOfKeys: 4, lua: RELEASE });
    client.defineCommand('hyperiqaFinish', { numberOfKeys: 3, lua: FINISH });
    this.#redis = client as Redis & Scripts;
    const key = (name: string) => `${PREFIX}:${queue}:ledger:${name}`;
    this.#keys = {
      settings: key('settings'),
      seen: key('seen:'),
      chunks: key('chunks'),
      outbox: key('outbox'),
      counts: key('counts'),
      spans: key('span:'),
      enqueuers: key('enqueuers'),
    };
  }

  /** @throws HyperIQAError ERR_QUEUE_CONNECTION */
  static async open(options: CheckedQueue, onTrouble?: (message: string) => void): Promise<Ledger> {
    return new Ledger(await connect(options, onTrouble), options.queue);
  }

  close(): void {
    this.#redis.disconnect();
  }

  /** Settings of the queue; undefined where nothing was enqueued yet. */
  async settings(): Promise<QueueSettings | undefined> {
    const text = await this.#redis.get(this.#keys.settings);
    return text === null ? undefined : (JSON.parse(text) as QueueSettings);
  }

  /**
   * Gives the queue its settings, or compares them with those it has.
   *
   * @throws HyperIQAError ERR_QUEUE_SETTINGS
   */
  async settle(queue: string, settings: QueueSettings): Promise<void> {
    await this.#redis.set(this.#keys.settings, JSON.stringify(settings), 'NX');
    await this.compare(queue, settings);
  }

  /**
   * Compares settings with those of the queue, if it has any.
   *
   * @throws HyperIQAError ERR_QUEUE_SETTINGS
   */
  async compare(queue: string, settings: QueueSettings): Promise<void> {
    const there = await this.settings();
    if (there === undefined || canonical(there) === canonical(settings)) return;
    throw new HyperIQAError(
      'ERR_QUEUE_SETTINGS',
      `The queue ${queue} was begun otherwise: ${differences(there, settings)}. Use the same options, or another queue.`,
    );
  }

  /** For each identity whether it was enqueued before. */
  async known(identities: readonly Buffer[]): Promise<boolean[]> {
    const known = await this.#redis.hyperiqaKnown(this.#keys.seen, Buffer.concat(identities), identities.length);
    return marked(identities.length, known);
  }

  /**
   * Takes images for a chunk and puts its data into the outbox, or does nothing where one of them was enqueued before.
   * To repeat it changes nothing.
   *
   * @param claimant - Tells the one who asks from others.
   * @returns for each image whether it was
   */
  async claim(chunk: string, identities: readonly Buffer[], data: string, claimant: string): Promise<boolean[]> {
    const { seen, chunks, outbox, counts } = this.#keys;
    const blob = Buffer.concat(identities);
    const { length } = identities;
    const taken = await this.#redis.hyperiqaClaim(seen, chunks, outbox, counts, blob, length, chunk, data, claimant);
    return marked(identities.length, taken);
  }

  /** Chunks that were claimed and may not have become jobs. */
  async outbox(): Promise<[chunk: string, data: string][]> {
    return Object.entries(await this.#redis.hgetall(this.#keys.outbox));
  }

  /** Puts a chunk into the outbox again, before its job is removed. */
  async toOutbox(chunk: string, data: string): Promise<void> {
    await this.#redis.hset(this.#keys.outbox, chunk, data);
  }

  /** The chunk has become a job. */
  async delivered(chunk: string): Promise<void> {
    await this.#redis.hdel(this.#keys.outbox, chunk);
  }

  /** Gives up the images of a chunk, so that they can be enqueued again. @returns false where it is done or unknown */
  async release(chunk: string, identities: readonly Buffer[]): Promise<boolean> {
    const { seen, chunks, outbox, counts } = this.#keys;
    const blob = Buffer.concat(identities);
    return (await this.#redis.hyperiqaRelease(seen, chunks, outbox, counts, blob, identities.length, chunk)) === 1;
  }

  /** Tells whether a chunk is noted as done. */
  async isDone(chunk: string): Promise<boolean> {
    return (await this.#redis.hget(this.#keys.chunks, chunk)) === '1';
  }

  /** Notes a chunk as done; to repeat it changes nothing. */
  async finish(chunk: string, { images, failed, codes }: ChunkSummary): Promise<void> {
    const { chunks, counts, spans } = this.#keys;
    await this.#redis.hyperiqaFinish(chunks, counts, spans, chunk, images, failed, ...Object.entries(codes).flat());
  }

  async counts(): Promise<Counts> {
    const fields = new Map(Object.entries(await this.#redis.hgetall(this.#keys.counts)));
    const number = (name: string) => Number(fields.get(name) ?? 0);
    const time = (name: string) => (fields.has(name) ? number(name) : undefined);
    return {
      chunks: number('chunks'),
      images: number('images'),
      doneChunks: number('doneChunks'),
      doneImages: number('doneImages'),
      failedImages: number('failedImages'),
      failures: Object.fromEntries(
        [...fields].flatMap(([name, value]) => (name.startsWith('code:') ? [[name.slice(5), Number(value)]] : [])),
      ),
      firstDone: time('firstDone'),
      lastDone: time('lastDone'),
    };
  }

  /** Images that were done in the last minutes, and the seconds in which they were. */
  async recent(firstDone: number): Promise<{ images: number; seconds: number }> {
    const now = await this.now();
    const last = Math.floor(now / SPAN);
    const names = Array.from({ length: RATE_SPANS }, (_, i) => `${this.#keys.spans}${last - i}`);
    const values = await this.#redis.mget(names);
    const images = values.reduce((sum, value) => sum + Number(value ?? 0), 0);
    const since = Math.max((last - RATE_SPANS + 1) * SPAN, Math.floor(firstDone / SPAN) * SPAN);
    return { images, seconds: Math.max(1, now - since) };
  }

  /** An `enqueue` is under way, and says so at least as often as this. */
  async sign(enqueuer: string, seconds: number): Promise<void> {
    await this.#redis.zadd(this.#keys.enqueuers, (await this.now()) + seconds, enqueuer);
  }

  /** It has ended. */
  async signOff(enqueuer: string): Promise<void> {
    await this.#redis.zrem(this.#keys.enqueuers, enqueuer);
  }

  /** Number of `enqueue` calls that are under way. */
  async enqueuers(): Promise<number> {
    await this.#redis.zremrangebyscore(this.#keys.enqueuers, '-inf', await this.now());
    return this.#redis.zcard(this.#keys.enqueuers);
  }

  /** Identity of the server's process: another one after a restart, which may have forgotten the last second. */
  async server(): Promise<string> {
    return /^run_id:(\w+)/m.exec(await this.#redis.info('server'))?.[1] ?? '';
  }

  /** Seconds since 1970 by the clock of Redis. */
  private async now(): Promise<number> {
    return Number((await this.#redis.time())[0]);
  }
}

/** @param numbers - Counted from 1, as Lua does. */
function marked(count: number, numbers: readonly number[]): boolean[] {
  const marks = Array<boolean>(count).fill(false);
  for (const number of numbers) marks[number - 1] = true;
  return marks;
}
