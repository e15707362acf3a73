/** `hyperiqa enqueue`, `worker`, `status` and `queue` in processes of their own. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { hyperiqa, quick, records, scratch, start, type Running, type RunOptions } from '../../../test/cli/cli.js';
import { freePort, hasRedis, RedisServer } from '../../../test/helpers/redis.js';
import { status } from '../src/index.js';
import { S3Server } from './s3.js';
import { addPhoto, photos, until } from './run.js';

describe.skipIf(!hasRedis())('the commands about queues', () => {
  let redis: RedisServer;
  let number = 0;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.remove());

  /** A queue of its own. */
  function queue() {
    const name = `commands-${number++}`;
    const results = join(scratch(), 'results');
    const at = ['--queue', name, '--redis', redis.url];
    const scoring = ['--protocol', 'official', '--crops', '1', '--model', quick()[1]!];
    return {
      at: { queue: name, redis: redis.url },
      results,
      enqueue: (args: string[], options?: RunOptions) =>
        hyperiqa(['enqueue', ...args, '--results', results, '--chunk-size', '3', ...scoring, ...at], options),
      worker: (args: string[], options?: RunOptions): Running => {
        const running = start(['worker', ...at, ...quick(), ...args], options);
        onTestFinished(() => {
          running.child.kill('SIGKILL');
        });
        return running;
      },
      status: (...args: string[]) => hyperiqa(['status', ...at, ...args]),
      control: (...args: string[]) => hyperiqa(['queue', ...args, ...at]),
      records: () =>
        readdirSync(results)
          .filter((file) => file.endsWith('.jsonl'))
          .flatMap((file) => records(readFileSync(join(results, file), 'utf8')))
          .sort((a, b) => (a.file < b.file ? -1 : 1)),
    };
  }

  test('a folder, a list and manifests; a worker until it is done; status', async () => {
    const { enqueue, worker, status: show, records: found } = queue();
    const folder = photos(4);
    addPhoto(join(folder, 'deep'), 'x.jpg');
    expect(await enqueue([folder])).toMatchObject({ code: 0, stdout: '', stderr: 'hyperiqa: 4 images in 2 chunks\n' });
    const all = await enqueue([folder, '--recursive', '--json', '--quiet']);
    expect(all).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(all.stdout)).toEqual({ named: 5, added: 1, known: 4, chunks: 1, unread: 0, restarted: false });
    const [csv, jsonl, list] = ['m.csv', 'm.jsonl', 'm.txt'].map((name) => join(scratch(), name));
    writeFileSync(csv!, `id,file,version\n1,"${folder}/csv, 1.jpg",v1\n`);
    writeFileSync(jsonl!, `${JSON.stringify({ file: `${folder}/jsonl.jpg` })}\n`);
    writeFileSync(list!, `${folder}/list.jpg\r\n\n${folder}/00.jpg\n`);
    for (const manifest of [csv, jsonl])
      expect((await enqueue(['--manifest', manifest!])).stderr).toContain('1 image in 1');
    expect((await enqueue(['--manifest', list!])).stderr).toContain('1 image in 1 chunk; 1 image enqueued before');
    const input = `${folder}/01.jpg\n${folder}/stdin.jpg\n`;
    expect((await enqueue(['-'], { input })).stderr).toContain('1 image in 1 chunk; 1 image enqueued before');

    expect((await show()).stdout).toMatch(/images {5}0 of 9 \(0\.0 %\).*\n.*\nworkers {4}0\nrate {7}unknown\n$/);
    const { code, stderr } = await worker(['--until-done']).ended;
    expect([code, stderr]).toEqual([0, expect.stringMatching(/chunk c[0-9a-f]+: 3 images, [\d.]+ a second\n/)]);
    expect(found().map(({ file }) => file.slice(folder.length))).toEqual(
      ['00', '01', '02', '03', 'csv, 1', 'deep/x', 'jsonl', 'list', 'stdin'].map((name) => `/${name}.jpg`),
    );
    const text = (await show()).stdout;
    expect(text).toContain(': complete\n');
    expect(text).toContain('images     9 of 9 (100.0 %); 5 scored, 4 failed\n');
    expect(text).toContain('failed     4 ERR_IMAGE_NOT_FOUND\n');
    expect(JSON.parse((await show('--json')).stdout)).toMatchObject({ complete: true, images: { done: 9 } });
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('a worker that is told to end by %s ends with 0', async (signal) => {
    const { enqueue, worker, at } = queue();
    await enqueue([photos(3)]);
    const running = worker([]);
    await running.said('stderr', 'working on the queue');
    running.child.kill(signal);
    expect(await running.ended).toMatchObject({ code: 0, signal: null });
    const { chunks } = await status(at);
    expect([chunks.active, chunks.dead]).toEqual([0, 0]);
  });

  test('a worker that waits for its queue ends, too', async () => {
    const { worker, at, enqueue } = queue();
    const early = worker([]);
    await early.said('stderr', 'nothing was enqueued yet');
    early.child.kill('SIGTERM');
    expect((await early.ended).code).toBe(0);
    const running = worker([]);
    await running.said('stderr', 'nothing was enqueued yet');
    await enqueue([photos(1)]);
    await until(async () => (await status(at)).complete);
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
  });

  test('a worker that is killed: another takes its chunk over', async () => {
    const { enqueue, worker, at, records: found } = queue();
    await enqueue([photos(3)]);
    await hyperiqa(['queue', 'pause', '--queue', at.queue, '--redis', at.redis]);
    const first = worker(['--take-over', '1']);
    await first.said('stderr', 'working on');
    await hyperiqa(['queue', 'resume', '--queue', at.queue, '--redis', at.redis]);
    await until(async () => {
      const { chunks, complete } = await status(at);
      return chunks.active === 1 || complete;
    });
    first.child.kill('SIGKILL');
    await first.ended;
    expect((await worker(['--take-over', '1', '--until-done']).ended).code).toBe(0);
    expect(found()).toHaveLength(3);
  });

  test('one that kills workers again and again is given up', async () => {
    const { enqueue, worker, at } = queue();
    await enqueue([photos(3)]);
    const first = worker(['--take-over', '1', '--max-take-overs', '0', '--threads', '1']);
    await until(async () => {
      const { chunks, complete } = await status(at);
      return chunks.active === 1 || complete;
    });
    first.child.kill('SIGKILL');
    await first.ended;
    const { chunks } = await status(at);
    if (chunks.done === 1) return;
    const ended = await worker(['--take-over', '1', '--max-take-overs', '0', '--until-done']).ended;
    expect(ended.code).toBe(0);
    const { deadLetters } = await status(at);
    expect(deadLetters[0]?.reason).toContain('stalled');
  });

  test('queue pause, resume, drain, retry', async () => {
    const { enqueue, control, status: show } = queue();
    await enqueue([photos(4)]);
    expect(await control('pause')).toMatchObject({ code: 0, stderr: expect.stringContaining('paused') as string });
    expect((await show()).stdout).toContain(': paused\n');
    expect((await control('resume')).stderr).toContain('resumed');
    expect((await control('drain')).stderr).toContain('2 chunks with 4 images taken out');
    expect((await control('retry')).stderr).toContain('0 chunks with 0 images put back');
  });

  test('buckets by option and by environment', async () => {
    const s3 = await S3Server.start();
    onTestFinished(() => {
      s3.stop();
    });
    const folder = photos(1);
    await s3.bucket('photos', { 'p/a.jpg': readFileSync(join(folder, '00.jpg')) });
    const { enqueue, worker, records: found } = queue();
    const { AWS_ENDPOINT_URL_S3: endpoint = '', ...env } = s3.env;
    expect(await enqueue(['s3://photos/p', '--s3-endpoint', endpoint], { env })).toMatchObject({ code: 0 });
    expect((await worker(['--until-done'], { env: s3.env }).ended).code).toBe(0);
    expect(found()).toMatchObject([{ file: 's3://photos/p/a.jpg', width: 224 }]);
  });

  test('interrupted enqueue: 130 and 143', async () => {
    const { at, results } = queue();
    const running = start(
      ['enqueue', '-', '-o', results, '--queue', at.queue, '--redis', at.redis, '--model', quick()[1]!],
      { open: true, input: 'a.jpg\n' },
    );
    await until(async () => (await status(at).catch(() => undefined))?.enqueuing === 1);
    running.child.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 143, stderr: expect.stringContaining('interrupted') as string });
    await until(async () => (await status(at)).enqueuing === 0);
  });

  test.each([
    [['enqueue', 'a.jpg'], 'Say where the results go'],
    [['enqueue', '-o', 'x'], 'Name the images'],
    [['enqueue', '-', '-', '-o', 'x'], 'only'],
    [['enqueue', 'a.jpg', '-o', 'x', '--max-crops', '5'], '--max-standard-error'],
    [['enqueue', 'a.jpg', '-o', 'x', '--s3-endpoint', 'x'], '--s3-endpoint must be'],
    [['enqueue', 'a.jpg', '-o', 'x', '--queues', 'x'], 'Did you mean --queue'],
    [['enqueue', 'a.jpg', '-o', 'x', '--model', '/nowhere.pt'], 'ERR_MODEL_NOT_FOUND'],
    [['worker', '--grace', '-1'], '--grace'],
    [['worker', 'x'], 'Unknown'],
    [['queue'], 'Say what to do with the queue'],
    [['queue', 'stop'], 'not stop'],
    [['status', '--dead-letters', 'x'], '--dead-letters'],
    [['status', '--redis', 'localhost'], 'redis must be'],
  ])('wrong usage: %j', async (args, words) => {
    const { code, stderr } = await hyperiqa(args);
    expect(stderr).toContain(words);
    expect(code).toBe(2);
  });

  test('what cannot be used: Redis, a queue, a manifest, a folder', async () => {
    const unreachable = `redis://127.0.0.1:${await freePort()}`;
    expect(await hyperiqa(['status', '--redis', unreachable])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ERR_QUEUE_CONNECTION') as string,
    });
    expect(await hyperiqa(['status', '--redis', redis.url, '--queue', 'none'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ERR_QUEUE_NOT_FOUND') as string,
    });
    const { enqueue } = queue();
    for (const [name, content] of [
      ['a.csv', 'name\nx\n'],
      ['a.jsonl', '{"file": "a.jpg"}\nnull\n'],
      ['b.jsonl', '{'],
    ] as const) {
      const manifest = join(scratch(), name);
      writeFileSync(manifest, content);
      expect(await enqueue(['--manifest', manifest])).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/has no file|cannot be read/) as string,
      });
    }
    expect((await enqueue(['--manifest', '/nowhere.csv'])).stderr).toContain('cannot be read');
    expect(await enqueue([`${scratch()}/*.jpg`])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ERR_IMAGE_NOT_FOUND') as string,
    });
  });
});
