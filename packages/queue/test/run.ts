/** Queues of the tests: names of their own on one server, images in scratch folders, and their results. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HyperIQA } from 'hyperiqa';
import { onTestFinished } from 'vitest';
import { fixtures, records, root, scratch, type TestRecord } from '../../../test/cli/cli.js';
import { testModel } from '../../../test/helpers/models.js';
import type { RedisServer } from '../../../test/helpers/redis.js';
import { enqueue, Worker, type EnqueueOptions, type EnqueueSummary, type WorkerOptions } from '../src/index.js';

export const model = testModel('lite0');
export const loadModel = (): Promise<HyperIQA> =>
  HyperIQA.load(model, { device: 'cpu', graphMode: 'freeze', threads: 1 });

/** Small, so that a queue is soon done. */
export const scoring = { protocol: 'official', crops: 1 } as const;

/** A folder with small photographs `00.jpg`, `01.jpg`, … */
export function photos(number: number): string {
  const folder = scratch();
  for (let i = 0; i < number; i++) addPhoto(folder, `${String(i).padStart(2, '0')}.jpg`, i);
  return folder;
}

export function addPhoto(folder: string, name: string, kind = 0): void {
  const kinds = ['exact-224x336.jpg', 'tiny-100x80.jpg', 'jpeg-grey.jpg'];
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(root, fixtures, kinds[kind % kinds.length]!), join(folder, name));
}

export const imagesIn = (folder: string): string[] =>
  readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));

/** A queue of its own, with a folder for its results. */
export class TestQueue {
  static #number = 0;
  readonly at: { redis: string; queue: string };
  readonly results = join(scratch(), 'results');

  constructor(redis: RedisServer, url = redis.url) {
    this.at = { redis: url, queue: `test-${TestQueue.#number++}` };
  }

  enqueue(images: Parameters<typeof enqueue>[0], options: Partial<EnqueueOptions> = {}): Promise<EnqueueSummary> {
    return enqueue(images, { ...this.at, results: this.results, model, ...scoring, chunkSize: 4, ...options });
  }

  /** Works until nothing is left. */
  async work(iqa: HyperIQA, options: WorkerOptions = {}): Promise<void> {
    const worker = await this.worker(iqa, { untilDone: true, ...options });
    await worker.ended;
  }

  async worker(iqa: HyperIQA, options: WorkerOptions = {}): Promise<Worker> {
    const worker = await Worker.start({ ...this.at, model: iqa, ...options });
    onTestFinished(async () => {
      await worker.stop({ grace: 0 });
    });
    return worker;
  }

  shards(): string[] {
    return readdirSync(this.results)
      .filter((name) => /^c.*\.(jsonl|parquet)$/.test(name))
      .sort();
  }

  /** Records of all shards by the names of their images. */
  records(): TestRecord[] {
    return this.shards()
      .flatMap((name) => records(readFileSync(join(this.results, name), 'utf8')))
      .sort((a, b) => (a.file < b.file ? -1 : 1));
  }
}

/** Resolves when the condition holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}
