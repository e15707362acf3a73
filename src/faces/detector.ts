/** A loaded face detector: load, detect, detectAll, dispose. */
import type { NativeDetectionResult, NativeDetector } from '../../binding.js';
import { fromCallSite } from '../support/call-site.js';
import { checkEngineSize } from '../intake/cost.js';
import { decodingPlaces, inDecodingPlace } from '../intake/decodings.js';
import { Disposal } from '../intake/disposal.js';
import { HyperIQAError, toHyperIQAError } from '../errors.js';
import { captureImage } from '../image/capture.js';
import { sha256OfFile } from '../files/sha256.js';
import { loadSharp } from '../image/sharp.js';
import { ImageQueue, type Processed } from '../intake/image-queue.js';
import {
  cancelledBy,
  checkModelFile,
  deepFreeze,
  loadArguments,
  modelPath,
  untilAborted,
} from '../model-file/model-file.js';
import { requireTried } from '../model-file/known.js';
import { loadBinding } from '../libtorch/addon.js';
import { identityOf, versions } from '../scoring/provenance.js';
import { defaultFaceModelPath } from '../model-file/shipped.js';
import { checkBatchOptions, checkInputs, scoreAll } from '../scoring/many.js';
import type { BatchItem, DisposeOptions, ImageInput, QueueStats, RawImage } from '../types.js';
import {
  checkDetectOptions,
  checkDetectorLoadOptions,
  type CheckedDetectOptions,
  type CheckedDetectorLoadOptions,
} from './detect-options.js';
import { presentedDetector, type StoredDetectorMetadata } from './metadata.js';
import { selectFaces } from './selection.js';
import type {
  DetectAllOptions,
  DetectionProvenance,
  DetectOptions,
  DetectorInfo,
  DetectorLoadOptions,
  DetectResult,
  Face,
  Rectangle,
} from './types.js';

/** Options for detection in one image. */
export interface DetectionPlan extends CheckedDetectOptions {
  /** Waits where the queue is full of calls, as the methods do that pull their inputs themselves. */
  waits?: boolean;
}

/**
 * `FaceDetector.detect` with checked options, for the methods of the package.
 *
 * @throws HyperIQAError as `FaceDetector.detect`, but no ERR_QUEUE_FULL where the plan waits
 */
export let detectPlanned: (detector: FaceDetector, input: ImageInput, plan: DetectionPlan) => Promise<DetectResult>;

/** Tests whether a detector refuses new calls with ERR_DISPOSED. */
export let isDetectorEnding: (detector: FaceDetector) => boolean;

/**
 * MTCNN (Zhang et al., IEEE Signal Processing Letters 23, 2016) with the weights of facenet-pytorch, on the same engine
 * as the scorer. Calls may overlap.
 *
 * ```js
 * const detector = await FaceDetector.load();
 * const { status, faces } = await detector.detect('photo.jpg', { exactlyOne: true, crops: true });
 * if (status === 'ok') console.log(await iqa.score(faces[0].pixels));
 * await detector.dispose();
 * ```
 */
export class FaceDetector implements AsyncDisposable {
  /** The model and how it is computed. */
  readonly info: DetectorInfo;
  /** Limit given at load; Infinity without one. */
  readonly maxPending: number;
  readonly #engine: NativeDetector;
  readonly #queue: ImageQueue;
  readonly #maxQueueImages: number;
  readonly #disposal: Disposal;

  static {
    detectPlanned = (detector, input, plan) => detector.#detect(input, plan);
    isDetectorEnding = (detector) => detector.#queue.ending;
  }

  private constructor(engine: NativeDetector, info: DetectorInfo, options: CheckedDetectorLoadOptions) {
    this.#engine = engine;
    this.info = info;
    this.#queue = new ImageQueue(engine, 'The face detector', options.intake);
    this.#disposal = new Disposal(this.#queue, engine);
    this.maxPending = options.intake.maxPending;
    this.#maxQueueImages = options.native.maxQueueImages;
  }

  /** Images that were accepted and have neither result nor error, as `HyperIQA.pending`. Never more than `maxPending`. */
  get pending(): number {
    return this.#queue.pending;
  }

  /** Numbers of images in each stage, and sums since the load, like `HyperIQA.stats`. */
  get stats(): QueueStats {
    return this.#queue.stats;
  }

