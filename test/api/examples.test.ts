/** The programs in examples/, as a reader would run them. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { testModel } from '../helpers/models.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const model = testModel('lite0');
const run = (...args: string[]) => execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' });

test('score.mjs', () => {
  const output = run('examples/score.mjs', 'test/fixtures/images/tiny-100x80.jpg', model);
  expect(output).toMatch(/tiny-100x80\.jpg: \d+\.\d on a scale of 0 to 100\n/);
  expect(output).toMatch(/best part: 224×224 pixels at \d+, \d+ /);
});

test('rank-folder.mjs', () => {
  const lines = run('examples/rank-folder.mjs', 'examples/photos', model).trim().split('\n');
  const scores = lines.map(Number.parseFloat);
  expect(lines).toHaveLength(10);
  expect(scores).toEqual(scores.toSorted((a, b) => b - a));
});

test('worker-thread.mjs', () => {
  expect(run('examples/worker-thread.mjs', 'test/fixtures/images/tiny-100x80.jpg', model)).toMatch(
    /^test\/fixtures\/images\/tiny-100x80\.jpg: \d+\.\d\n$/,
  );
  const { status, stderr } = spawnSync(process.execPath, ['examples/worker-thread.mjs', 'nothing.jpg', model], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(stderr).toMatch(/^nothing\.jpg: ERR_IMAGE_NOT_FOUND: /);
  expect(status).toBe(1);
});

test('child-process.mjs', () => {
  const photos = ['test/fixtures/images/tiny-100x80.jpg', 'nothing.jpg', 'test/fixtures/images/exact-224.png'];
  const { status, stdout, stderr } = spawnSync(process.execPath, ['examples/child-process.mjs', ...photos], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(stdout).toMatch(/^test\S+tiny-100x80\.jpg: \d+\.\d\ntest\S+exact-224\.png: \d+\.\d\n$/);
  expect(stderr).toMatch(/^nothing\.jpg: ERR_IMAGE_NOT_FOUND: /);
  expect(status).toBe(1);
});

describe('http-service.mjs', () => {
  let service: ChildProcess;
  let address: string;
  beforeAll(async () => {
    service = spawn(process.execPath, ['examples/http-service.mjs', '0', model], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(service.stdout!, 'data')) as [Buffer];
    address = line.toString().trim();
  });
  afterAll(() => service.kill('SIGKILL'));

  const image = readFileSync(new URL('../fixtures/images/jpeg-420.jpg', import.meta.url));
  const post = async (body: Buffer | string | ReadableStream<Uint8Array>) => {
    const response = await fetch(address, { method: 'POST', body, duplex: 'half' });
    return [response.status, await response.json()];
  };
  const refused = (status: number, code: string) => [status, { error: expect.objectContaining({ code }) as object }];
  /** A request that is written by hand, and the whole answer. */
  const raw = async (head: string[], body: (socket: Socket) => void = () => undefined) => {
    const socket = connect(Number(new URL(address).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(`${['POST / HTTP/1.1', 'Host: localhost', ...head].join('\r\n')}\r\n\r\n`);
    body(socket);
    const [first] = (await once(socket, 'data')) as [Buffer];
    return { socket, status: first.toString('latin1').split('\r\n')[0] };
  };

  test('scores an upload, and says whose fault it is where it cannot', async () => {
    expect(await post(image)).toEqual([
      200,
      expect.objectContaining({ score: expect.any(Number) as number, width: 640 }),
    ]);
    expect(await post('text')).toEqual(refused(415, 'ERR_IMAGE_FORMAT'));
    expect(await post('')).toEqual(refused(400, 'ERR_IMAGE_EMPTY'));
    expect(await post(image.subarray(0, 5000))).toEqual(refused(422, 'ERR_IMAGE_DECODE'));
    expect((await fetch(address)).status).toBe(405);
  });

  test('refuses a body that is too long, by its length before it is sent, or as soon as it is', async () => {
    // Nothing of it is ever sent.
    const announced = await raw([`Content-Length: ${10 ** 9}`]);
    expect(announced.status).toBe('HTTP/1.1 413 Payload Too Large');
    announced.socket.destroy();
    const asked = await raw([`Content-Length: ${10 ** 9}`, 'Expect: 100-continue']);
    expect(asked.status).toBe('HTTP/1.1 413 Payload Too Large');
    asked.socket.destroy();
    // Without a length: the client reads the answer although it has more to send.
    const chunk = Buffer.alloc(1 << 20);
    const endless = (first: Buffer) =>
      new ReadableStream<Uint8Array>({
        start: (controller) => {
          controller.enqueue(first);
        },
        pull: async (controller) => {
          await new Promise((resolve) => setTimeout(resolve, 1));
          controller.enqueue(chunk);
        },
      });
    expect(await post(endless(image))).toEqual(refused(413, 'ERR_IMAGE_TOO_LARGE'));
    expect(await post(endless(Buffer.from('text '.repeat(50))))).toEqual(refused(415, 'ERR_IMAGE_FORMAT'));
  });

  test('asks for the body of a client that waits to be asked', async () => {
    const { socket, status } = await raw([`Content-Length: ${image.length}`, 'Expect: 100-continue']);
    expect(status).toBe('HTTP/1.1 100 Continue');
    socket.write(image);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString('latin1')).toMatch(/^HTTP\/1.1 200 OK/);
    socket.destroy();
  });

  test('turns away who is one too many; a client that goes away makes room', async () => {
    // 256 that never finish, of which 64 are read.
    const waiting = await Promise.all(
      Array.from({ length: 256 }, async () => {
        const socket = connect(Number(new URL(address).port), '127.0.0.1');
        socket.on('error', () => undefined);
        await once(socket, 'connect');
        socket.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n`);
        socket.write(image.subarray(0, 500));
        return socket;
      }),
    );
    await vi.waitFor(
      async () => {
        expect(await post(image)).toEqual(refused(503, 'ERR_QUEUE_FULL'));
      },
      { timeout: 60_000, interval: 100 },
    );
    for (const socket of waiting) socket.destroy();
    await vi.waitFor(
      async () => {
        expect((await post(image))[0]).toBe(200);
      },
      { timeout: 60_000, interval: 100 },
    );
  });

  test('ends when it is told to', async () => {
    service.kill('SIGINT');
    const [exitCode] = (await once(service, 'exit')) as [number | null];
    expect(exitCode).toBe(0);
  });
});
