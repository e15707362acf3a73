/** Queue workers that are killed, with their Redis, while they score. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

import { status } from '../../../packages/queue/src/index.js';
import { about, fixtures, quick, records, root, score, start, type Running, type TestRecord } from '../../cli/cli.js';
import { hasRedis, RedisServer } from '../../helpers/redis.js';
import { sleep, type Context, type Scenario } from '../scenario.js';

const kinds = ['exact-224x336.jpg', 'tiny-100x80.jpg', 'jpeg-grey.jpg', 'exact-224.png', 'broken/text.jpg'];
const scoring = ['--protocol', 'official', '--crops', '2'];

export const scenario: Scenario = {
  about:
    'two workers, an enqueue and Redis killed at random moments: every image has exactly one result, as undisturbed',
  async round(context) {
    if (!hasRedis()) return 'skipped: no redis-server';
    const { folder, scale } = context;
    // In the tests a few, in long runs thousands.
    const number = scale === 1 ? 60 : 500 * scale;
    const images = makeImages(context, number);
    const redis = await RedisServer.start();
    try {
      const expected = await undisturbed(images, join(folder, 'undisturbed.jsonl'));
      const battle = new Battle(context, redis, images, join(folder, 'results'), number);
      const seen = await battle.fight(scale === 1 ? 5 : 5 * scale);
      const found = shards(join(folder, 'results'));
      expect(found.map(({ file }) => file)).toEqual(expected.map(({ file }) => file));
      expect(found).toEqual(about(expected));
      return `${number} images; killed: ${seen}`;
    } finally {
      await redis.remove();
    }
  },
};

function makeImages({ random, folder }: Context, number: number): string {
  const images = join(folder, 'images');
  mkdirSync(images);
  for (let i = 0; i < number; i++) {
    // A bad one among them now and then.
    const kind = random.chance(0.03) ? 'broken/text.jpg' : random.pick(kinds.slice(0, 4));
    copyFileSync(join(root, fixtures, kind), join(images, `${String(i).padStart(5, '0')} ü.jpg`));
  }
  return images;
}

async function undisturbed(images: string, output: string): Promise<TestRecord[]> {
  const { code, stderr } = await score([images, ...scoring, '-o', output]);
  expect([0, 1], stderr).toContain(code);
  return sorted(records(readFileSync(output, 'utf8')));
}

/** The records of all shards. What a killed worker left behind is no shard. */
const shards = (results: string): TestRecord[] =>
  sorted(
    readdirSync(results)
      .filter((name) => name.endsWith('.jsonl'))
      .flatMap((name) => records(readFileSync(join(results, name), 'utf8'))),
  );

const sorted = (all: TestRecord[]) => all.sort((a, b) => (a.file < b.file ? -1 : 1));

class Battle {
  readonly #workers: Running[] = [];
  #enqueue: Running | undefined;

  constructor(
    private readonly context: Context,
    private readonly redis: RedisServer,
    private readonly images: string,
    private readonly results: string,
    private readonly number: number,
  ) {}

  /** @returns what was killed, in words */
  async fight(kills: number): Promise<string> {
    const { random } = this.context;
    const fallen: Record<string, number> = {};
    try {
      this.#startEnqueue();
      for (let i = 0; i < 2; i++) this.#workers[i] = this.#worker();
      for (let i = 0; i < kills; i++) {
        await sleep(random.int(100, 2500));
        const victim = random.pick(['worker', 'worker', 'redis', 'enqueue'] as const);
        fallen[victim] = (fallen[victim] ?? 0) + 1;
        if (victim === 'worker') await this.#killWorker(random.int(0, 1));
        else if (victim === 'redis') await this.#killRedis();
        else await this.#killEnqueue();
      }
      await this.#end();
    } finally {
      for (const running of [...this.#workers, this.#enqueue]) running?.child.kill('SIGKILL');
    }
    return Object.entries(fallen)
      .map(([name, times]) => `${name} ${times}`)
      .join(', ');
  }

  #worker(): Running {
    // Chunks are taken over soon, however often.
    const haste = ['--take-over', '1', '--max-take-overs', '1000', '--quiet'];
    return start(['worker', '--redis', this.redis.url, '--threads', '1', ...haste, ...quick()]);
  }

  #startEnqueue(): void {
    const size = String(Math.ceil(this.number / 20));
    const options = ['--chunk-size', size, '--max-waiting', '6', '--model', quick()[1]!, ...scoring];
    this.#enqueue = start(['enqueue', this.images, '-o', this.results, '--redis', this.redis.url, ...options]);
  }

  async #killWorker(which: number): Promise<void> {
    const worker = this.#workers[which]!;
    worker.child.kill('SIGKILL');
    await worker.ended;
    this.#workers[which] = this.#worker();
  }

  async #killRedis(): Promise<void> {
    await this.redis.kill();
    await sleep(this.context.random.int(0, 1000));
    await this.redis.start();
  }

  async #killEnqueue(): Promise<void> {
    this.#enqueue!.child.kill('SIGKILL');
    await this.#enqueue!.ended;
    this.#startEnqueue();
  }

  /** Lets everything come to its end, and starts anew what could not start, as whatever runs services does. */
  async #end(): Promise<void> {
    for (let enqueued = false; ;) {
      for (const [i, worker] of this.#workers.entries()) {
        if (worker.child.exitCode === null) continue;
        await expectAway(worker);
        this.#workers[i] = this.#worker();
      }
      const enqueue = this.#enqueue!;
      if (!enqueued && enqueue.child.exitCode !== null) {
        enqueued = enqueue.child.exitCode === 0;
        if (!enqueued) {
          await expectAway(enqueue);
          this.#startEnqueue();
        }
      }
      if (enqueued) {
        const { images, chunks } = await status({ redis: this.redis.url });
        expect(chunks.dead).toBe(0);
        if (images.done === this.number && images.total === this.number) break;
      }
      await sleep(200);
    }
    for (const { child, ended } of this.#workers) {
      child.kill('SIGTERM');
      const { code, signal, stderr } = await ended;
      // Before its handlers are there, the signal does what it does by default.
      expect([0, 'SIGTERM'], stderr).toContain(signal ?? code);
    }
  }
}

/** A process that has ended because Redis was away when it started. */
async function expectAway({ ended }: Running): Promise<void> {
  const { code, stderr } = await ended;
  expect([code, stderr]).toEqual([2, expect.stringContaining('ERR_QUEUE_CONNECTION')]);
}