  /**
   * Loads a face detector: `load(model, options)`, or `load({ model, ...options })`. `model` is the path or file URL of a
   * model file of kind `faces`; default: the detector of the package.
   *
   * @throws HyperIQAError ERR_INVALID_ARGUMENT, ERR_MODEL_NOT_FOUND, ERR_MODEL_FORMAT, ERR_MODEL_UNTRUSTED, ERR_MODEL_SELF_CHECK,
   *   ERR_DEVICE_UNAVAILABLE, ERR_LIBTORCH_NOT_FOUND, ERR_LIBTORCH_VERSION, ERR_LIBTORCH_LOAD, ERR_ADDON_NOT_FOUND,
   *   ERR_OUT_OF_MEMORY, ERR_ABORTED
   */
  static async load(options: DetectorLoadOptions & { model?: string | URL }): Promise<FaceDetector>;
  static async load(model?: string | URL, options?: DetectorLoadOptions): Promise<FaceDetector>;
  static async load(first?: unknown, second?: unknown): Promise<FaceDetector> {
    const { model, options } = loadArguments(first, second);
    const path = modelPath(model, defaultFaceModelPath());
    const checked = checkDetectorLoadOptions(options);
    return untilAborted(async () => {
      const { engine, info } = await load(path, checked);
      return new FaceDetector(engine, info, checked);
    }, checked.signal);
  }

