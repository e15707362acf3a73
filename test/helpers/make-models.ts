/** Makes the test models, as models/make_test_model.py does with PyTorch. */
import { open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { openPromise } from 'yauzl';

import { writeArchive } from '../../src/export/archive.js';
import { readTemplate } from '../../src/export/template.js';
import type { TemplateTensor } from '../../src/export/tensor.js';
import { exportModel } from '../../src/export/index.js';
import { writeCheckpoint, type WrittenTensor } from '../export/torch-writer.js';
import { generateTensor, type TestModel } from './generated-weights.js';

const TEMPLATE = fileURLToPath(new URL('../fixtures/models/template-lite0.zip', import.meta.url));

/** Bytes of a weight. */
const FLOAT = 4;

export const testModelLabels = {
  license: 'MIT',
  description: 'generated weights for tests, not trained',
};

/** Fills the template of test/fixtures/models. */
export async function makeLite0(path: string): Promise<void> {
  const records = new Map<string, Buffer>();
  const archive = await openPromise(TEMPLATE);
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

/** Writes the checkpoint in both formats and exports it. */
export async function makeResnet50(paths: { legacy: string; zip: string; model: string }): Promise<void> {
  const { tensors } = await readTemplate();
  const weights = new Map<string, WrittenTensor>(
    tensors.map((tensor) => {
      const name = nameInCheckpoint(tensor);
      const bytes = generateTensor('resnet50', name, tensor);
      return [name, { shape: tensor.shape, bytes, integer: tensor.dtype === 'int64' }];
    }),
  );
  await writeCheckpoint(paths.legacy, weights, 'legacy');
  await writeCheckpoint(paths.zip, weights, 'zip');
  await exportModel(paths.zip, {
    dataset: 'koniq10k',
    output: paths.model,
    name: 'hyperiqa-test-resnet50',
    ...testModelLabels,
  });
}

const nameInCheckpoint = ({ name }: TemplateTensor) => name.replace(/^network\./, '');
