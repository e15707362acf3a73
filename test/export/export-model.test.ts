/** The export on the network's real size, and everything that it refuses; test/pytorch compares it with PyTorch's. */
import { copyFileSync, readdirSync } from 'node:fs';
import { mkdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { exportDatasets, exportModel, type ExportProgress, type ExportResult } from '../../src/export/index.js';
import { InputFile } from '../../src/export/input-file.js';
import * as known from '../../src/export/known-checkpoints.js';
import { fitStateDict } from '../../src/export/layouts.js';
import { readTemplate } from '../../src/export/template.js';
import type { TemplateTensor } from '../../src/export/tensor.js';
import { openTorchFile } from '../../src/export/torch-file.js';
import { errorWith } from '../helpers/errors.js';
import { generateTensor } from '../helpers/generated-weights.js';
import { testCheckpoint, testModel } from '../helpers/models.js';
import { testModelLabels } from '../helpers/make-models.js';
import { recordsOf } from './records.js';
import { scratch } from './scratch.js';
import { writeCheckpoint, writeZip, stateDictPickle, pickle, type WrittenTensor } from './torch-writer.js';

vi.mock(import('../../src/export/known-checkpoints.js'), async (original) => {
  const actual = await original();
  return { ...actual, knownCheckpoint: vi.fn(actual.knownCheckpoint) };
});

const reference = testModel('resnet50');
const labels = { name: 'hyperiqa-test-resnet50', ...testModelLabels };
let expected: TemplateTensor[];
beforeAll(async () => {
  expected = (await readTemplate()).tensors;
});

describe.each(['zip', 'legacy'] as const)("the authors' layout in the %s format", (format) => {
  const folder = join(dirname(reference), `.export-${format}-${process.pid}`);
  const output = join(folder, 'new', 'model.pt');
  const progress: ExportProgress[] = [];
  let result: ExportResult;
  beforeAll(async () => {
    await mkdir(folder);
    const onProgress = (step: ExportProgress) => void progress.push(step);
    result = await exportModel(testCheckpoint(format), { dataset: 'koniq10k', output, ...labels, onProgress });
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  test('the weights are those of the checkpoint, bit by bit, each in its place', async () => {
    const records = await recordsOf(output);
    // 355 tensors, 27,375,369 parameters and the statistics of the batch norms.
    expect([...records.keys()].filter((name) => name.startsWith('archive/data/'))).toHaveLength(355);
    const different = expected.filter((tensor) => {
      const generated = generateTensor('resnet50', tensor.name.replace('network.', ''), tensor);
      return !records.get(tensor.record)!.equals(generated);
    });
    expect(different).toEqual([]);
  });

  test('the result tells what was made of what', async () => {
    expect(result).toMatchObject({
      path: output,
      bytes: (await stat(output)).size,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      selfCheck: { passed: true },
      checkpoint: { path: testCheckpoint(format), format, layout: 'official', known: null },
    });
    expect(result.checkpoint.bytes).toBe((await stat(testCheckpoint(format))).size);
  });

  test('progress goes through the stages, each to its end; nothing but the model stays behind', () => {
    const stages = progress.map(({ stage }) => stage).filter((stage, i, all) => stage !== all[i - 1]);
    expect(stages).toEqual(['hash', 'read', 'write', 'check', 'write', 'check']);
    for (const { done, total } of progress) expect(done).toBeLessThanOrEqual(total);
    expect(progress.at(-1)!.done).toBe(progress.at(-1)!.total);
    expect(readdirSync(dirname(output))).toEqual(['model.pt']);
  });
});

test('the datasets are those of the template', async () => {
  expect(Object.keys((await readTemplate()).metadata.official)).toEqual(exportDatasets);
});

// --- small files with weights of the right shapes --------------------------------------------------------------------

/** Weights of the right names and shapes: one number each, which all elements of the tensor are. */
function constants(value = 0.001): Map<string, WrittenTensor> {
  return new Map(
    expected.map(({ name, dtype, shape }) => {
      const integer = dtype === 'int64';
      const bytes = Buffer.from(
        integer ? new BigInt64Array([1n]).buffer : new Float32Array([name.endsWith('running_var') ? 1 : value]).buffer,
      );
      const claims = { count: 1, strides: shape.map(() => 0) };
      return [name.replace('network.', ''), { shape, bytes, integer, claims }];
    }),
  );
}

/** Names of pyiqa's HyperNet, written from its module structure. */
function pyiqaName(name: string): string {
  const end = name.lastIndexOf('.');
  const [head, tensor] = [name.slice(0, end), name.slice(end + 1)];
  const lda = /^res\.lda(\d)_(pool|fc)/.exec(head);
  if (lda) {
    const stage = Number(lda[1]);
    return `lda_modules.${stage - 1}.${lda[2] === 'pool' ? 0 : stage < 4 ? 3 : 2}.${tensor}`;
  }
  if (head.startsWith('res.')) return `base_model.${head.slice(4)}.${tensor}`;
  if (head === 'fc5w_fc') return `fc_w_modules.4.2.${tensor}`;
  const layer = Number(head[2]) - 1;
  if (/^fc\dw_conv/.test(head)) return `fc_w_modules.${layer}.${tensor}`;
  return head.startsWith('fc') ? `fc_b_modules.${layer}.2.${tensor}` : name;
}

const options = (output: string) => ({ dataset: 'koniq10k', output }) as const;

async function written(
  tensors: Map<string, WrittenTensor>,
  format: 'zip' | 'legacy' = 'zip',
): Promise<{ path: string; output: string }> {
  const folder = scratch();
  return { path: await writeCheckpoint(join(folder, 'checkpoint'), tensors, format), output: join(folder, 'model.pt') };
}

const refused = (tensors: Map<string, WrittenTensor>, extra: object = {}) =>
  written(tensors).then(({ path, output }) => exportModel(path, { ...options(output), ...extra }));

describe('layouts', () => {
  const fit = async (path: string) => {
    await using file = await InputFile.open(path);
    return fitStateDict(path, (await openTorchFile(file)).content, expected);
  };

  test("pyiqa's names, under params", async () => {
    const renamed = new Map([...constants()].map(([name, tensor]) => [pyiqaName(name), tensor]));
    expect(new Set([...renamed.keys()].map((name) => name.split('.')[0]))).toEqual(
      new Set(['base_model', 'lda_modules', 'conv1', 'fc_w_modules', 'fc_b_modules']),
    );
    const { path, output } = await written(renamed);
    const result = await exportModel(path, options(output));
    expect(result.checkpoint.layout).toBe('pyiqa');
    expect(result.metadata).toMatchObject({
      protocol: { name: 'pyiqa', minSide: 225 },
      score: { minimum: 0, maximum: 1 },
      training: { description: expect.stringContaining('pyiqa') },
      license: 'unknown',
      name: 'hyperiqa-resnet50-koniq10k',
    });
    // The same weights as under the authors' names.
    const official = await written(constants());
    const { metadata } = await exportModel(official.path, options(official.output));
    expect(result.metadata.weightsSha256).toBe(metadata.weightsSha256);
    await expect(exportModel(path, { output, dataset: 'livec' })).rejects.toEqual(
      errorWith('ERR_DATASET', /no pyiqa weights for livec, only for koniq10k/),
    );
  });

  test.each(['state_dict', 'params'])('weights under %s, with names of DataParallel', async (entry) => {
    const tensors = new Map([...constants()].map(([name, tensor]) => [`module.${name}`, tensor]));
    const inner = stateDictPickle(tensors, false);
    const outer = Buffer.concat([
      pickle.start,
      pickle.dictionary,
      pickle.mark,
      pickle.text('epoch'),
      pickle.integer(3),
      pickle.text(entry),
      inner.subarray(2, -1),
      pickle.items,
      pickle.stop,
    ]);
    const storages = [...tensors.values()].map(({ bytes }) => bytes);
    const { layout, tensors: found } = await fit(await writeZip(join(scratch(), 'zip'), outer, storages));
    expect(layout).toBe('official');
    expect([...found.keys()].sort()).toEqual(expected.map(({ name }) => name).sort());
  });

  test("a checkpoint of hyperiqa's own training is for models/export.py", async () => {
    const content = dictionary(pickle.text('state_dict'), pickle.dictionary, pickle.text('backbone'), pickle.none);
    await expect(fit(await writeZip(join(scratch(), 'zip'), content))).rejects.toEqual(
      errorWith('ERR_CHECKPOINT_FORMAT', /own training, which models\/export\.py exports/),
    );
  });

  test.each([
    ['no dictionary', Buffer.concat([pickle.start, pickle.integer(3), pickle.stop])],
    ['an empty one', Buffer.concat([pickle.start, pickle.dictionary, pickle.stop])],
    ['an entry that is no tensor', dictionary(pickle.text('epoch'), pickle.integer(3))],
    ['a name that is no text', dictionary(pickle.integer(1), pickle.integer(3))],
    ['a state_dict that is none', dictionary(pickle.text('state_dict'), pickle.none)],
  ])('%s', async (_, content) => {
    const path = await writeZip(join(scratch(), 'zip'), content);
    await expect(fit(path)).rejects.toEqual(errorWith('ERR_CHECKPOINT_FORMAT', /no state_dict|is no tensor/));
  });

  function dictionary(...pairs: Buffer[]) {
    return Buffer.concat([pickle.start, pickle.dictionary, pickle.mark, ...pairs, pickle.items, pickle.stop]);
  }
});

describe('refusals', () => {
  test('missing and unknown weights are named', async () => {
    const tensors = constants();
    const weight = tensors.get('fc5b_fc.bias')!;
    tensors.delete('fc5b_fc.bias');
    tensors.set('res.fc.weight', weight);
    await expect(refused(tensors)).rejects.toEqual(
      errorWith('ERR_CHECKPOINT_KEYS', /1 of 355 weights are missing: fc5b_fc\.bias; 1 are unknown: res\.fc\.weight/),
    );
    await expect(refused(new Map([['weight', weight]]))).rejects.toEqual(
      errorWith('ERR_CHECKPOINT_KEYS', /355 of 355 weights are missing: .* and 347 more/),
    );
  });

  test('wrong shapes and types are named', async () => {
    const shape = constants();
    shape.set('fc5b_fc.weight', { ...shape.get('fc5b_fc.weight')!, shape: [1, 2] });
    await expect(refused(shape)).rejects.toEqual(
      errorWith('ERR_CHECKPOINT_SHAPE', /fc5b_fc\.weight is 1×2 instead of 1×112/),
    );
    const type = constants();
    type.set('res.bn1.num_batches_tracked', { shape: [], bytes: Buffer.alloc(4) });
    await expect(refused(type)).rejects.toEqual(
      errorWith('ERR_CHECKPOINT_SHAPE', /res\.bn1\.num_batches_tracked is float32 instead of int64/),
    );
  });

  test.each([NaN, Infinity])('weights that are %d', async (value) => {
    const tensors = constants();
    const bytes = Buffer.from(new Float32Array([value]).buffer);
    tensors.set('fc5b_fc.bias', { shape: [1], bytes });
    await expect(refused(tensors)).rejects.toEqual(errorWith('ERR_CHECKPOINT_VALUES', /not finite in fc5b_fc\.bias/));
  });

  test('weights whose scores are no numbers; no file stays behind', async () => {
    const { path, output } = await written(constants(1e30));
    await expect(exportModel(path, options(output))).rejects.toEqual(
      errorWith('ERR_CHECKPOINT_VALUES', /scores that are no numbers/),
    );
    expect(readdirSync(dirname(output))).toEqual(['checkpoint']);
  });

  test('another file than the one that was pinned', async () => {
    const pin = 'FF9277BCC68ECC10E77D88B6D0A32825EC3C85562095542734EC6212EAAF6D81';
    await expect(refused(constants(), { sha256: pin })).rejects.toEqual(
      errorWith('ERR_CHECKPOINT_HASH', /its SHA-256 is [0-9a-f]{64}, not ff9277bc/),
    );
  });

  test('a published file for another dataset than its own', async () => {
    vi.mocked(known.knownCheckpoint).mockReturnValueOnce({ sha256: '', size: 1, title: 'X', dataset: 'bid' });
    await expect(refused(constants())).rejects.toEqual(
      errorWith('ERR_DATASET', /is X: its dataset is bid, not koniq10k/),
    );
  });

  test.each<[string, object]>([
    ['no dataset', { dataset: undefined }],
    ['an unknown dataset', { dataset: 'imagenet' }],
    ['no output', { output: '' }],
    ['a pin that is none', { sha256: 'abc' }],
    ['an unknown option', { half: true }],
    ['a progress that is no function', { onProgress: true }],
  ])('%s', async (_, extra) => {
    await expect(refused(constants(), extra)).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT'));
  });

  test('a file that is not there, a folder, no path at all', async () => {
    const folder = scratch();
    const output = join(folder, 'model.pt');
    await expect(exportModel(join(folder, 'none'), options(output))).rejects.toEqual(errorWith('ERR_CHECKPOINT_READ'));
    await expect(exportModel(folder, options(output))).rejects.toEqual(
      errorWith('ERR_CHECKPOINT_READ', /EISDIR|not a file/),
    );
    await expect(exportModel(undefined as never, options(output))).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT'));
  });

  test('the checkpoint as its own output stays as it is', async () => {
    const { path } = await written(constants());
    const before = await readFile(path);
    await expect(exportModel(path, options(path))).rejects.toEqual(
      errorWith('ERR_INVALID_ARGUMENT', /the checkpoint itself/),
    );
    expect((await readFile(path)).equals(before)).toBe(true);
  });

  test('an output that cannot be written', async () => {
    const { path, output } = await written(constants());
    await expect(exportModel(path, options(join(path, 'model.pt')))).rejects.toEqual(errorWith('ERR_OUTPUT'));
    await mkdir(output);
    await expect(exportModel(path, options(output))).rejects.toEqual(errorWith('ERR_OUTPUT'));
    expect(readdirSync(dirname(output)).sort()).toEqual(['checkpoint', 'model.pt']);
  });

  test.each(['hash', 'read', 'write', 'check'])('abortion in %s; the file that was there stays', async (stage) => {
    const { path, output } = await written(constants());
    await writeFile(output, 'earlier');
    const controller = new AbortController();
    const onProgress = (step: ExportProgress) => {
      if (step.stage === stage) controller.abort(new Error('enough'));
    };
    await expect(exportModel(path, { ...options(output), signal: controller.signal, onProgress })).rejects.toEqual(
      errorWith('ERR_ABORTED'),
    );
    expect(await readFile(output, 'utf8')).toBe('earlier');
    expect(readdirSync(dirname(output)).sort()).toEqual(['checkpoint', 'model.pt']);
  });
});

describe('published files', () => {
  test("the authors' file is known by its hash", () => {
    const sha256 = 'ff9277bcc68ecc10e77d88b6d0a32825ec3c85562095542734ec6212eaaf6d81';
    expect(known.knownCheckpoint(sha256)).toMatchObject({ size: 109_768_650, dataset: 'koniq10k' });
  });

  test('what is recognised is recorded in the model, and the default names are given', async () => {
    vi.mocked(known.knownCheckpoint).mockReturnValueOnce({ sha256: '', size: 1, title: 'file X', dataset: 'koniq10k' });
    const { path, output } = await written(constants(), 'legacy');
    const result = await exportModel(path, options(output));
    expect(result.checkpoint).toMatchObject({ known: 'file X', format: 'legacy' });
    expect(result.metadata).toMatchObject({
      name: 'hyperiqa-resnet50-koniq10k',
      version: '1',
      license: 'unknown',
      sourceSha256: result.checkpoint.sha256,
      training: { dataset: 'koniq10k', description: 'HyperIQA trained on KonIQ-10k (file X)' },
    });
  });
});

test.each(['zip', 'legacy'] as const)('the real %s checkpoint, cut off at many lengths', async (format) => {
  const path = join(scratch(), 'checkpoint');
  copyFileSync(testCheckpoint(format), path);
  const { size } = await stat(path);
  const KB = 1024;
  // Each kilobyte of the last and the first hundred, and each megabyte between.
  const lengths = new Set<number>();
  for (let i = 1; i <= 100; i++) lengths.add(size - i * KB).add((i - 1) * KB);
  for (let length = 0; length < size; length += KB * KB) lengths.add(length);
  for (const length of [...lengths].sort((a, b) => b - a)) {
    await truncate(path, length);
    const attempt = async () => {
      await using file = await InputFile.open(path);
      await openTorchFile(file);
    };
    await expect(attempt(), `${length} bytes`).rejects.toEqual(errorWith('ERR_CHECKPOINT_DAMAGED'));
  }
});
