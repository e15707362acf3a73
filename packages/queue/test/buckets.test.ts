/** Images from a bucket and results in one, with an S3-compatible server. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { HyperIQA } from 'hyperiqa';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fixtures, records, root } from '../../../test/cli/cli.js';
import { hasRedis, RedisServer, Wire } from '../../../test/helpers/redis.js';
import { bucketImages, status, type WorkerEvent } from '../src/index.js';
import { S3Server } from './s3.js';
import { loadModel, TestQueue, until } from './run.js';

const photo = (name: string) => readFileSync(join(root, fixtures, name));
const names = ['a/ü 1.jpg', 'a/b?#%.jpg', 'a/c.PNG'] as const;
const objects = {
  [names[0]]: photo('exact-224x336.jpg'),
  [names[1]]: photo('tiny-100x80.jpg'),
  [names[2]]: photo('exact-224.png'),
  'a/readme.txt': Buffer.from('no image'),
  'other/d.jpg': photo('jpeg-grey.jpg'),
};

describe.skipIf(!hasRedis())('buckets', () => {
  let redis: RedisServer;
  let iqa: HyperIQA;
  let s3: S3Server;
  beforeAll(async () => {
    [redis, iqa, s3] = await Promise.all([RedisServer.start(), loadModel(), S3Server.start()]);
    await s3.bucket('photos', objects);
  });
  afterAll(async () => {
    s3.stop();
    await iqa.dispose();
    await redis.remove();
  });

  const bucketRecords = async (bucket: string, prefix = '') => {
    const keys = (await s3.keys(bucket)).filter((key) => key.startsWith(prefix) && key.endsWith('.jsonl'));
    const texts = await Promise.all(keys.map((key) => s3.text(bucket, key)));
    return texts.flatMap(records).sort((a, b) => (a.file < b.file ? -1 : 1));
  };

  test('from bucket to bucket', async () => {
    await s3.bucket('scores');
    const queue = new TestQueue(redis);
    const options = { results: 's3://scores/run 1/', s3: s3.config };
    const images = () => bucketImages('s3://photos/a/', { s3: s3.config });
    expect(await queue.enqueue(images(), options)).toMatchObject({ added: 3 });
    expect(
      await queue.enqueue([...names.map((key) => `s3://photos/${key}`), 's3://photos/none.jpg'], options),
    ).toMatchObject({ added: 1, known: 3 });
    await queue.work(iqa, { s3: s3.config });
    const found = await bucketRecords('scores', 'run 1/c');
    expect(found.map(({ file }) => file)).toEqual([...names, 'none.jpg'].map((key) => `s3://photos/${key}`).sort());
    for (const { file, score, error } of found) {
      if (file.endsWith('none.jpg')) expect(error).toMatchObject({ code: 'ERR_IMAGE_NOT_FOUND' });
      else {
        const { score: expected } = await iqa.score(objects[file.slice(12) as (typeof names)[number]], {
          protocol: 'official',
          crops: 1,
        });
        expect(score).toBeCloseTo(expected, 3);
      }
    }
    // Found again, although Redis knows nothing of it.
    const again = new TestQueue(redis);
    await again.enqueue(images(), options);
    const events: WorkerEvent[] = [];
    await again.work(iqa, { s3: s3.config, onEvent: (event) => events.push(event) });
    expect(events).toEqual([]);
    expect(await status(again.at)).toMatchObject({ complete: true, images: { done: 3, failed: 0 } });
  });

  test('identity by content is that of ETags', async () => {
    const queue = new TestQueue(redis);
    const options = { identity: 'content', s3: s3.config } as const;
    await s3.bucket('copies', { 'one.jpg': objects[names[0]], 'same.jpg': objects[names[0]] });
    expect(await queue.enqueue(['s3://copies/one.jpg', 's3://copies/same.jpg'], options)).toMatchObject({ added: 1 });
    await s3.put('copies', 'same.jpg', objects[names[1]]);
    const images = bucketImages('s3://copies', { s3: s3.config });
    expect(await queue.enqueue(images, options)).toMatchObject({ added: 1, known: 1 });
  });

  test('storage that is away for a while', async () => {
    const wire = await Wire.to(s3.port);
    onTestFinished(() => {
      wire.close();
    });
    const config = { ...s3.config, endpoint: `http://127.0.0.1:${wire.port}`, maxAttempts: 1 };
    const queue = new TestQueue(redis);
    await queue.enqueue(names.map((key) => `s3://photos/${key}`));
    wire.cut();
    const events: WorkerEvent[] = [];
    const worker = await queue.worker(iqa, { s3: config, onEvent: (event) => events.push(event) });
    await until(() => events.length > 0);
    expect(events[0]).toMatchObject({
      type: 'failed',
      dead: false,
      message: expect.stringContaining('ERR_IMAGE_READ: Not one of the 3 images can be read') as string,
    });
    wire.mend();
    await until(async () => (await status(queue.at)).complete);
    await worker.stop();
    for (const { score } of queue.records()) expect(score).toBeTypeOf('number');
  });

  test('refused: no bucket, no such bucket, no storage', async () => {
    const queue = new TestQueue(redis);
    expect(() => bucketImages('photos')).toThrow('s3://BUCKET/PREFIX');
    const storage = { code: 'ERR_STORAGE' };
    await expect(queue.enqueue(bucketImages('s3://none/', { s3: s3.config }))).rejects.toMatchObject(storage);
    const results = { results: 's3://none/x', s3: s3.config };
    await expect(new TestQueue(redis).enqueue([], results)).rejects.toMatchObject(storage);
  });
});
