/** A real server with the small test model on a free port of the loopback interface. */
import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HyperIQA } from 'hyperiqa';
import { FaceDetector } from 'hyperiqa/faces';
import { onTestFinished } from 'vitest';
import { testModel } from '../../../test/helpers/models.js';
import { createServer, type ServerOptions } from '../src/index.js';

export const root = fileURLToPath(new URL('../../../', import.meta.url));
export const image = (name: string): Buffer => readFileSync(join(root, 'test/fixtures/images', name));
export const portrait = (name: string): Buffer => readFileSync(join(root, 'examples/face-study/photos', name));

/** Loads the small test model once for a file of tests. */
export const loadModel = (options: Parameters<typeof HyperIQA.load>[1] = {}): Promise<HyperIQA> =>
  HyperIQA.load(testModel('lite0'), { device: 'cpu', graphMode: 'freeze', threads: 1, ...options });

export const loadDetector = (): Promise<FaceDetector> => FaceDetector.load(undefined, { threads: 1 });

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into answers of every kind
  json: () => any;
}

export interface Sent {
  method?: string;
  headers?: Record<string, string>;
  body?: Buffer | string;
}

export interface TestServer {
  app: Awaited<ReturnType<typeof createServer>>;
  port: number;
  url: string;
  send: (path: string, sent?: Sent) => Promise<Answer>;
  /** Sends a raw image. */
  post: (path: string, body: Buffer, headers?: Record<string, string>) => Promise<Answer>;
}

/** Listens until the test, or the file of tests, is over. */
export async function listening(
  options: ServerOptions,
  closing = onTestFinished as (close: () => Promise<void>) => void,
  loaded = true,
): Promise<TestServer> {
  const app = await createServer(options);
  closing(async () => {
    await app.close();
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  if (loaded) await app.hyperiqa.loaded.catch(() => undefined);
  const sendHere = (path: string, what?: Sent) => send(port, path, what);
  return {
    app,
    port,
    url: `http://127.0.0.1:${port}`,
    send: sendHere,
    post: (path, body, headers = {}) =>
      sendHere(path, { method: 'POST', headers: { 'content-type': 'image/jpeg', ...headers }, body }),
  };
}

export const send = (port: number, path: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<Answer> =>
  sent(port, path, method, headers, body);

function sent(
  port: number,
  path: string,
  method: string,
  headers: Record<string, string>,
  body?: Buffer | string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length: Record<string, string> =
      body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const call = httpRequest(
      { host: '127.0.0.1', port, path, method, headers: { ...length, ...headers }, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response
          .on('data', (chunk: Buffer) => chunks.push(chunk))
          .on('error', reject)
          .on('end', () => {
            const whole = Buffer.concat(chunks);
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: whole,
              json: () => JSON.parse(whole.toString('utf8')) as unknown,
            });
          });
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

/** A form with files. */
export function form(files: Record<string, Buffer>): { headers: Record<string, string>; body: Buffer } {
  const boundary = '------------------------5f2a9d';
  const parts = Object.entries(files).flatMap(([name, content]) => [
    Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="image"; filename="${name}"\r\n` +
        'content-type: application/octet-stream\r\n\r\n',
    ),
    content,
    Buffer.from('\r\n'),
  ]);
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
  };
}

/** Resolves when the condition holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
