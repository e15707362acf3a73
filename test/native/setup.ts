/** Helpers for tests of the native layer: the addon's files, valid options, and images. */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import type {
  NativeBinding,
  NativeDetectorLoadOptions,
  NativeEngine,
  NativeLoader,
  NativeLoadOptions,
  NativeScoreOptions,
} from '../../binding.js';
import { testModel } from '../helpers/models.js';
import { findLibTorch, libraryFiles } from '../helpers/libtorch.js';

export const root = fileURLToPath(new URL('../../', import.meta.url));
const build = resolve(root, process.env.HYPERIQA_BUILD ?? 'build/Release');
export const loaderFile = resolve(build, 'hyperiqa_loader.node');
export const addonFile = resolve(build, 'hyperiqa.node');

const require = createRequire(import.meta.url);
export const loader = require(loaderFile) as NativeLoader;

/** The real addon over the real LibTorch. */
export async function openBinding(): Promise<NativeBinding> {
  await loader.open(libraryFiles(findLibTorch().path));
  return require(addonFile) as NativeBinding;
}

/** The small test model on the CPU; with everything said that the engine would otherwise measure. */
export function loadOptions(changes: Partial<NativeLoadOptions> = {}): NativeLoadOptions {
  return {
    modelPath: testModel('lite0'),
    trustModel: false,
    devices: ['cpu'],
    dtype: 'fp32',
    threads: 1,
    batchSize: 2,
    graphMode: 'freeze',
    tuning: true,
    tuningFile: '',
    selfCheck: false,
    maxQueueImages: 64,
    maxQueueBytes: 2 ** 30,
    ...changes,
  };
}

/** The package's face detector on the CPU. */
export function detectorOptions(changes: Partial<NativeDetectorLoadOptions> = {}): NativeDetectorLoadOptions {
  return {
    modelPath: resolve(root, 'models/mtcnn-faces.pt'),
    trustModel: false,
    device: 'cpu',
    threads: 1,
    selfCheck: true,
    maxQueueImages: 64,
    maxQueueBytes: 2 ** 30,
    ...changes,
  };
}

export function scoreOptions(changes: Partial<NativeScoreOptions> = {}): NativeScoreOptions {
  return { resize: { mode: 'none' }, minimumSide: 224, crops: { plan: 'random', count: 2 }, seed: 0n, ...changes };
}

/** A smooth picture that differs from seed to seed. */
export function pixels(width = 256, height = 240, seed = 0): Uint8Array {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, i = 0; y < height; ++y) {
    for (let x = 0; x < width; ++x) {
      data[i++] = (x + seed * 7) % 256;
      data[i++] = (y * 2) % 256;
      data[i++] = (x + y + seed * 31) % 256;
    }
  }
  return data;
}

/** The code that a call throws or rejects with; undefined where it succeeds. */
export async function codeOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return undefined;
  } catch (error) {
    if (!(error instanceof Error)) throw new Error(`not an Error: ${String(error)}`, { cause: error });
    return (error as Error & { code?: unknown }).code ?? `no code: ${error.message}`;
  }
}

/** An engine and its jobs of a certain number, already queued. */
export function submit(engine: NativeEngine, count: number, crops = 2): ReturnType<NativeEngine['score']>[] {
  return Array.from({ length: count }, (_, i) =>
    engine.score(pixels(256, 240, i), 256, 240, scoreOptions({ crops: { plan: 'random', count: crops } })),
  );
}