  /**
   * Finds the faces of one image, of any size.
   *
   * The input is taken hold of at the call, as by `HyperIQA.score`, and decoded as it is seen: upright by EXIF, in sRGB,
   * on white where it is transparent.
   *
   * @throws HyperIQAError (as a rejection) ERR_QUEUE_FULL, ERR_INVALID_ARGUMENT, ERR_IMAGE_NOT_FOUND, ERR_IMAGE_READ, ERR_IMAGE_EMPTY,
   *   ERR_IMAGE_FORMAT, ERR_IMAGE_DECODE, ERR_IMAGE_TOO_LARGE, ERR_IMAGE_RAW_SIZE, ERR_ABORTED, ERR_DISPOSED,
   *   ERR_OUT_OF_MEMORY, ERR_INTERNAL
   */
  detect(input: ImageInput, options: DetectOptions = {}): Promise<DetectResult> {
    return fromCallSite(async () => this.#detect(input, this.#check(options)));
  }

  /**
   * Finds the faces of every image of an iterable. Each item has its result or its error; an image that cannot be read
   * stops nothing. Inputs are pulled only as they are needed, and leaving the loop ends what is under way at once. Where
   * other calls have taken all `maxPending` places, inputs wait.
   *
   * @throws HyperIQAError ERR_INVALID_ARGUMENT at the call; ERR_ABORTED or ERR_DISPOSED from the loop
   */
  detectAll<T extends ImageInput>(
    inputs: Iterable<T> | AsyncIterable<T>,
    options: DetectAllOptions = {},
  ): AsyncGenerator<BatchItem<T, DetectResult>, void, undefined> {
    checkInputs(inputs, 'detectAll');
    const checked = this.#check(options, ['concurrency', 'order']);
    return scoreAll(inputs, {
      score: (input, signal) => this.#detect(input, { ...checked, signal, waits: true }),
      ...checkBatchOptions(
        options,
        () => decodingPlaces() + Math.min(2 * this.info.workers, this.#maxQueueImages),
        this.maxPending,
      ),
      signal: checked.signal,
      ending: () => this.#queue.ending,
    });
  }

  /**
   * Ends the detector and frees its model, as `HyperIQA.dispose`.
   *
   * @throws HyperIQAError ERR_INVALID_ARGUMENT
   */
  dispose(options?: DisposeOptions): Promise<void> {
    return this.#disposal.dispose(options);
  }

  /** Disposes of the detector at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #check(options: unknown, furtherKeys: readonly string[] = []): CheckedDetectOptions {
    return checkDetectOptions(options, this.info.model.detection.searchSize, furtherKeys);
  }

  #detect(input: ImageInput, plan: DetectionPlan): Promise<DetectResult> {
    const { limitInputPixels, limitInputBytes } = plan.limits;
    return this.#queue.run(() => captureImage(input, limitInputPixels, limitInputBytes), {
      decode: this.info.model.detection.decode,
      signal: plan.signal,
      waits: plan.waits ?? false,
      check: checkEngineSize,
      submit: (data, width, height) => this.#engine.detect(data, width, height, { minimumFace: plan.searchSize }),
      finish: (processed) => this.#toResult(processed, plan),
    });
  }

  async #toResult(
    { native, data, width, height, warnings }: Processed<NativeDetectionResult>,
    options: CheckedDetectOptions,
  ): Promise<DetectResult> {
    const names = this.info.model.detection.landmarks;
    const { status, faces } = selectFaces(native.faces, names, { width, height }, options);
    return {
      status,
      faces: options.crops
        ? await withPixels(faces, { data, width, height, channels: 3 }, options.limits.limitInputPixels)
        : faces,
      width,
      height,
      warnings,
      provenance: this.#provenance(options),
    };
  }

  #provenance({
    minConfidence,
    minFaceSize,
    searchSize,
    exactlyOne,
    margin,
  }: CheckedDetectOptions): DetectionProvenance {
    const { model, device, versions } = this.info;
    return Object.freeze({
      model: identityOf(model),
      decode: model.detection.decode,
      ...{ minConfidence, minFaceSize, searchSize, exactlyOne, margin },
      device: device.id,
      versions,
    });
  }
}

/**
 * The kept faces with their pixels.
 *
 * @throws HyperIQAError ERR_IMAGE_TOO_LARGE where the crops, which overlap with a large margin, have more pixels together
 *   than an image may have
 */
async function withPixels(faces: readonly Face[], image: RawImage, limitInputPixels: number): Promise<Face[]> {
  const kept = faces.filter((face) => face.kept);
  const pixels = kept.reduce((sum, { crop }) => sum + crop.width * crop.height, 0);
  if (pixels > limitInputPixels) {
    throw new HyperIQAError(
      'ERR_IMAGE_TOO_LARGE',
      `The crops of the ${kept.length} faces would have ${pixels} pixels together, more than the limit of ` +
        `${limitInputPixels}. Use a smaller margin, or raise limitInputPixels.`,
    );
  }
  const all: Face[] = [];
  for (const face of faces) {
    all.push(face.kept ? { ...face, pixels: await inDecodingPlace(() => cut(image, face.crop)) } : face);
  }
  return all;
}

/** A part of an image, copied off the event loop. */
async function cut({ data, width, height, channels }: RawImage, part: Rectangle): Promise<RawImage> {
  try {
    const pixels = await loadSharp()(data, { raw: { width, height, channels }, limitInputPixels: false })
      .extract({ left: part.x, top: part.y, width: part.width, height: part.height })
      .raw()
      .toBuffer();
    return { data: pixels, width: part.width, height: part.height, channels };
  } catch (cause) {
    throw new HyperIQAError('ERR_INTERNAL', `A face could not be cut out: ${(cause as Error).message}`, { cause });
  }
}

async function load(
  path: string,
  options: CheckedDetectorLoadOptions,
): Promise<{ engine: NativeDetector; info: DetectorInfo }> {
  await checkModelFile(path, defaultFaceModelPath());
  const { binding, libtorch } = await loadBinding(options.libtorch === undefined ? {} : { libtorch: options.libtorch });
  const hashing = sha256OfFile(path, options.signal);
  // The first failure is reported; one of the hashing after it must not count as unhandled.
  hashing.catch(() => undefined);
  let engine: NativeDetector | undefined;
  try {
    if (!options.native.trustModel && path !== defaultFaceModelPath()) {
      await requireTried({ path, kind: 'faces', libtorch: libtorch.path }, await hashing, options.signal);
    }
    engine = await cancelledBy(options.signal, (giveCancel) =>
      binding.loadDetector({ ...options.native, modelPath: path }, giveCancel),
    );
    const { metadata, fallbackReason, ...native } = engine.info;
    const info = deepFreeze({
      ...native,
      model: { ...presentedDetector(JSON.parse(metadata) as StoredDetectorMetadata), path, sha256: await hashing },
      fallbackReason: fallbackReason === '' ? null : fallbackReason,
      libtorch: { version: binding.libtorchVersion, path: libtorch.path, source: libtorch.source },
      versions: versions(binding.libtorchVersion),
    });
    return { engine, info };
  } catch (error) {
    await engine?.dispose();
    throw toHyperIQAError(error);
  }
}
