/** Models made without Python against PyTorch's own export of the same weights. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { writeArchive } from '../../src/export/archive.js';
import { HyperIQA } from '../../src/index.js';
import { exportModel, type ExportResult } from '../../src/export/index.js';
import { recordsOf } from '../export/records.js';
import { testModel } from '../helpers/models.js';
import { testModelLabels } from '../helpers/make-models.js';
import { presented, type StoredMetadata } from '../../src/model-file/metadata.js';

const python = process.env.HYPERIQA_PYTHON ?? 'python3';
const script = fileURLToPath(new URL('../../models/make_test_model.py', import.meta.url));
const photograph = new URL('../fixtures/images/jpeg-420.jpg', import.meta.url);
const scoring = { device: 'cpu', graphMode: 'freeze', threads: 2 } as const;
const METADATA = 'archive/extra/hyperiqa.json';

let folder: string;
/** Model files made by PyTorch; the endings are those of models/make_test_model.py. */
const made = (kind: 'resnet50' | 'lite0', ending: '.pt' | '.pth' | '.pkl') =>
  join(folder, `hyperiqa-test-${kind}${ending}`);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hyperiqa-pytorch-'));
  execFileSync(python, [script, folder], { stdio: ['ignore', 'ignore', 'inherit'] });
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** The description of a model file without what depends on the checkpoint's bytes and on the build of PyTorch. */
function comparable(description: Buffer): object {
  const { exporter, ...rest } = JSON.parse(String(description)) as ExportResult['metadata'];
  return { ...rest, exporter: { ...exporter, torch: exporter.torch.replace(/\+.*/, '') } };
}

test('the test model lite0 is that of PyTorch, record by record', async () => {
  const [ours, theirs] = [await recordsOf(testModel('lite0')), await recordsOf(made('lite0', '.pt'))];
  expect([...ours.keys()]).toEqual([...theirs.keys()]);
  const different = [...theirs].filter(([name, bytes]) => !bytes.equals(ours.get(name)!)).map(([name]) => name);
  expect(different.filter((name) => name !== METADATA)).toEqual([]);
  expect(comparable(ours.get(METADATA)!)).toEqual(comparable(theirs.get(METADATA)!));
});

describe.each(['.pth', '.pkl'] as const)("the authors' layout as torch.save writes it, %s", (ending) => {
  let output: string;
  let result: ExportResult;
  beforeAll(async () => {
    output = join(folder, `exported${ending}.pt`);
    result = await exportModel(made('resnet50', ending), {
      dataset: 'koniq10k',
      output,
      name: 'hyperiqa-test-resnet50',
      ...testModelLabels,
    });
  });

  test('every record is that of the PyTorch export, byte for byte, but for the description', async () => {
    const [ours, theirs] = [await recordsOf(output), await recordsOf(made('resnet50', '.pt'))];
    expect([...ours.keys()]).toEqual([...theirs.keys()]);
    const different = [...theirs].filter(([name, bytes]) => !bytes.equals(ours.get(name)!)).map(([name]) => name);
    expect(different).toEqual([METADATA]);
    // 355 tensors, 27,375,369 parameters and the statistics of the batch norms.
    expect([...ours.keys()].filter((name) => name.startsWith('archive/data/'))).toHaveLength(355);
  });

  test('so is the description, but for the last digits of the check scores', async () => {
    const [ours, theirs] = await Promise.all(
      [output, made('resnet50', '.pt')].map(
        async (path) => JSON.parse(String((await recordsOf(path)).get(METADATA))) as never,
      ),
    );
    const { selfCheck, exporter, sourceSha256, ...rest } = theirs as unknown as ExportResult['metadata'];
    const close = selfCheck.scores.map((score) => expect.closeTo(score, 4) as number);
    expect(ours).toEqual({
      ...rest,
      sourceSha256: ending === '.pth' ? sourceSha256 : result.checkpoint.sha256,
      selfCheck: { ...selfCheck, scores: close },
      exporter: { ...exporter, torch: exporter.torch.replace(/\+.*/, '') },
    });
    expect(Object.keys(ours!)).toEqual(Object.keys(theirs!));
    expect(result.metadata).toEqual(presented(ours as unknown as StoredMetadata));
  });

  test('photographs have the same scores to 1e-4', async () => {
    const scores: number[][] = [];
    for (const path of [output, made('resnet50', '.pt')]) {
      await using iqa = await HyperIQA.load(path, scoring);
      scores.push((await iqa.score(photograph, { crops: 3 })).crops.map(({ score }) => score));
    }
    expect(scores[0]!.map((score, i) => Math.abs(score - scores[1]![i]!))).toEqual(
      [0, 1, 2].map(() => expect.closeTo(0, 4) as number),
    );
    expect(new Set(scores[0]).size).toBe(3);
  });
});

test('the archive writer gives the bytes that Python gives', async () => {
  const reference = made('resnet50', '.pt');
  const records = [...(await recordsOf(reference))].map(([name, bytes]) => ({ name, bytes }));
  const path = join(folder, 'copy.pt');
  {
    await using file = await open(path, 'w');
    await writeArchive(file, records, () => undefined);
  }
  expect(readFileSync(path).equals(readFileSync(reference))).toBe(true);
});
