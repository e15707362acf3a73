/** Converts a checkpoint to a model file, without Python. */
import { stat } from 'node:fs/promises';

import { abortedError } from '../support/abort.js';
import { HyperIQAError } from '../errors.js';
import { isSameFile } from '../files/same-file.js';
import { packageVersion } from '../support/package.js';
import { presented, type StoredMetadata } from '../model-file/metadata.js';
import { checkPath } from '../support/validate.js';
import { checkScores, computeScores } from './check-scores.js';
import { InputFile } from './input-file.js';
import { knownCheckpoint, type KnownCheckpoint } from './known-checkpoints.js';
import { fitStateDict, type CheckpointLayout } from './layouts.js';
import { TemporaryModel } from './temporary-model.js';
import { checkExportOptions, type CheckedExportOptions } from './export-options.js';
import { readTemplate, type Template, type TemplateMetadata } from './template.js';
import { openTorchFile } from './torch-file.js';
import type { ExportOptions, ExportResult, ExportStage } from './types.js';
import { readWeights, weightsSha256, type Weights } from './weights.js';

/**
 * Makes a model file of a checkpoint of the paper's network (ResNet-50): the authors' or pyiqa's, or one that was
 * trained with their code, as PyTorch's `torch.save` writes it in either of its formats.
 *
 * The checkpoint may come from anywhere: no code in it is ever run, and nothing of it but tensors is read. The weights in
 * the model file are those of the checkpoint, bit by bit (half and double precision become fp32), and the file is the
 * same as the one that models/export.py writes, but for the last digits of its check scores: here they are those of the
 * frozen fp32 graph on this machine's CPU. The finished file is read back, loaded, and checked on another path of the
 * engine before it gets its name.
 *
 * ```js
 * await exportModel('koniq_pretrained.pkl', { dataset: 'koniq10k', output: 'koniq.pt' });
 * const iqa = await HyperIQA.load('koniq.pt');
 * ```
 *
 * @param checkpoint - Path or file URL.
 * @throws HyperIQAError ERR_INVALID_ARGUMENT; ERR_CHECKPOINT_READ, ERR_CHECKPOINT_FORMAT, ERR_CHECKPOINT_DAMAGED,
 *   ERR_CHECKPOINT_UNSAFE, ERR_CHECKPOINT_KEYS, ERR_CHECKPOINT_SHAPE, ERR_CHECKPOINT_VALUES, ERR_CHECKPOINT_HASH;
 *   ERR_DATASET where the weights cannot have been trained on it; ERR_OUTPUT; ERR_ABORTED; ERR_MODEL_SELF_CHECK and the
 *   errors of loading LibTorch as `HyperIQA.load` has them
 */
export async function exportModel(checkpoint: string | URL, options: ExportOptions): Promise<ExportResult> {
  const path = checkPath('checkpoint', checkpoint);
  const template = await readTemplate();
  const checked = checkExportOptions(options, template.backbone);
  const progress = new Reporter(checked);

  await using file = await InputFile.open(path);
  await requireOtherFile(path, checked.output);
  await TemporaryModel.probe(checked.output);
  // Before the hash, which takes as long as the file is large: what is no checkpoint is refused at once.
  const torchFile = await openTorchFile(file);
  const state = fitStateDict(path, torchFile.content, template.tensors);

  const sha256 = await file.sha256((done) => {
    progress.at('hash', done, file.size);
  });
  const known = knownCheckpoint(sha256);
  requirePin(path, sha256, checked.sha256);
  requireKnownDataset(path, known, checked.dataset);
  const description = describe(template, state.layout, checked, known);
  const weights = await readWeights(path, torchFile, state, template.tensors, (done, total) => {
    progress.at('read', done, total);
  });
  await file.requireUnchanged();

  const metadata: StoredMetadata = {
    ...description,
    weightsSha256: await weightsSha256(template.tensors, weights),
    sourceSha256: sha256,
  };
  const made = await makeFile(template, weights, metadata, checked, progress);
  return {
    path: checked.output,
    ...made,
    checkpoint: {
      path,
      bytes: file.size,
      sha256,
      format: torchFile.format,
      layout: state.layout,
      known: known?.title ?? null,
    },
  };
}

