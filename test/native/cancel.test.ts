/** Loads that are given up: at the native boundary and by the signal of the public API, the threads included. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import type { NativeBinding } from '../../binding.js';
import { HyperIQA } from '../../src/index.js';
import { FaceDetector } from '../../src/faces/index.js';
import { errorWith } from '../helpers/errors.js';
import { testModel } from '../helpers/models.js';
import { codeOf, detectorOptions, loadOptions, openBinding } from './setup.js';

const binding: NativeBinding = await openBinding();

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hyperiqa-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** A load that measures for seconds. */
const slow = () =>
  loadOptions({
    modelPath: testModel('resnet50'),
    graphMode: 'auto',
    batchSize: 0,
    threads: 2,
    selfCheck: true,
    tuningFile: join(folder, 'graph-modes.json'),
  });

describe('at the native boundary', () => {
  test.each([0, 20, 150, 400])('a load ends after %i ms of it, with nothing left', async (milliseconds) => {
    let cancel: (() => void) | undefined;
    const load = binding.load(slow(), (given) => {
      cancel = given;
    });
    expect(cancel, 'given before the return').toBeTypeOf('function');
    if (milliseconds === 0) cancel!();
    else setTimeout(cancel!, milliseconds);
    expect(await codeOf(() => load)).toBe('ERR_ABORTED');
    expect(existsSync(slow().tuningFile)).toBe(false);
    cancel!();
  });

  test('one of several loads ends; the others are loaded', async () => {
    let cancel: () => void = () => undefined;
    const loads = [
      binding.load(loadOptions()),
      binding.load(slow(), (given) => {
        cancel = given;
      }),
      binding.load(loadOptions()),
    ];
    cancel();
    const ends = await Promise.allSettled(loads);
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    await Promise.all([loads[0]!, loads[2]!].map(async (load) => (await load).dispose()));
  });

  test('cancelling what is loaded does nothing', async () => {
    let cancel: () => void = () => undefined;
    const engine = await binding.load(loadOptions(), (given) => {
      cancel = given;
    });
    cancel();
    expect((await engine.selfCheck()).passed).toBe(true);
    await engine.dispose();
    cancel();
  });

  test('a detector', async () => {
    const load = binding.loadDetector(detectorOptions(), (cancel) => {
      cancel();
    });
    expect(await codeOf(() => load)).toBe('ERR_ABORTED');
  });

  test('what is no function is refused, and one that throws starts no load', async () => {
    const wrong = 1 as unknown as (cancel: () => void) => void;
    expect(await codeOf(() => binding.load(loadOptions(), wrong))).toBe('ERR_INVALID_ARGUMENT');
    expect(await codeOf(() => binding.loadDetector(detectorOptions(), wrong))).toBe('ERR_INVALID_ARGUMENT');
    const throwing = () => {
      throw new Error('thrown on purpose');
    };
    await expect(binding.load(loadOptions(), throwing)).rejects.toThrow('thrown on purpose');
  });
});

// Threads are counted in /proc.
describe.runIf(process.platform === 'linux')('by the signal of the public API', () => {
  const threads = () => readdirSync('/proc/self/task').length;
  // The threads of libuv and LibTorch are there once a model has been loaded.
  const settled = async () => {
    const iqa = await HyperIQA.load(testModel('lite0'), { device: 'cpu', graphMode: 'freeze', threads: 2 });
    await iqa.dispose();
    await sleep(200);
    return threads();
  };

  test('a scorer: the call rejects at once, and the thread gives up', { timeout: 120_000 }, async () => {
    const before = await settled();
    vi.stubEnv('HYPERIQA_CACHE', folder);
    const controller = new AbortController();
    const load = HyperIQA.load(testModel('resnet50'), { device: 'cpu', threads: 2, signal: controller.signal });
    await vi.waitFor(() => {
      expect(threads()).toBeGreaterThan(before);
    }, 60_000);
    controller.abort('changed my mind');
    await expect(load).rejects.toEqual(errorWith('ERR_ABORTED'));
    await vi.waitFor(() => {
      expect(threads()).toBeLessThanOrEqual(before);
    }, 60_000);
    expect(existsSync(join(folder, 'tuning')), 'the measurement was cut short').toBe(false);
  });

  test('a detector', async () => {
    const controller = new AbortController();
    const load = FaceDetector.load(undefined, { signal: controller.signal });
    controller.abort();
    await expect(load).rejects.toEqual(errorWith('ERR_ABORTED'));
  });
});
