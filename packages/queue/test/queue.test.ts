/** Images through a queue, on a real Redis with the small test model. */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { mergeResults, readResults } from '@hyperiqa/results';
import type { HyperIQA } from 'hyperiqa';
import { about, records, scratch } from '../../../test/cli/cli.js';
import { freePort, hasRedis, RedisServer, Wire } from '../../../test/helpers/redis.js';
import { drain, pause, resume, retry, status, Worker, type WorkerEvent } from '../src/index.js';
import { Ledger } from '../src/ledger/ledger.js';
import { identityOf } from '../src/ledger/identity.js';
import { addPhoto, imagesIn, loadModel, photos, scoring, TestQueue, until } from './run.js';

describe.skipIf(!hasRedis())('a queue', () => {
  let redis: RedisServer;
  let iqa: HyperIQA;
  beforeAll(async () => {
    [redis, iqa] = await Promise.all([RedisServer.start(), loadModel()]);
  });
  afterAll(async () => {
    await iqa.dispose();
    await redis.remove();
  });

  test('every image has one record, as scoreAll gives it', async () => {
    const queue = new TestQueue(redis);
    const images = imagesIn(photos(10));
    writeFileSync(images[3]!, 'no image');
    const missing = join(images[0]!, '../missing.jpg');
    const seen: number[] = [];
    const summary = await queue.enqueue([...images, missing], {
      onProgress: ({ added }) => seen.push(added),
    });
    expect(summary).toEqual({ named: 11, added: 11, known: 0, chunks: 3, restarted: false });
    expect(seen).toEqual([4, 8, 11]);
    expect(await status(queue.at)).toMatchObject({ complete: false, rate: null, images: { total: 11, done: 0 } });
    const events: WorkerEvent[] = [];
    await queue.work(iqa, { onEvent: (event) => events.push(event) });
    expect(events.map(({ type }) => type)).toEqual(['chunk', 'chunk', 'chunk']);

    const expected = [];
    for await (const { input, result, error } of iqa.scoreAll([...images, missing], scoring)) {
      const failed = { file: input, error: expect.objectContaining({ code: error?.code }) as object };
      const scored = { file: input, ...(about({ score: result?.score, crops: result?.crops }) as object) };
      expected.push(expect.objectContaining(error ? failed : scored));
    }
    expect(queue.records()).toEqual(expected);
    expect(queue.shards()).toHaveLength(3);
    expect(await status(queue.at)).toMatchObject({
      complete: true,
      paused: false,
      enqueuing: 0,
      chunks: { total: 3, done: 3, waiting: 0, active: 0, delayed: 0, dead: 0 },
      images: { total: 11, done: 11, scored: 9, failed: 2 },
      failures: { ERR_IMAGE_FORMAT: 1, ERR_IMAGE_NOT_FOUND: 1 },
      rate: expect.any(Number) as number,
      secondsLeft: 0,
      deadLetters: [],
    });
  });

  test('relative names start from the root of the worker; provenance and seed', async () => {
    const folder = photos(2);
    const queue = new TestQueue(redis);
    await queue.enqueue(['00.jpg', './01.jpg'], { provenance: true, seed: 2n ** 64n - 1n, crops: 2 });
    await queue.work(iqa, { root: folder });
    for (const record of queue.records()) {
      expect(record.provenance).toMatchObject({ seed: '18446744073709551615', protocol: { name: 'official' } });
    }
    expect(queue.records().map(({ file }) => file)).toEqual(['./01.jpg', '00.jpg']);
  });

  test('shards in Parquet, joined by merge; found again', async () => {
    const queue = new TestQueue(redis);
    const images = [...imagesIn(photos(5)), 'missing.jpg'];
    await queue.enqueue(images, { format: 'parquet' });
    await queue.work(iqa);
    expect(queue.shards().every((name) => name.endsWith('.parquet'))).toBe(true);
    const output = join(scratch(), 'all.parquet');
    const list = join(scratch(), 'list.txt');
    writeFileSync(list, images.join('\n'));
    expect(await mergeResults({ inputs: [queue.results], output, expect: list })).toMatchObject({
      images: 6,
      failed: 1,
    });
    const rows = [];
    for await (const { file, row } of readResults(output)) rows.push([file, row.score, row.errorCode]);
    expect(rows).toEqual(
      [...images]
        .sort()
        .map((file) =>
          file === 'missing.jpg'
            ? [file, undefined, 'ERR_IMAGE_NOT_FOUND']
            : [file, expect.any(Number) as number, undefined],
        ),
    );
    // Another queue of the same settings finds them, and counts what is in them.
    const again = new TestQueue(redis);
    await again.enqueue(images, { format: 'parquet', results: queue.results });
    await again.work(iqa);
    expect(await status(again.at)).toMatchObject({ complete: true, failures: { ERR_IMAGE_NOT_FOUND: 1 } });
  });

  test('shards in JSON lines are joined by merge', async () => {
    const queue = new TestQueue(redis);
    const images = imagesIn(photos(5));
    await queue.enqueue(images);
    await queue.work(iqa);
    const output = join(scratch(), 'all.jsonl');
    await mergeResults({ inputs: [queue.results], output });
    expect(records(readFileSync(output, 'utf8'))).toEqual(queue.records());
  });

  describe('each image once', () => {
    test('a repeated call adds what is new', async () => {
      const queue = new TestQueue(redis);
      const folder = photos(6);
      const images = imagesIn(folder);
      await queue.enqueue([...images, images[0]!]);
      expect(await queue.enqueue(images)).toMatchObject({ added: 0, known: 6, chunks: 0 });
      addPhoto(folder, 'new.jpg');
      expect(await queue.enqueue(imagesIn(folder))).toMatchObject({ added: 1, known: 6, chunks: 1 });
      await queue.work(iqa);
      expect(await queue.enqueue(imagesIn(folder))).toMatchObject({ added: 0, known: 7 });
      expect(queue.records().map(({ file }) => file)).toEqual(imagesIn(folder));
    });

    test('several calls at the same time', async () => {
      const queue = new TestQueue(redis);
      const images = imagesIn(photos(30));
      const orders = [images, images.toReversed(), [...images.slice(7), ...images.slice(0, 7)]];
      const summaries = await Promise.all(orders.map((order) => queue.enqueue(order)));
      expect(summaries.reduce((sum, { added }) => sum + added, 0)).toBe(30);
      await queue.work(iqa);
      expect(queue.records().map(({ file }) => file)).toEqual(images);
    });

    test('a call that was interrupted is repeated', async () => {
      const queue = new TestQueue(redis);
      const images = imagesIn(photos(12));
      const stop = new AbortController();
      const interrupted = queue.enqueue(images, {
        signal: stop.signal,
        onProgress: () => {
          stop.abort();
        },
      });
      await expect(interrupted).rejects.toMatchObject({ code: 'ERR_ABORTED', name: 'AbortError' });
      expect((await status(queue.at)).images.total).toBeLessThan(12);
      await queue.enqueue(images);
      await queue.work(iqa);
      expect(queue.records().map(({ file }) => file)).toEqual(images);
    });

    test('a chunk that an earlier call took and did not hand over', async () => {
      const queue = new TestQueue(redis);
      const images = imagesIn(photos(3));
      await queue.enqueue([]);
      const ledger = await Ledger.open(queue.at);
      const data = JSON.stringify({ images: images.slice(0, 2), attempts: 1 });
      await ledger.claim('c1', images.slice(0, 2).map(identityOf), data, 'one');
      // To say it again changes nothing.
      expect(await ledger.claim('c1', images.slice(0, 2).map(identityOf), data, 'one')).toEqual([false, false]);
      expect(await ledger.claim('c1', images.slice(0, 2).map(identityOf), data, 'two')).toEqual([true, true]);
      ledger.close();
      expect(await queue.enqueue(images)).toMatchObject({ added: 1, known: 2 });
      await queue.work(iqa);
      expect(queue.records().map(({ file }) => file)).toEqual(images);
      expect((await status(queue.at)).complete).toBe(true);
    });

    test('identity by content: a moved image is the same, a changed one another', async () => {
      const queue = new TestQueue(redis);
      const folder = photos(2);
      const one = join(folder, '00.jpg');
      const content = { identity: 'content' } as const;
      await queue.enqueue(imagesIn(folder), content);
      renameSync(one, join(folder, 'moved.jpg'));
      expect(await queue.enqueue(imagesIn(folder), content)).toMatchObject({ added: 0, known: 2 });
      addPhoto(folder, '00.jpg', 2);
      expect(await queue.enqueue([one, join(folder, 'none.jpg')], content)).toMatchObject({ added: 2 });
      // A version says it without a look at the file.
      const named = { name: join(folder, 'none-either.jpg'), version: 'v1' };
      expect(await queue.enqueue([named, { ...named, name: 'b' }], content)).toMatchObject({ added: 1, known: 1 });
    });

    test('a shard that is there is not made again, whatever Redis has forgotten', async () => {
      const own = await RedisServer.start();
      onTestFinished(() => own.remove());
      const queue = new TestQueue(own);
      const images = [...imagesIn(photos(5)), 'missing.jpg'];
      await queue.enqueue(images);
      await queue.work(iqa);
      const times = () => queue.shards().map((name) => statSync(join(queue.results, name)).mtimeMs);
      const before = times();
      const client = new Redis(own.url);
      await client.flushall();
      client.disconnect();
      expect(await queue.enqueue(images)).toMatchObject({ added: 6 });
      await queue.work(iqa);
      expect(times()).toEqual(before);
      expect(await status(queue.at)).toMatchObject({
        complete: true,
        images: { done: 6, failed: 1 },
        failures: { ERR_IMAGE_NOT_FOUND: 1 },
      });
      // A file of that name that is no shard.
      const again = new TestQueue(own);
      await again.enqueue(images.slice(0, 4), { attempts: 1 });
      const client2 = new Redis(own.url);
      onTestFinished(() => {
        client2.disconnect();
      });
      const [chunk] = await client2.hkeys(`hyperiqa:${again.at.queue}:ledger:chunks`);
      writeFileSync(join(again.results, `${chunk}.jsonl`), 'no shard');
      await again.work(iqa);
      expect((await status(again.at)).deadLetters[0]?.reason).toMatch(
        /^ERR_STORAGE: c\w+\.jsonl is there and is no shard/,
      );
    });
  });

  test('enqueue waits while many chunks wait', async () => {
    const queue = new TestQueue(redis);
    let added = 0;
    const waiting: number[] = [];
    const looking: Promise<unknown>[] = [];
    const call = queue.enqueue(imagesIn(photos(12)), {
      chunkSize: 1,
      maxWaiting: 2,
      onProgress: (progress) => ({ added } = progress),
    });
    await until(() => added === 2);
    // It looks again and again while nothing is taken.
    const commands = async () => {
      const client = new Redis(redis.url);
      const text = await client.info('commandstats');
      client.disconnect();
      return Number(/cmdstat_llen:calls=(\d+)/.exec(text)?.[1] ?? 0);
    };
    const looks = await commands();
    await until(async () => (await commands()) >= looks + 3);
    expect(added).toBe(2);
    const worker = await queue.worker(iqa, {
      chunks: 1,
      onEvent: () => {
        looking.push(status(queue.at).then(({ chunks }) => waiting.push(chunks.waiting)));
      },
    });
    await call;
    await until(async () => (await status(queue.at)).complete);
    await worker.stop();
    await Promise.all(looking);
    expect(Math.max(...waiting)).toBeLessThanOrEqual(2);
    expect(queue.records()).toHaveLength(12);
  });

  describe('operators', () => {
    test('pause, resume', async () => {
      const queue = new TestQueue(redis);
      await queue.enqueue(imagesIn(photos(4)));
      await pause(queue.at);
      const worker = await queue.worker(iqa);
      await until(async () => (await status(queue.at)).workers === 1);
      expect(await status(queue.at)).toMatchObject({
        paused: true,
        complete: false,
        chunks: { waiting: 1, active: 0 },
      });
      await resume(queue.at);
      await until(async () => (await status(queue.at)).complete);
      await worker.stop();
      expect((await status(queue.at)).paused).toBe(false);
    });

    test('drain: what waits can be enqueued again', async () => {
      const queue = new TestQueue(redis);
      const images = imagesIn(photos(9));
      await queue.enqueue(images, { identity: 'content' });
      // Three photographs in turn: the same three by content.
      expect((await status(queue.at)).images.total).toBe(3);
      expect(await drain(queue.at)).toEqual({ chunks: 1, images: 3 });
      expect(await status(queue.at)).toMatchObject({
        complete: true,
        images: { total: 0 },
        chunks: { total: 0, waiting: 0 },
      });
      expect(await queue.enqueue(images, { identity: 'content' })).toMatchObject({ added: 3 });
      await queue.work(iqa);
      expect(queue.records()).toHaveLength(3);
      expect(await drain(queue.at)).toEqual({ chunks: 0, images: 0 });
    });

    test('dead letters with reasons, put back and taken out', async () => {
      const queue = new TestQueue(redis);
      const folder = photos(8);
      const images = imagesIn(folder);
      await queue.enqueue(images, { attempts: 2 });
      renameSync(folder, `${folder}-elsewhere`);
      const events: WorkerEvent[] = [];
      await queue.work(iqa, { onEvent: (event) => events.push(event) });
      expect(events.map((event) => event.type === 'failed' && event.dead).sort()).toEqual([false, false, true, true]);
      const { chunks, deadLetters, complete } = await status(queue.at);
      expect([complete, chunks.dead, chunks.done]).toEqual([false, 2, 0]);
      expect(deadLetters).toHaveLength(2);
      expect(deadLetters[0]).toMatchObject({
        images: expect.arrayContaining([expect.stringContaining('.jpg')]) as string[],
        reason: expect.stringMatching(/^ERR_IMAGE_READ: Not one of the 4 images can be read; the first: /) as string,
        attempts: 2,
      });
      expect((await status({ ...queue.at, deadLetters: 1 })).deadLetters).toHaveLength(1);
      renameSync(`${folder}-elsewhere`, folder);
      expect(await retry(queue.at)).toEqual({ chunks: 2, images: 8 });
      await queue.work(iqa);
      expect(queue.records().map(({ file }) => file)).toEqual(images);
      expect(await status(queue.at)).toMatchObject({ complete: true, chunks: { dead: 0, done: 2 } });
    });

    test('a place for results that is gone for a while', async () => {
      const queue = new TestQueue(redis);
      await queue.enqueue(imagesIn(photos(4)), { attempts: 1 });
      rmSync(queue.results, { recursive: true });
      writeFileSync(queue.results, 'in its place');
      await queue.work(iqa);
      expect((await status(queue.at)).deadLetters[0]?.reason).toMatch(/^ERR_STORAGE: /);
      rmSync(queue.results);
      mkdirSync(queue.results);
      await retry(queue.at);
      await queue.work(iqa);
      expect(queue.records()).toHaveLength(4);
    });

    test('drain gives up dead letters, too', async () => {
      const queue = new TestQueue(redis);
      await queue.enqueue(['a.jpg', 'b.jpg'], { attempts: 1 });
      await queue.work(iqa);
      expect((await status(queue.at)).chunks.dead).toBe(1);
      expect(await drain(queue.at)).toEqual({ chunks: 1, images: 2 });
      expect(await status(queue.at)).toMatchObject({ complete: true, chunks: { dead: 0, total: 0 } });
    });
  });

  describe('refused', () => {
    test('a queue that was begun otherwise, and a place with other results', async () => {
      const queue = new TestQueue(redis);
      await queue.enqueue([]);
      await expect(queue.enqueue([], { seed: 1 })).rejects.toMatchObject({
        code: 'ERR_QUEUE_SETTINGS',
        message: expect.stringContaining('seed "0" (here "1")') as string,
      });
      const other = new TestQueue(redis);
      await expect(other.enqueue([], { results: queue.results, crops: 2 })).rejects.toMatchObject({
        code: 'ERR_QUEUE_SETTINGS',
      });
      // The same settings may share a place.
      const same = new TestQueue(redis);
      await same.enqueue([], { results: queue.results });
    });

    test('a worker with another model', async () => {
      const queue = new TestQueue(redis);
      await queue.enqueue([], { model: 'default' });
      await expect(queue.worker(iqa)).rejects.toMatchObject({ code: 'ERR_QUEUE_SETTINGS' });
    });

    test('no server, and one with a password, which no message repeats', async () => {
      const at = { redis: `redis://somebody:s3cret@127.0.0.1:${await freePort()}` };
      for (const call of [() => status(at), () => Worker.start({ ...at, model: iqa })]) {
        const error: unknown = await call().catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: 'ERR_QUEUE_CONNECTION' });
        expect(String(error)).not.toContain('s3cret');
      }
      await expect(status({ redis: redis.url.replace('127', 's3cret:x@127') })).rejects.toMatchObject({
        code: 'ERR_QUEUE_CONNECTION',
      });
    });

    test('a queue that is not there', async () => {
      await expect(status({ redis: redis.url, queue: 'none' })).rejects.toMatchObject({ code: 'ERR_QUEUE_NOT_FOUND' });
    });

    test('a place that cannot be written', async () => {
      const file = join(scratch(), 'file');
      writeFileSync(file, '');
      const queue = new TestQueue(redis);
      await expect(queue.enqueue([], { results: join(file, 'results') })).rejects.toMatchObject({
        code: 'ERR_STORAGE',
      });
    });

    test.each([
      [{ queue: 'a b' }],
      [{ redis: 'http://127.0.0.1' }],
      [{ results: '' }],
      [{ results: 's3:bucket' }],
      [{ chunkSize: 0 }],
      [{ maxWaiting: 0.5 }],
      [{ attempts: 0 }],
      [{ seed: -1 }],
      [{ identity: 'size' }],
      [{ maxCrops: 4 }],
      [{ chunksize: 4 }],
    ])('options of enqueue: %j', async (wrong) => {
      const call = new TestQueue(redis).enqueue([], wrong as object);
      await expect(call).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    });

    test.each([[{ chunks: 0 }], [{ takeOverAfter: 10 }], [{ load: {} }], [{ maxTakeOvers: -1 }], [{ root: 5 }]])(
      'options of a worker: %j',
      async (wrong) => {
        const call = Worker.start({ redis: redis.url, model: iqa, ...(wrong as object) });
        await expect(call).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
      },
    );

    test('images without a name, and options of status', async () => {
      const queue = new TestQueue(redis);
      await expect(queue.enqueue([''])).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
      await expect(status({ ...queue.at, deadLetters: -1 })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    });
  });

  describe('workers', () => {
    test('one that waits for a queue can be told to give up', async () => {
      const stop = new AbortController();
      const start = Worker.start({ redis: redis.url, queue: 'not-yet', model: iqa, signal: stop.signal });
      stop.abort();
      await expect(start).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    });

    test('stop: a chunk that is not done in time goes back, and counts as no attempt', async () => {
      const queue = new TestQueue(redis);
      const images = imagesIn(photos(1));
      await queue.enqueue(images, { attempts: 1, crops: 200 });
      const worker = await queue.worker(iqa);
      await until(async () => (await status(queue.at)).chunks.active === 1);
      expect(await worker.stop({ grace: 0 })).toBe(true);
      await worker.ended;
      expect(await status(queue.at)).toMatchObject({
        workers: 0,
        chunks: { waiting: 1, active: 0, delayed: 0, dead: 0, done: 0 },
      });
      await queue.work(iqa);
      expect(queue.records().map(({ file }) => file)).toEqual(images);
    });

    test('stop: a chunk that is done in time', async () => {
      const queue = new TestQueue(redis);
      await queue.enqueue(imagesIn(photos(4)));
      const worker = await queue.worker(iqa);
      await until(async () => (await status(queue.at)).chunks.active === 1 || (await status(queue.at)).complete);
      expect(await worker.stop()).toBe(true);
      expect(await status(queue.at)).toMatchObject({ complete: true });
    });

    test('a network that is cut', async () => {
      const wire = await Wire.to(redis.port);
      onTestFinished(() => {
        wire.close();
      });
      const queue = new TestQueue(redis, `redis://127.0.0.1:${wire.port}`);
      const images = imagesIn(photos(24));
      let added = 0;
      const call = queue.enqueue(images, {
        maxWaiting: 2,
        onProgress: (progress) => {
          ({ added } = progress);
          if (added === 8 || added === 16) {
            wire.cut();
            setTimeout(() => {
              wire.mend();
            }, 300);
          }
        },
      });
      const trouble = vi.fn();
      const onEvent = ({ type }: WorkerEvent) => {
        if (type === 'trouble') trouble();
      };
      const worker = await queue.worker(iqa, { onEvent, takeOverAfter: 1000 });
      expect(await call).toMatchObject({ added: 24, restarted: false });
      const direct = { ...queue.at, redis: redis.url };
      await until(async () => (await status(direct)).complete);
      expect(trouble).toHaveBeenCalled();
      await worker.stop();
      expect(queue.records().map(({ file }) => file)).toEqual(images);
      expect((await status(direct)).images.done).toBe(24);
    });

    test('a restart of Redis during enqueue is told', async () => {
      const own = await RedisServer.start();
      onTestFinished(() => own.remove());
      const queue = new TestQueue(own);
      const images = imagesIn(photos(8));
      const restarting = async function* () {
        yield* images.slice(0, 4);
        await own.kill();
        await own.start();
        yield* images.slice(4);
      };
      expect(await queue.enqueue(restarting())).toMatchObject({ restarted: true, named: 8 });
      expect(await queue.enqueue(images)).toMatchObject({ restarted: false, added: 0 });
      await queue.work(iqa);
      expect(queue.records().map(({ file }) => file)).toEqual(images);
    });
  });
});
