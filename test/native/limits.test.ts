/** Bounds and names that C++ and TypeScript both know: the engine's, as the addon tells them, against those of src/. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';

import type { NativeBinding } from '../../binding.js';
import { LARGEST_SIDE } from '../../src/faces/detect-options.js';
import { DEFAULT_LIMIT_INPUT_PIXELS } from '../../src/image/limits.js';
import { ENGINE_PIXELS } from '../../src/intake/cost.js';
import { MAXIMUM_CROPS, MAXIMUM_SIDE } from '../../src/protocol/protocol.js';
import { DTYPES, GRAPH_MODES, MAXIMUM_BATCH_SIZE, MAXIMUM_THREADS } from '../../src/scoring/options.js';
import { codeOf, loadOptions, openBinding, root } from './setup.js';
import type { Crops, Resize, TuningState } from '../../src/index.js';

let binding: NativeBinding;
beforeAll(async () => {
  binding = await openBinding();
});

test('bounds that are the same on both sides', () => {
  expect({
    threads: MAXIMUM_THREADS,
    batchSize: MAXIMUM_BATCH_SIZE,
    side: LARGEST_SIDE,
    pixels: ENGINE_PIXELS,
  }).toEqual({
    threads: binding.limits.threads,
    batchSize: binding.limits.batchSize,
    side: binding.limits.side,
    pixels: binding.limits.pixels,
  });
});

test('bounds of protocols are below those of the engine, which also reads them from model files', () => {
  expect(MAXIMUM_CROPS).toBeLessThanOrEqual(binding.limits.crops);
  expect(MAXIMUM_SIDE).toBeLessThanOrEqual(binding.limits.side);
  expect(DEFAULT_LIMIT_INPUT_PIXELS).toBeLessThanOrEqual(binding.limits.pixels);
});

test('the bounds are those that a load obeys', async () => {
  const { threads, batchSize } = binding.limits;
  expect(await codeOf(() => binding.load(loadOptions({ threads: threads + 1 })))).toBe('ERR_INVALID_ARGUMENT');
  expect(await codeOf(() => binding.load(loadOptions({ batchSize: batchSize + 1 })))).toBe('ERR_INVALID_ARGUMENT');
});

test('names', () => {
  const tuning: Record<TuningState, true> = { cached: true, measured: true, 'not-stored': true, default: true };
  const resize: Record<Resize['mode'], true> = { none: true, exact: true, 'short-side': true };
  const crops: Record<Crops['plan'], true> = { random: true, grid: true, pyiqa: true, center: true };
  expect(binding.names).toEqual({
    dtype: DTYPES,
    graphMode: GRAPH_MODES,
    tuning: Object.keys(tuning),
    resize: Object.keys(resize),
    crops: Object.keys(crops),
  });
});

test('the schema of records has the same names', () => {
  const { $defs } = JSON.parse(readFileSync(join(root, 'dist/schema/record.json'), 'utf8')) as {
    $defs: { provenance: { properties: Record<'dtype' | 'graphMode', { enum: string[] }> } };
  };
  const { dtype, graphMode } = $defs.provenance.properties;
  expect(dtype.enum).toEqual(binding.names.dtype);
  expect(['auto', ...graphMode.enum]).toEqual(binding.names.graphMode);
});
