/** The pair of examples: a service that enqueues, and a worker. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { records, root, scratch } from '../../../test/cli/cli.js';
import { hasRedis, RedisServer } from '../../../test/helpers/redis.js';
import { model, until } from './run.js';

describe.skipIf(!hasRedis())('examples', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.remove());

  function start(program: string, ...args: string[]): ChildProcess {
    const child = spawn(process.execPath, [`examples/${program}.mjs`, ...args], {
      cwd: root,
      env: { ...process.env, HYPERIQA_REDIS: redis.url },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    return child;
  }

  test('queue-service.mjs and queue-worker.mjs', async () => {
    const results = join(scratch(), 'results');
    const worker = start('queue-worker', model);
    const service = start('queue-service', results, '0', model);
    const [line] = (await once(service.stdout!, 'data')) as [Buffer];
    const address = line.toString().trim();
    const call = async (body?: string) => {
      const response = await fetch(address, body === undefined ? {} : { method: 'POST', body });
      return [response.status, await response.json()] as [number, { complete?: boolean }];
    };
    expect(await call()).toEqual([404, { error: expect.objectContaining({ code: 'ERR_QUEUE_NOT_FOUND' }) as object }]);
    expect((await call('no JSON'))[0]).toBe(400);
    expect((await call('{}'))[0]).toBe(400);
    const names = ['exact-224.png', 'tiny-100x80.jpg'].map((name) => `test/fixtures/images/${name}`);
    expect(await call(JSON.stringify(names))).toEqual([200, { added: 2, known: 0 }]);
    expect(await call(JSON.stringify(names))).toEqual([200, { added: 0, known: 2 }]);
    await until(async () => (await call())[1].complete === true);
    const shards = readdirSync(results).filter((name) => name.endsWith('.jsonl'));
    const found = shards.flatMap((name) => records(readFileSync(join(results, name), 'utf8')));
    expect(found.map(({ file }) => file)).toEqual(names);
    worker.kill('SIGTERM');
    expect(await once(worker, 'exit')).toEqual([0, null]);
    service.kill('SIGTERM');
    await once(service, 'exit');
  });
});
