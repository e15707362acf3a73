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
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openPromise } from 'yauzl';

import { writeArchive } from '../../src/export/archive.js';
import { readTemplate } from '../../src/export/template.js';
import type { TemplateTensor } from '../../src/export/tensor.js';
import { exportModel } from '../../src/index.js';
import { cacheFolder } from '../../src/support/cache-folder.js';
import { writeCheckpoint, type WrittenTensor } from '../export/torch-writer.js';
import { generateTensor, type TestModel } from './generated-weights.js';

export type { TestModel };

const fixtures = fileURLToPath(new URL('../fixtures/models/', import.meta.url));
const folder = join(cacheFolder(), 'test-models');
const mark = join(folder, 'made-from.sha256');

/** What the models are made of. */
const SOURCES = [
  join(fixtures, 'template-lite0.zip'),
  fileURLToPath(new URL('../../models/template-resnet50.zip', import.meta.url)),
  fileURLToPath(new URL('generated-weights.ts', import.meta.url)),
  fileURLToPath(new URL('../export/torch-writer.ts', import.meta.url)),
  fileURLToPath(import.meta.url),
];

/** Bytes of a weight. */
const FLOAT = 4;

export const testModelLabels = {
  licence: 'MIT',
  description: 'generated weights for tests, not trained',
};

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
    await makeLite0(join(fresh, fileName('lite0', '.pt')));
    await makeResnet50(fresh);
    for (const file of readdirSync(fresh)) renameSync(join(fresh, file), join(folder, file));
    writeFileSync(mark, wanted);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

async function makeLite0(path: string): Promise<void> {
  const records = new Map<string, Buffer>();
  const archive = await openPromise(join(fixtures, 'template-lite0.zip'));
  for await (const entry of archive.eachEntry()) {
    const stream = await archive.openReadStreamPromise(entry);
    records.set(entry.fileName, Buffer.concat(await stream.toArray()));
  }
  const description = JSON.parse(String(records.get('template.json'))) as { tensors: TemplateTensor[] };
  records.delete('template.json');
  for (const tensor of description.tensors) {
    records.set(tensor.record, generateKernels('lite0', tensor));
  }
  await using file = await open(path, 'wx');
  await writeArchive(
    file,
    [...records].map(([name, bytes]) => ({ name, bytes })),
    () => undefined,
  );
}

/**
 * Kernels of an even side are those of a checkpoint, one shorter, with zeros above and on the left: the network's way of
 * padding on one side only.
 */
function generateKernels(model: TestModel, tensor: TemplateTensor): Buffer {
  const name = nameInCheckpoint(tensor);
  const [outputs = 0, inputs = 0, side] = tensor.shape;
  if (side === undefined || side % 2 === 1) return generateTensor(model, name, tensor);
  const inner = side - 1;
  const bytes = generateTensor(model, name, { ...tensor, shape: [outputs, inputs, inner, inner] });
  const padded = Buffer.alloc(outputs * inputs * side * side * FLOAT);
  for (let kernel = 0; kernel < outputs * inputs; kernel++) {
    for (let row = 0; row < inner; row++) {
      const start = (kernel * inner + row) * inner * FLOAT;
      bytes.copy(padded, ((kernel * side + row + 1) * side + 1) * FLOAT, start, start + inner * FLOAT);
    }
  }
  return padded;
}

async function makeResnet50(into: string): Promise<void> {
  const { tensors } = await readTemplate();
  const weights = new Map<string, WrittenTensor>(
    tensors.map((tensor) => {
      const name = nameInCheckpoint(tensor);
      const bytes = generateTensor('resnet50', name, tensor);
      return [name, { shape: tensor.shape, bytes, integer: tensor.dtype === 'int64' }];
    }),
  );
  await writeCheckpoint(join(into, fileName('resnet50', '.pkl')), weights, 'legacy');
  const checkpoint = await writeCheckpoint(join(into, fileName('resnet50', '.pth')), weights, 'zip');
  await exportModel(checkpoint, {
    dataset: 'koniq10k',
    output: join(into, fileName('resnet50', '.pt')),
    name: 'hyperiqa-test-resnet50',
    ...testModelLabels,
  });
}

const nameInCheckpoint = ({ name }: TemplateTensor) => name.replace(/^network\./, '');

function hashOfSources(): string {
  const hash = createHash('sha256');
  for (const path of SOURCES) hash.update(createHash('sha256').update(readFileSync(path)).digest());
  return hash.digest('hex');
}
