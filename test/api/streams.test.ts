/** Streams and Blobs at a real scorer: when they are pulled, what becomes of them, and what is left of refused calls. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { HyperIQA } from '../../src/index.js';
import { errorWith } from '../helpers/errors.js';
import { testModel } from '../helpers/models.js';

const file = new URL('../fixtures/images/jpeg-420.jpg', import.meta.url);
const bytes = readFileSync(file);
const crops = 1;
const later = (ms = 20) => new Promise((resolve) => setTimeout(resolve, ms));

let iqa: HyperIQA;
beforeAll(async () => {
  iqa = await HyperIQA.load(testModel('lite0'), {
    device: 'cpu',
    graphMode: 'freeze',
    selfCheck: false,
    maxStreams: 1,
    maxPending: 3,
  });
});
afterAll(() => iqa.dispose());

/** Takes the only place for streams until it is aborted. */
async function occupied() {
  const controller = new AbortController();
  const stream = new PassThrough();
  const call = iqa.score(stream, { signal: controller.signal });
  call.catch(() => undefined);
  stream.write(bytes.subarray(0, 500));
  await later();
  return {
    stream,
    free: async () => {
      controller.abort();
      await expect(call).rejects.toEqual(errorWith('ERR_ABORTED'));
    },
  };
}

describe('a stream that waits', () => {
  test.each([
    [
      'a Node stream',
      (pulled: () => void) =>
        new Readable({
          read() {
            pulled();
            this.push(bytes);
            this.push(null);
          },
        }),
    ],
    [
      'a web stream',
      (pulled: () => void) =>
        new ReadableStream<Uint8Array>(
          {
            pull(controller) {
              pulled();
              controller.enqueue(bytes);
              controller.close();
            },
          },
          { highWaterMark: 0 },
        ),
    ],
    [
      'an async iterable',
      // eslint-disable-next-line @typescript-eslint/require-await
      async function* (pulled: () => void) {
        pulled();
        yield bytes;
      },
    ],
  ])('%s is not pulled', async (_, make) => {
    const { free } = await occupied();
    let pulled = 0;
    const call = iqa.score(
      make(() => pulled++),
      { crops },
    );
    await later();
    expect(pulled).toBe(0);
    await free();
    expect(await call).toMatchObject({ width: 640 });
    expect(pulled).toBe(1);
  });

  test('loses nothing where a listener of its owner has started it', async () => {
    const { free } = await occupied();
    const stream = createReadStream(file, { highWaterMark: 1000 });
    let seen = 0;
    stream.on('data', (chunk) => (seen += chunk.length));
    const call = iqa.score(stream, { crops });
    await later();
    expect(seen).toBeLessThan(bytes.length);
    await free();
    expect(await call).toMatchObject({ width: 640 });
    expect(seen).toBe(bytes.length);
  });

  test.each([
    ['breaks', (stream: PassThrough) => stream.destroy(new Error('line cut')), /line cut/],
    ['is closed', (stream: PassThrough) => stream.destroy(), /closed before its end/],
  ])('%s: its call ends at once, and its place among the calls is free', async (_, end, message) => {
    const { free } = await occupied();
    const stream = new PassThrough();
    const call = expect(iqa.score(stream)).rejects.toEqual(errorWith('ERR_IMAGE_READ', message));
    expect(iqa.pending).toBe(2);
    end(stream);
    await call;
    expect(iqa.pending).toBe(1);
    await free();
  });

  test('of the web breaks: its call ends at once', async () => {
    const { free } = await occupied();
    let fail!: (error: Error) => void;
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        fail = (error) => {
          controller.error(error);
        };
      },
    });
    const call = expect(iqa.score(stream)).rejects.toEqual(errorWith('ERR_IMAGE_READ', /line cut/));
    fail(new Error('line cut'));
    await call;
    await free();
  });

  test('is destroyed when it is given up, but left alone when it is refused', async () => {
    const { free, stream: first } = await occupied();
    const controller = new AbortController();
    const given = new PassThrough();
    const call = expect(iqa.score(given, { signal: controller.signal })).rejects.toEqual(errorWith('ERR_ABORTED'));
    const other = expect(iqa.score(new PassThrough(), { signal: controller.signal })).rejects.toEqual(
      errorWith('ERR_ABORTED'),
    );
    const refused = createReadStream(file);
    await expect(iqa.score(refused, { crops })).rejects.toEqual(errorWith('ERR_QUEUE_FULL'));
    controller.abort();
    await Promise.all([call, other]);
    expect(given.destroyed).toBe(true);
    await free();
    expect(first.destroyed).toBe(true);
    expect(await iqa.score(refused, { crops })).toMatchObject({ width: 640 });
  });
});

test('chunks of one byte, and empty ones, make the same image', async () => {
  let at = 0;
  let empty = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (empty++ % 2) controller.enqueue(new Uint8Array());
      else if (at < bytes.length) controller.enqueue(bytes.subarray(at, ++at));
      else controller.close();
    },
  });
  const grown = await iqa.score(stream, { crops, seed: 3 });
  expect(grown.score).toBeCloseTo((await iqa.score(file, { crops, seed: 3 })).score, 3);
});

test('a request of a server is left unread, so that it can be answered', async () => {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    iqa.score(request).catch((error: unknown) => {
      response.end((error as { code: string }).code);
      request.resume();
    });
  });
  server.listen(0);
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port);
  socket.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n${'text '.repeat(100)}`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1.1 200 OK[^]*ERR_IMAGE_FORMAT/);
  expect(requests[0]!.destroyed).toBe(false);
  socket.destroy();
  server.close();
});

test('scoreAll waits where there is no place, pulls no further ahead than there are places, and fails nothing', async () => {
  const { free } = await occupied();
  let pulled = 0;
  function* inputs() {
    for (; pulled < 12; pulled++) yield bytes;
  }
  const seen: number[] = [];
  for await (const { index, result } of iqa.scoreAll(inputs(), { crops, concurrency: 50 })) {
    expect(result).toMatchObject({ width: 640 });
    expect(iqa.pending).toBeLessThanOrEqual(3);
    expect(pulled).toBeLessThanOrEqual(index + 1 + 3);
    seen.push(index);
  }
  expect(seen).toHaveLength(12);
  await free();
});

test('nothing is left of 100,000 refused calls', () => {
  const script = fileURLToPath(new URL('refusals.mjs', import.meta.url));
  const output = execFileSync(process.execPath, ['--expose-gc', script, testModel('lite0')], { encoding: 'utf8' });
  const { refused, heap, handles } = JSON.parse(output) as Record<string, number>;
  expect(refused).toBe(100_000);
  // Ten bytes a call would be no accident of the collector any more.
  expect(heap).toBeLessThan(1_000_000);
  expect(handles).toBeLessThan(100_000);
});
