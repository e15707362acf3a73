/** Errors that cross threads, and messages that stay short. */
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';

import { describe, expect, test } from 'vitest';

import { exportModel } from '../../src/export/index.js';
import { HyperIQA, HyperIQAError, type ImageInput } from '../../src/index.js';
import { addModel } from '../../src/models/index.js';
import { installRuntime } from '../../src/runtime/index.js';
import { captureImage } from '../../src/image/capture.js';

describe('an error on its way between threads', () => {
  test('keeps its code as what toJSON gives, through a worker', async () => {
    const error = new HyperIQAError('ERR_QUEUE_FULL', 'Too many.', {
      cause: Object.assign(new Error('EMFILE: too many'), { code: 'EMFILE' }),
    });
    const worker = new Worker(
      "const { parentPort } = require('worker_threads'); parentPort.once('message', (m) => parentPort.postMessage(m));",
      { eval: true },
    );
    worker.postMessage(error.toJSON());
    const [message] = (await once(worker, 'message')) as [unknown];
    const again = HyperIQAError.from(message);
    expect(again).toBeInstanceOf(HyperIQAError);
    expect(again).toMatchObject({
      code: 'ERR_QUEUE_FULL',
      message: 'Too many.',
      stack: error.stack,
      name: 'HyperIQAError',
    });
    expect(again.cause).toEqual({ message: 'EMFILE: too many', code: 'EMFILE' });
    expect(HyperIQAError.from(JSON.parse(JSON.stringify(error)))).toMatchObject({ code: 'ERR_QUEUE_FULL' });
  });

  test('of anything else becomes ERR_INTERNAL, and of one of ours itself', () => {
    const error = new HyperIQAError('ERR_ABORTED', 'Enough.');
    expect(HyperIQAError.from(error)).toBe(error);
    for (const other of [
      structuredClone(error),
      new Error('x'),
      null,
      undefined,
      5,
      { code: 'ERR_OTHER', message: 'x' },
    ]) {
      expect(HyperIQAError.from(other).code).toBe('ERR_INTERNAL');
    }
  });
});

describe('a message never repeats a long text', () => {
  const texts = { unbroken: 'Ab9/'.repeat(70_000), words: 'a word and '.repeat(30_000), nul: `${'x/'.repeat(9000)}\0` };
  const decode = (input: unknown) =>
    captureImage(input as ImageInput, 1000).decode({ iccProfile: 'ignore', alpha: 'drop', orientation: 'ignore' });
  const calls: [string, (text: string) => Promise<unknown>][] = [
    ['an image', async (text) => decode(text)],
    ['a URL', async (text) => decode(new URL(`file:///${encodeURIComponent(text)}`))],
    ['a web address', async (text) => decode(new URL(`https://example.org/${encodeURIComponent(text)}`))],
    ['a data URL', async (text) => decode(`data:${text},x`)],
    ['raw pixels', async (text) => decode({ data: text, width: text, height: text, channels: text })],
    ['an object with a long class name', async (text) => decode({ constructor: { name: text } })],
    ['a model', (text) => HyperIQA.load(text)],
    ['a LibTorch', (text) => HyperIQA.load(undefined, { libtorch: text })],
    ['an option', (text) => HyperIQA.load(undefined, { [text]: 1 })],
    ['a device', (text) => HyperIQA.load(undefined, { device: text as never })],
    ['a list of devices', (text) => HyperIQA.load(undefined, { device: ['auto', 'auto', text] as never })],
    ['a dtype', (text) => HyperIQA.load(undefined, { dtype: text as never })],
    ['a name to register', (text) => addModel('nothing.pt', { name: text })],
    ['a file to register', (text) => addModel(text, { name: 'a' })],
    ['a checkpoint', (text) => exportModel(text, { dataset: 'koniq10k', output: 'out.pt' })],
    ['an output', (text) => exportModel('nothing.pkl', { dataset: 'koniq10k', output: text })],
    ['a data set', (text) => exportModel('nothing.pkl', { dataset: text as never, output: 'out.pt' })],
    ['a runtime', (text) => installRuntime(text as never)],
  ];
  test.each(calls)('%s', async (_, call) => {
    for (const text of Object.values(texts)) {
      const error: unknown = await call(text).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(HyperIQAError);
      const { message } = error as HyperIQAError;
      expect(message.length).toBeLessThan(1200);
      for (let at = 0; at + 220 <= text.length; at += 100) {
        expect(message.includes(text.slice(at, at + 220))).toBe(false);
        if (at > 3000) break;
      }
    }
  });
});