/** Tells how far it is, and ends the work where the caller has given it up. */
class Reporter {
  constructor(private readonly options: Pick<CheckedExportOptions, 'onProgress' | 'signal'>) {}

  at(stage: ExportStage, done: number, total: number): void {
    const { signal, onProgress } = this.options;
    if (signal?.aborted) throw abortedError(signal);
    onProgress({ stage, done, total });
  }
}

/** An output with the name of the checkpoint would replace it. */
async function requireOtherFile(checkpoint: string, output: string): Promise<void> {
  if (!(await isSameFile(checkpoint, output))) return;
  throw new HyperIQAError('ERR_INVALID_ARGUMENT', `output is the checkpoint itself, ${output}: name another file.`);
}

function requirePin(path: string, found: string, wanted: string | undefined): void {
  if (wanted === undefined || found === wanted) return;
  throw new HyperIQAError(
    'ERR_CHECKPOINT_HASH',
    `${path} is not the file that was asked for: its SHA-256 is ${found}, not ${wanted}. Get the file again, or check ` +
      'where the wanted value comes from.',
  );
}

function requireKnownDataset(path: string, known: KnownCheckpoint | undefined, dataset: string): void {
  if (known === undefined || known.dataset === dataset) return;
  throw new HyperIQAError('ERR_DATASET', `${path} is ${known.title}: its dataset is ${known.dataset}, not ${dataset}.`);
}

/** `hyperiqa.json` without what the weights decide. */
function describe(
  template: Template,
  layout: CheckpointLayout,
  { dataset, name, version, license, description }: CheckedExportOptions,
  known: KnownCheckpoint | undefined,
): StoredMetadata {
  const preset: TemplateMetadata | undefined = template.metadata[layout][dataset];
  if (preset === undefined) {
    const fitting = Object.keys(template.metadata[layout]).join(', ');
    throw new HyperIQAError('ERR_DATASET', `There are no ${layout} weights for ${dataset}, only for ${fitting}.`);
  }
  const source = known === undefined ? '' : ` (${known.title})`;
  return {
    ...preset,
    name,
    version,
    training: { dataset, description: description ?? preset.training.description + source },
    licence: license,
    weightsSha256: '',
    sourceSha256: null,
    // The engine takes no file without scores; it does not look at these.
    selfCheck: { scores: [0, 0, 0, 0], tolerance: preset.selfCheck.tolerance },
    exporter: { torch: template.torch, hyperiqa: packageVersion },
  };
}

/** Writes the file twice: the check scores stand at its beginning, and the engine computes them from the first one. */
async function makeFile(
  template: Template,
  weights: Weights,
  metadata: StoredMetadata,
  { output, ...options }: CheckedExportOptions,
  progress: Reporter,
): Promise<Pick<ExportResult, 'bytes' | 'sha256' | 'metadata' | 'selfCheck'>> {
  const write = async (model: TemporaryModel, content: StoredMetadata) => {
    await model.write(template, weights, content, (done, total) => {
      progress.at('write', done, total);
    });
  };
  let scores: number[];
  {
    await using draft = await TemporaryModel.create(output);
    await write(draft, metadata);
    progress.at('check', 0, CHECKS);
    scores = await computeScores(draft.path, options);
  }
  const finished = { ...metadata, selfCheck: { ...metadata.selfCheck, scores } };
  await using model = await TemporaryModel.create(output);
  await write(model, finished);
  progress.at('check', 1, CHECKS);
  await model.verify(template, finished);
  const checked = await checkScores(model.path, options);
  progress.at('check', CHECKS, CHECKS);
  const bytes = (await stat(model.path)).size;
  await model.publish();
  return { bytes, metadata: presented(finished), ...checked };
}

/** The scores that are computed, and their check. */
const CHECKS = 2;
