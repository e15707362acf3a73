/** A loaded model: load, score, scoreAll, selfCheck, dispose. */
import { existsSync } from 'node:fs';

import type { NativeEngine } from '../../binding.js';
import { fromCallSite } from '../support/call-site.js';
import { decodingPlaces } from '../intake/decodings.js';
import { Disposal } from '../intake/disposal.js';
import { HyperIQAError, toHyperIQAError } from '../errors.js';
import { captureImage } from '../image/capture.js';
import { sha256OfFile } from '../files/sha256.js';
import { cancelledBy, checkModelFile, deepFreeze, loadArguments, untilAborted } from '../model-file/model-file.js';
import { presented, type StoredMetadata } from '../model-file/metadata.js';
import { requireTried } from '../model-file/known.js';
import { locateModel, requireSha256, type LocatedModel } from '../model-file/locate.js';
import { prepareSharp } from '../image/sharp.js';
import { loadBinding, type LoadedBinding } from '../libtorch/addon.js';
import { notKept, tuningFile } from './tuning-cache.js';
import { checkLoadOptions, checkScoreOptions, type CheckedLoadOptions, type CheckedScoreOptions } from './options.js';
import { knownFields } from '../protocol/protocol.js';
import { provenanceOf, versions } from './provenance.js';
import { defaultModelPath } from '../model-file/shipped.js';
import { checkBatchOptions, checkInputs, scoreAll } from './many.js';
import { ScoringQueue, type Scored, type ScoringPlan } from './queue.js';
import type {
  DisposeOptions,
  ImageInput,
  Info,
  LoadOptions,
  Provenance,
  QueueStats,
  ScoreAllItem,
  ScoreAllOptions,
  ScoreOptions,
  ScoreResult,
  SelfCheckResult,
  Warning,
} from '../types.js';

/**
 * `HyperIQA.score` with checked options, for the methods of the package that score parts of what their callers ask for.
 *
 * @throws HyperIQAError as `HyperIQA.score`, but no ERR_QUEUE_FULL where the plan waits
 */
export let scorePlanned: (iqa: HyperIQA, input: ImageInput, plan: ScoringPlan) => Promise<ScoreResult>;

/**
 * Keeps a scorer that drains open for the parts of a call, which are scored with `follows`.
 *
 * @returns what ends that; to be called once
 * @throws HyperIQAError ERR_DISPOSED
 */
export let holdOpen: (iqa: HyperIQA) => () => void;

/** Whether a scorer refuses new calls with ERR_DISPOSED. */
export let isEnding: (iqa: HyperIQA) => boolean;

/**
 * A model on its devices, with a queue of its own. Calls may overlap: patches of different images share batches.
 *
 * ```js
 * const iqa = await HyperIQA.load();
 * const { score } = await iqa.score('photo.jpg');
 * await iqa.dispose();
 * ```
 */
export class HyperIQA implements AsyncDisposable {
  /** The model, the devices, and how it is computed. */
  readonly info: Info;
  /** As at load; Infinity where there is no limit. */
  readonly maxPending: number;
  readonly #engine: NativeEngine;
  readonly #queue: ScoringQueue;
  readonly #provenance: (options: CheckedScoreOptions) => Provenance;
  readonly #maxQueueImages: number;
  /** Warnings of every result: the CPU is used where a GPU was wanted. */
  readonly #warnings: readonly Warning[];
  readonly #disposal: Disposal;

  static {
    scorePlanned = (iqa, input, plan) => iqa.#score(input, plan);
    holdOpen = (iqa) => iqa.#queue.hold();
    isEnding = (iqa) => iqa.#queue.ending;
  }

  private constructor(engine: NativeEngine, info: Info, options: CheckedLoadOptions) {
    this.#engine = engine;
    this.info = info;
    this.#queue = new ScoringQueue(engine, options.intake);
    this.#disposal = new Disposal(this.#queue, engine);
    this.#provenance = provenanceOf(info);
    this.maxPending = options.intake.maxPending;
    this.#maxQueueImages = options.native.maxQueueImages;
    this.#warnings = fallbackWarnings(info, options);
  }

