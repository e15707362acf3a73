/** Models by name: a registry in the cache folder of the user. */
import { stat } from 'node:fs/promises';

import { HyperIQAError } from '../errors.js';
import { sha256OfFile } from '../files/sha256.js';
import { checkModelFile } from '../model-file/model-file.js';
import { defaultModelPath } from '../model-file/shipped.js';
import { HyperIQA } from '../scoring/scorer.js';
import type { LoadOptions, ModelMetadata } from '../types.js';
import { checkBoolean, checkObject, checkPath, checkSignal, checkString } from '../support/validate.js';
import { requireSha256, unknownModel } from '../model-file/locate.js';
import { checkName } from '../model-file/names.js';
import { registryFolder, removeStored, Staged, storedModel, storedNames, type RegisteredModel } from '../model-file/registered.js';

export type { RegisteredModel };

/** One item of `listModels`: a model, or what is wrong with its entry. */
export type ListedModel =
  | { name: string; model: RegisteredModel; error?: undefined }
  | { name: string; model?: undefined; error: HyperIQAError };

/** Options of `addModel`. */
export interface AddModelOptions {
  /** Name for the model: 1 to 64 of a–z, 0–9, `.`, `-`, `_`, with a letter or digit at both ends. */
  name: string;
  /** Take the place of a model that has this name already. Default false. */
  replace?: boolean;
  /**
   * Run whatever the file holds, now and whenever it is loaded under its name: a model file is a program, and it can do
   * what this process can. Default false.
   */
  trustModel?: boolean;
  /** Folder of the LibTorch to use. Default: see docs/install.md. */
  libtorch?: string;
  signal?: AbortSignal;
}

/** Attempts to publish; each one fails only where another process changed the same name in the same moment. */
const ATTEMPTS = 10;

/** All registered models, sorted by name. An entry that cannot be read is an item with its error. */
export async function listModels(): Promise<ListedModel[]> {
  const names = await storedNames();
  const items = await Promise.all(
    names.map(async (name): Promise<ListedModel[]> => {
      try {
        const model = await storedModel(name);
        // Removed since the names were read.
        return model === undefined ? [] : [{ name, model }];
      } catch (error) {
        if (error instanceof HyperIQAError) return [{ name, error }];
        throw error;
      }
    }),
  );
  return items.flat();
}

/**
 * Copies a model file into the registry, so that `HyperIQA.load(name)` and `--model name` find it, whatever becomes of the
 * file. The copy is loaded on the CPU and must pass its self-check first. To add the same file again changes nothing.
 *
 * May be called by several processes at once, for the same name, too: of different files one is added.
 *
 * @param file - Path or file URL of a model file.
 * @throws HyperIQAError ERR_INVALID_ARGUMENT; ERR_MODEL_EXISTS where another model has the name; ERR_OUTPUT where the
 *   cache folder cannot be written; the errors of `HyperIQA.load`
 */
export async function addModel(file: string | URL, options: AddModelOptions): Promise<RegisteredModel> {
  const source = checkPath('file', file);
  const fields = checkObject('options', options, ['name', 'replace', 'trustModel', 'libtorch', 'signal']);
  const name = checkName(fields.name);
  const replace = fields.replace === undefined ? false : checkBoolean('replace', fields.replace);
  const trusted = fields.trustModel === undefined ? false : checkBoolean('trustModel', fields.trustModel);
  const loading = {
    trustModel: trusted,
    ...(fields.libtorch === undefined ? {} : { libtorch: checkString('libtorch', fields.libtorch) }),
    ...(fields.signal === undefined ? {} : { signal: checkSignal('signal', fields.signal) }),
  };
  await checkModelFile(source, defaultModelPath());
  if (!replace) {
    const present = await sameModel(name, await sha256OfFile(source), trusted);
    if (present) return present;
  }

  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await using staged = await writing(() => Staged.copy(source));
    const entry = { ...(await inspect(staged.path, loading)), trusted, added: new Date().toISOString(), source };
    const added =
      (await writing(() => staged.publish(name, entry))) ||
      (replace && (await writing(() => staged.replace(name, entry))));
    const model = added ? await storedModel(name) : await sameModel(name, entry.sha256, trusted);
    if (model) return model;
  }
  throw new HyperIQAError('ERR_MODEL_EXISTS', `Other processes keep changing the model ${name}. Try again.`);
}

/**
 * A registered model, with its file compared with its SHA-256.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT; ERR_MODEL_NOT_FOUND; ERR_MODEL_HASH where the file is no longer what was
 *   added; ERR_MODEL_FORMAT where the entry is damaged
 */
export async function verifyModel(name: string): Promise<RegisteredModel> {
  const model = await storedModel(checkName(name));
  if (model === undefined) throw await unknownModel(name, 'none is registered under this name');
  requireSha256(name, model.path, await sha256OfFile(model.path), model.sha256);
  return model;
}

/**
 * Takes a model out of the registry, with its copy in the cache. Scorers that have loaded it go on.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT, ERR_MODEL_NOT_FOUND, ERR_OUTPUT
 */
export async function removeModel(name: string): Promise<void> {
  const checked = checkName(name);
  if (await writing(() => removeStored(checked))) return;
  throw await unknownModel(checked, 'none is registered under this name');
}

/**
 * The model of this name if it is the same file, trusted as much.
 *
 * @throws HyperIQAError ERR_MODEL_EXISTS if it is another one
 */
async function sameModel(name: string, sha256: string, trusted: boolean): Promise<RegisteredModel | undefined> {
  const model = await storedModel(name);
  if (model === undefined || (model.sha256 === sha256 && model.trusted === trusted)) return model;
  const { metadata } = model;
  if (model.sha256 === sha256) {
    throw new HyperIQAError(
      'ERR_MODEL_EXISTS',
      `This file is registered as ${name} ${model.trusted ? 'as a trusted model' : 'without trust'}. To change that, ` +
        'use the option replace.',
    );
  }
  throw new HyperIQAError(
    'ERR_MODEL_EXISTS',
    `Another model is registered as ${name}: ${metadata.name} ${metadata.version}, added from ${model.source}. ` +
      'Choose another name, or use the option replace.',
  );
}

/** Loads a model file with its self-check, and returns its description. */
async function inspect(path: string, loading: LoadOptions): Promise<Pick<RegisteredModel, 'size' | 'sha256' | 'metadata'>> {
  await using iqa = await HyperIQA.load(path, { ...loading, device: 'cpu', threads: 1, batchSize: 4, graphMode: 'freeze' });
  const { sha256, ...model } = iqa.info.model;
  const metadata: ModelMetadata & { path?: string } = { ...model };
  delete metadata.path;
  return { size: (await stat(path)).size, sha256, metadata };
}

async function writing<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof HyperIQAError) throw error;
    throw new HyperIQAError(
      'ERR_OUTPUT',
      `The registry of models, ${registryFolder()}, cannot be changed: ${(error as Error).message}`,
      { cause: error },
    );
  }
}
