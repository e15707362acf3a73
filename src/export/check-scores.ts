/** The check scores of a new model, computed by the engine. */
import { HyperIQAError } from '../errors.js';
import { sha256OfFile } from '../files/sha256.js';
import { know, remember } from '../model-file/known.js';
import { HyperIQA } from '../scoring/scorer.js';
import type { LoadOptions, SelfCheckResult } from '../types.js';
import type { CheckedExportOptions } from './export-options.js';

type Options = Pick<CheckedExportOptions, 'libtorch' | 'signal'>;

/** Options with one thread and the four patches in one batch: the same scores each time, and no measurement at load. */
function loadOptions({ libtorch, signal }: Options): LoadOptions {
  return {
    device: 'cpu',
    threads: 1,
    batchSize: 4,
    ...(libtorch === undefined ? {} : { libtorch }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/**
 * The scores of the self-check patches by a model file whose own scores are not known yet.
 *
 * A model file's scores are defined as those of the unoptimised fp32 graph on the CPU. The engine has no such mode; the
 * nearest is plain freezing, which folds constants and batch norms and was seen to differ from it by at most 2e-5
 * (docs/model-format.md), a fiftieth of the tolerance.
 *
 * @throws HyperIQAError ERR_CHECKPOINT_VALUES where a score is no number; the errors of `HyperIQA.load`
 */
export async function computeScores(path: string, options: Options): Promise<number[]> {
  // The file's code is the template's, which comes with the package, so it needs no trial.
  know(await sha256OfFile(path));
  await using iqa = await HyperIQA.load(path, { ...loadOptions(options), graphMode: 'freeze', selfCheck: false });
  const { actual } = await iqa.selfCheck();
  if (actual.every(Number.isFinite)) return [...actual];
  throw new HyperIQAError(
    'ERR_CHECKPOINT_VALUES',
    `The weights give scores that are no numbers: ${actual.join(', ')}.`,
  );
}

/**
 * Loads a finished model file and checks its scores, with a graph that is optimised otherwise: scores that only one way of
 * computing them gives are not to be trusted.
 *
 * @throws HyperIQAError ERR_MODEL_SELF_CHECK; the errors of `HyperIQA.load`
 */
export async function checkScores(
  path: string,
  options: Options,
): Promise<{ sha256: string; selfCheck: SelfCheckResult }> {
  await remember(await sha256OfFile(path));
  await using iqa = await HyperIQA.load(path, { ...loadOptions(options), graphMode: 'optimize' });
  const { selfCheck, model } = iqa.info;
  if (selfCheck === null) throw new HyperIQAError('ERR_INTERNAL', 'The model was loaded without its self-check.');
  return { sha256: model.sha256, selfCheck };
}
