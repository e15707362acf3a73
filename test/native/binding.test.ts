/** The addon against binding.d.ts: every declared member is there with its type, nothing else is, and results have the declared shape. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { NativeBinding, NativeDetector, NativeEngine } from '../../binding.js';
import { declaredFunctions, differences } from './contract.js';
import { codeOf, detectorOptions, loader, loadOptions, openBinding, pixels, root, scoreOptions } from './setup.js';
import { LIBTORCH_VERSION } from '../helpers/libtorch.js';

let binding: NativeBinding;
let engine: NativeEngine;
let detector: NativeDetector;

beforeAll(async () => {
  binding = await openBinding();
  engine = await binding.load(loadOptions({ selfCheck: true }));
  detector = await binding.loadDetector(detectorOptions());
});
afterAll(() => Promise.all([engine.dispose(), detector.dispose()]));

test('the exports are those that are declared', () => {
  expect(differences(binding, 'NativeBinding')).toEqual([]);
  expect(differences(loader, 'NativeLoader')).toEqual([]);
  expect(differences(engine, 'NativeEngine')).toEqual([]);
  expect(differences(detector, 'NativeDetector')).toEqual([]);
});

test('results have the declared shapes', async () => {
  expect(differences(engine.info, 'NativeEngineInfo')).toEqual([]);
  expect(engine.info.selfCheck).not.toBeNull();
  expect(differences(await engine.selfCheck(), 'NativeSelfCheck')).toEqual([]);
  expect(differences(await binding.cudaReport(), 'NativeCudaReport')).toEqual([]);
  const ticket = engine.score(pixels(), 256, 240, scoreOptions());
  expect(differences(ticket, 'NativeTicket')).toEqual([]);
  expect(differences(await ticket.result, 'NativeScoreResult')).toEqual([]);
  const grid = engine.score(pixels(), 256, 240, scoreOptions({ crops: { plan: 'grid', rows: 1, columns: 2 } }));
  expect(differences(await grid.result, 'NativeScoreResult')).toEqual([]);
});

test('results of the detector have the declared shapes', async () => {
  expect(differences(detector.info, 'NativeDetectorInfo')).toEqual([]);
  const { data, info } = await sharp(join(root, 'examples/face-study/photos/two-portraits.jpg'))
    .raw()
    .toBuffer({ resolveWithObject: true });
  const ticket = detector.detect(data, info.width, info.height, { minimumFace: 60 });
  expect(differences(ticket, 'NativeDetectionTicket')).toEqual([]);
  const result = await ticket.result;
  expect(result.faces).toHaveLength(2);
  expect(differences(result, 'NativeDetectionResult')).toEqual([]);
});

test('the comparison notices what is wrong', async () => {
  const result = await engine.score(pixels(), 256, 240, scoreOptions()).result;
  expect(differences({ ...result, more: 1 }, 'NativeScoreResult')).toEqual(['NativeScoreResult.more is not declared']);
  expect(differences({ ...result, score: '1' }, 'NativeScoreResult')).toEqual([
    "NativeScoreResult.score is string '1' instead of a number",
  ]);
  expect(differences({ ...engine.info, dtype: 'fp64' }, 'NativeEngineInfo')).toHaveLength(1);
});

test('versions are those of the package and of LibTorch', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  expect(binding.version).toBe(version);
  expect(binding.libtorchVersion).toBe(LIBTORCH_VERSION);
  expect(loader.libtorchVersion()).toBe(LIBTORCH_VERSION);
});

test('every function that has parameters says so when they are missing, and reports it the declared way', async () => {
  const objects = {
    NativeBinding: binding,
    NativeLoader: loader,
    NativeEngine: engine,
    NativeDetector: detector,
  };
  for (const [name, object] of Object.entries(objects)) {
    for (const declared of declaredFunctions(name).filter((one) => one.required > 0)) {
      const call = (object as unknown as Record<string, () => unknown>)[declared.name]!;
      expect(await codeOf(call), `${name}.${declared.name}()`).toBe('ERR_INVALID_ARGUMENT');
      if (declared.promise) {
        // A function that returns a promise rejects it and does not throw.
        await expect(call(), declared.name).rejects.toBeInstanceOf(Error);
      }
    }
  }
});

test('members cannot be replaced', () => {
  expect(() => {
    (engine as { dispose: unknown }).dispose = 1;
  }).toThrow(TypeError);
});