  /**
   * Images that were accepted and have neither result nor error, whatever method they came by: those of `score`, of
   * `qualityMap`, of `scoreAll` once it has its place, and faces. Never more than `maxPending`.
   */
  get pending(): number {
    return this.#queue.pending;
  }

  /** Numbers of images by phase, and sums since the load: cheap enough for every request. */
  get stats(): QueueStats {
    return this.#queue.stats;
  }

  /**
   * Loads a model: `load(model, options)`, or `load({ model, ...options })`.
   *
   * `model` is the path or file URL of a model file, or the name of a registered model (`addModel`); default: the model of
   * the package. A text with a separator or the ending `.pt` is a path; anything else is a name first. A file that is
   * neither of the package nor registered nor known from before is first loaded in a process of its own.
   *
   * @throws HyperIQAError ERR_INVALID_ARGUMENT, ERR_MODEL_NOT_FOUND, ERR_MODEL_FORMAT, ERR_MODEL_SELF_CHECK,
   *   ERR_MODEL_UNTRUSTED (more than models of hyperiqa need, or no process to try it in; see `trustModel`), ERR_MODEL_HASH
   *   (a registered model whose file was changed), ERR_DEVICE_UNAVAILABLE, ERR_DTYPE_UNSUPPORTED, ERR_LIBTORCH_NOT_FOUND,
   *   ERR_LIBTORCH_VERSION, ERR_LIBTORCH_LOAD, ERR_ADDON_NOT_FOUND, ERR_PERMISSION, ERR_OUT_OF_MEMORY, ERR_ABORTED
   */
  static async load(options: LoadOptions & { model?: string | URL }): Promise<HyperIQA>;
  /** Loads a model, named in front of the options. */
  static async load(model?: string | URL, options?: LoadOptions): Promise<HyperIQA>;
  static async load(first?: unknown, second?: unknown): Promise<HyperIQA> {
    const { model, options } = loadArguments(first, second);
    const checked = checkLoadOptions(options);
    return untilAborted(async () => {
      const { engine, info } = await locateAndLoad(model, checked);
      return new HyperIQA(engine, info, checked);
    }, checked.signal);
  }

