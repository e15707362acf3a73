/**
 * Models of generated weights for tests, made by the package's own export and kept in the cache folder.
 *
 * resnet50  the paper's network in the official layout: `hyperiqa-test-resnet50.pkl` (older format of torch.save),
 *           `hyperiqa-test-resnet50.pth` (zip) and the model file `hyperiqa-test-resnet50.pt`, exported from it
 * lite0     the model file `hyperiqa-test-lite0.pt`, of a template without weights; fast
 *
 * Scores mean nothing, but they differ from photograph to photograph over most of the scale, and they are those of the
 * models that models/make_test_model.py makes with PyTorch: test/fixtures/parity has PyTorch's scores of them.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { cacheFolder } from '../../src/support/cache-folder.js';
import type { TestModel } from './generated-weights.js';

export type { TestModel };

const folder = join(cacheFolder()!, 'test-models');
const mark = join(folder, 'sources.sha256');

/** Ingredients of the test models. */
const SOURCES = [
  fileURLToPath(new URL('../fixtures/models/template-lite0.zip', import.meta.url)),
  fileURLToPath(new URL('../../models/template-resnet50.zip', import.meta.url)),
  fileURLToPath(new URL('generated-weights.ts', import.meta.url)),
  fileURLToPath(new URL('../export/torch-writer.ts', import.meta.url)),
  fileURLToPath(new URL('make-models.ts', import.meta.url)),
];

const fileName = (model: TestModel, ending: string) => `hyperiqa-test-${model}${ending}`;

/** Path of a test model. @throws Error where `makeTestModels` could not make it */
export function testModel(name: TestModel): string {
  return made(fileName(name, '.pt'));
}

/** Path of the checkpoint of the test model resnet50, in either format of torch.save. */
export function testCheckpoint(format: 'zip' | 'legacy'): string {
  return made(fileName('resnet50', format === 'zip' ? '.pth' : '.pkl'));
}

function made(file: string): string {
  const path = join(folder, file);
  if (!existsSync(path)) throw new Error(`${path} is not there: the set-up of the tests says why it was not made.`);
  return path;
}

/** Makes the test models where they are missing, or were made of other sources than these. */
export async function makeTestModels(): Promise<void> {
  const wanted = hashOfSources();
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return;
  mkdirSync(folder, { recursive: true });
  // Made aside and moved: whoever is reading a model of the same name keeps a whole one.
  const fresh = mkdtempSync(join(folder, 'new-'));
  try {
    // Loaded for this alone: the export brings most of the package with it.
    const { makeLite0, makeResnet50 } = await import('./make-models.js');
    await makeLite0(join(fresh, fileName('lite0', '.pt')));
    await makeResnet50({
      legacy: join(fresh, fileName('resnet50', '.pkl')),
      zip: join(fresh, fileName('resnet50', '.pth')),
      model: join(fresh, fileName('resnet50', '.pt')),
    });
    for (const file of readdirSync(fresh)) renameSync(join(fresh, file), join(folder, file));
    writeFileSync(mark, wanted);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

function hashOfSources(): string {
  const hash = createHash('sha256');
  for (const path of SOURCES) hash.update(createHash('sha256').update(readFileSync(path)).digest());
  return hash.digest('hex');
}