  /**
   * Scores one image.
   *
   * The input is taken hold of at the call: bytes and pixels are copied, so their memory may be reused at once. Calls
   * beyond what the engine has room for wait in order, up to `maxPending` of them. A stream is not pulled before there is
   * room for its bytes; one that is given up is destroyed (a request of Node's http and http2 servers is left unread
   * instead, so that it can be answered).
   *
   * @throws HyperIQAError (as a rejection) ERR_QUEUE_FULL, ERR_INVALID_ARGUMENT, ERR_IMAGE_NOT_FOUND, ERR_IMAGE_READ,
   *   ERR_IMAGE_EMPTY, ERR_IMAGE_FORMAT, ERR_IMAGE_DECODE, ERR_IMAGE_TOO_LARGE, ERR_IMAGE_RAW_SIZE, ERR_ABORTED,
   *   ERR_DISPOSED, ERR_OUT_OF_MEMORY, ERR_INTERNAL
   */
  score(input: ImageInput, options: ScoreOptions = {}): Promise<ScoreResult> {
    return fromCallSite(async () => this.#score(input, checkScoreOptions(options, this.info.model)));
  }

  /**
   * Scores every image of an iterable. Each item has its result or its error; an image that cannot be scored stops
   * nothing. Inputs are pulled only as they are needed, so the iterable may be endless. Where other calls have taken all
   * `maxPending` places, they wait.
   *
   * Leaving the loop and an abort end what is under way at once and close the iterable. An error of the iterable itself is
   * thrown after the items that were pulled before it.
   *
   * @throws HyperIQAError ERR_INVALID_ARGUMENT at the call; ERR_ABORTED or ERR_DISPOSED from the loop
   */
  scoreAll<T extends ImageInput>(
    inputs: Iterable<T> | AsyncIterable<T>,
    options: ScoreAllOptions = {},
  ): AsyncGenerator<ScoreAllItem<T>, void, undefined> {
    checkInputs(inputs);
    const checked = checkScoreOptions(options, this.info.model, ['concurrency', 'order']);
    return scoreAll(inputs, {
      score: (input, signal) => this.#score(input, { ...checked, signal, waits: true }),
      ...checkBatchOptions(options, () => this.#defaultConcurrency(checked), this.maxPending),
      signal: checked.signal,
      ending: () => this.#queue.ending,
    });
  }

  /**
   * Recomputes the model's check values with the device and dtype in use.
   *
   * @throws HyperIQAError ERR_DISPOSED, ERR_OUT_OF_MEMORY, ERR_INTERNAL; values that differ are no error here but
   *   `passed: false`
   */
  async selfCheck(): Promise<SelfCheckResult> {
    const release = this.#queue.hold();
    try {
      return await this.#engine.selfCheck();
    } catch (error) {
      throw toHyperIQAError(error);
    } finally {
      release();
    }
  }

  /**
   * Ends the engine and frees the model. Unfinished calls reject with ERR_DISPOSED; with `drain`, only new ones do, and what
   * was accepted ends first. A loop over `scoreAll` then gets the items of all inputs that were pulled, and pulls no more
   * before it throws ERR_DISPOSED. May be called again: without `drain`, a drain that is under way is given up.
   *
   * @throws HyperIQAError ERR_INVALID_ARGUMENT
   */
  dispose(options?: DisposeOptions): Promise<void> {
    return this.#disposal.dispose(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  async #score(input: ImageInput, plan: ScoringPlan): Promise<ScoreResult> {
    const { limitInputPixels, limitInputBytes } = plan.limits;
    const scored = await this.#queue.score(() => captureImage(input, limitInputPixels, limitInputBytes), plan);
    return this.#toResult(scored, { ...plan, protocol: scored.protocol });
  }

  #toResult({ native, width, height, warnings }: Scored, options: CheckedScoreOptions): ScoreResult {
    const { score, standardError, spread, crops, resizedWidth, resizedHeight } = native;
    const { patchSize } = this.info.model;
    return {
      score,
      standardError,
      spread,
      crops: crops.map(({ x, y, score: patch }) => ({ x, y, width: patchSize, height: patchSize, score: patch })),
      width,
      height,
      resized: { width: resizedWidth, height: resizedHeight },
      warnings: [...this.#warnings, ...warnings, ...scoringWarnings(native, width, height, options)],
      provenance: this.#provenance(options),
    };
  }

  /** Enough to keep every worker busy while others are decoded, but never more than the engine and decoding can hold. */
  #defaultConcurrency({ protocol: { crops } }: CheckedScoreOptions): number {
    // A grid that covers the image has mostly four patches or more.
    const patches =
      crops.plan === 'random' ? crops.count : crops.plan === 'pyiqa' ? 25 : crops.plan === 'center' ? 1 : 4;
    const busy = Math.ceil((2 * this.info.workers * this.info.batchSize) / patches);
    return decodingPlaces() + Math.min(Math.max(busy, 2 * this.info.workers), this.#maxQueueImages);
  }
}

/** A registered model may be replaced between the moment it is found and the one it is read: then it is found anew. */
async function locateAndLoad(model: unknown, options: CheckedLoadOptions): ReturnType<typeof load> {
  for (let located = await locateModel(model); ;) {
    try {
      return await load(located, options);
    } catch (error) {
      if (!located.registered) throw error;
      const now = await locateModel(model);
      if (now.path === located.path) throw error;
      located = now;
    }
  }
}

async function load(
  { path, registered }: LocatedModel,
  options: CheckedLoadOptions,
): Promise<{ engine: NativeEngine; info: Info }> {
  await checkModelFile(path, defaultModelPath());
  // Begins before LibTorch is opened, which happens on another thread meanwhile.
  const hashing = sha256OfFile(path, options.signal);
  // The first failure is reported; one of the hashing after it must not count as unhandled.
  hashing.catch(() => undefined);
  let engine: NativeEngine | undefined;
  try {
    const loaded = await loadBinding(options.libtorch === undefined ? {} : { libtorch: options.libtorch });
    if (registered) requireSha256(registered.name, path, await hashing, registered.sha256);
    const trustModel = options.native.trustModel || registered?.trusted === true;
    const isTrialKept =
      trustModel ||
      registered !== undefined ||
      path === defaultModelPath() ||
      (await requireTried({ path, kind: 'quality', libtorch: loaded.libtorch.path }, await hashing, options.signal));
    engine = await cancelledBy(options.signal, (giveCancel) => {
      const native = { ...options.native, trustModel, modelPath: path, tuningFile: tuningFile() ?? '' };
      const loading = loaded.binding.load(native, giveCancel);
      // While the engine's thread works; earlier it would wait for the opening of LibTorch, because the dynamic linker
      // opens one library at a time.
      prepareSharp();
      return loading;
    });
    const warnings = await cacheWarnings(engine.info.tuning === 'not-stored', !isTrialKept);
    return { engine, info: makeInfo(engine, path, await hashing, loaded, options, warnings) };
  } catch (error) {
    await engine?.dispose();
    throw toHyperIQAError(error);
  }
}

async function cacheWarnings(isMeasuredAgain: boolean, isTriedAgain: boolean): Promise<Warning[]> {
  if (!isMeasuredAgain && !isTriedAgain) return [];
  const measured = 'The settings that were measured at this load are not kept.';
  const tried = 'That the model has been tried is not kept.';
  return [await notKept([...(isMeasuredAgain ? [measured] : []), ...(isTriedAgain ? [tried] : [])].join(' '))];
}

function makeInfo(
  engine: NativeEngine,
  path: string,
  sha256: string,
  { binding, libtorch }: LoadedBinding,
  options: CheckedLoadOptions,
  warnings: Warning[],
): Info {
  const { metadata, fallbackReason: reason, ...native } = engine.info;
  const fallbackReason = reason === '' ? null : reason;
  const model = presented(JSON.parse(metadata) as StoredMetadata);
  let known;
  try {
    known = knownFields(model);
  } catch (cause) {
    throw new HyperIQAError('ERR_MODEL_FORMAT', `${path}: ${(cause as Error).message}`, { cause });
  }
  return deepFreeze({
    ...native,
    model: { ...model, ...known, path, sha256 },
    fallbackReason,
    libtorch: { version: binding.libtorchVersion, path: libtorch.path, source: libtorch.source },
    versions: versions(binding.libtorchVersion),
    warnings: [...fallbackWarnings({ fallbackReason }, options), ...warnings],
  });
}

/**
 * Warnings for every result if `auto` took the CPU where a GPU was to be expected: `auto` was asked for by name, or the
 * machine has NVIDIA's driver. Elsewhere `info` and the provenance say it.
 */
function fallbackWarnings(
  { fallbackReason }: Pick<Info, 'fallbackReason'>,
  { autoAsked }: CheckedLoadOptions,
): Warning[] {
  if (fallbackReason === null || !(autoAsked || hasDriver())) return [];
  return [{ code: 'WARN_DEVICE_FALLBACK', message: `Computed on the CPU: ${fallbackReason}` }];
}

function hasDriver(): boolean {
  try {
    return existsSync('/dev/nvidiactl') || existsSync('/dev/dxg');
  } catch {
    // Deno shows devices to programs with all permissions only.
    return false;
  }
}

function scoringWarnings(
  native: Scored['native'],
  width: number,
  height: number,
  { protocol, maxStandardError }: CheckedScoreOptions,
): Warning[] {
  const warnings: Warning[] = [];
  const { resizedWidth, resizedHeight } = native;
  // The engine only tells of the enlargement to the smallest side; a protocol's own resize may come before it.
  const small = Math.min(width, height) < protocol.minSide;
  if (native.enlarged || (small && (resizedWidth > width || resizedHeight > height))) {
    warnings.push({
      code: 'WARN_ENLARGED',
      message:
        `The image of ${width}×${height} pixels was enlarged to ${resizedWidth}×${resizedHeight}, ` +
        `since protocol '${protocol.name}' needs ${protocol.minSide} pixels on the shorter side.`,
    });
  }
  if (maxStandardError !== undefined && !native.standardErrorReached) {
    warnings.push({
      code: 'WARN_STANDARD_ERROR_NOT_REACHED',
      message:
        `After ${native.crops.length} crops the standard error is ${native.standardError?.toPrecision(3) ?? 'unknown'}, ` +
        `not below ${maxStandardError}.`,
    });
  }
  return warnings;
}
