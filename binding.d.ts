/**
 * The native boundary, typed by hand: what `hyperiqa.node` exports. `test/native/binding.test.ts` holds the addon against it.
 *
 * Everything here is internal; the public API is `src/index.ts`. Arguments are validated in TypeScript before they get
 * here, and once more natively so that no call can crash the process. Errors are `Error`s with a stable string `code`.
 */

/** Resize of an image before patches are cut; the same object as in a model's `protocol.resize`. */
export type NativeResize =
  { mode: 'none' } | { mode: 'exact'; width: number; height: number } | { mode: 'short-side'; size: number };

/** Positions of patches; the same object as in a model's `protocol.crops`. */
export type NativeCrops =
  | { plan: 'random'; count: number }
  | { plan: 'grid'; rows?: number; columns?: number }
  | { plan: 'pyiqa' }
  | { plan: 'center' };

export interface NativeScoreOptions {
  resize: NativeResize;
  minimumSide: number;
  crops: NativeCrops;
  /** Unsigned 64-bit. */
  seed: bigint;
  maxStandardError?: number;
  maxCrops?: number;
}

export interface NativeCrop {
  x: number;
  y: number;
  score: number;
}

export interface NativeScoreResult {
  score: number;
  standardError: number | null;
  spread: number | null;
  crops: NativeCrop[];
  resizedWidth: number;
  resizedHeight: number;
  enlarged: boolean;
  standardErrorReached: boolean;
}

export type NativeGraphMode = 'freeze' | 'optimize' | 'onednn';
export type NativeDtype = 'fp32' | 'bf16' | 'fp16';
export type NativeTuning = 'cached' | 'measured' | 'not-stored' | 'default';

export interface NativeLoadOptions {
  modelPath: string;
  /** Whatever the file holds is run; nothing of it is looked at before. */
  trustModel: boolean;
  /** `auto`, `cpu`, `cuda`, `cuda:N`. */
  devices: string[];
  dtype: NativeDtype;
  /** 0: chosen by the engine. */
  threads: number;
  /** 0: chosen by the engine. */
  batchSize: number;
  graphMode: NativeGraphMode | 'auto';
  /** False: nothing is measured, and the tuning file is not looked at. */
  tuning: boolean;
  /** Empty: what is measured is not kept. */
  tuningFile: string;
  selfCheck: boolean;
  maxQueueImages: number;
  maxQueueBytes: number;
}

export interface NativeSelfCheck {
  expected: number[];
  actual: number[];
  largestDifference: number;
  tolerance: number;
  passed: boolean;
}

export interface NativeDevice {
  id: string;
  name: string;
}

export interface NativeEngineInfo {
  /** `hyperiqa.json` as stored in the model file. */
  metadata: string;
  devices: NativeDevice[];
  /** Reason for which `auto` did not choose CUDA; empty otherwise. */
  fallbackReason: string;
  dtype: NativeDtype;
  graphMode: NativeGraphMode;
  workers: number;
  threadsPerWorker: number;
  batchSize: number;
  tuning: NativeTuning;
  selfCheck: NativeSelfCheck | null;
}

export interface NativeTicket {
  /** Names the job for `cancel`. */
  id: number;
  result: Promise<NativeScoreResult>;
}

export interface NativeEngine {
  readonly info: NativeEngineInfo;
  /**
   * Queues an interleaved RGB image (`width·height·3` bytes). The bytes are read later from engine threads without a
   * copy: the caller must not change, transfer or resize the buffer until the result is there.
   * Throws (does not reject) ERR_QUEUE_FULL, ERR_DISPOSED, ERR_INVALID_ARGUMENT, ERR_IMAGE_RAW_SIZE,
   * ERR_IMAGE_TOO_LARGE.
   */
  score(pixels: Uint8Array, width: number, height: number, options: NativeScoreOptions): NativeTicket;
  /** The job's promise will reject with ERR_ABORTED. Never blocks. False: no such job, or done already. */
  cancel(id: number): boolean;
  selfCheck(): Promise<NativeSelfCheck>;
  /** Ends the engine; unfinished jobs reject with ERR_DISPOSED. Waits for some seconds at most for what is being
   *  computed. Idempotent. */
  dispose(): Promise<void>;
}

export interface NativeDetectorLoadOptions {
  modelPath: string;
  /** Whatever the file holds is run; nothing of it is looked at before. */
  trustModel: boolean;
  /** `auto`, `cpu`, `cuda`, `cuda:N`. */
  device: string;
  /** 0: chosen by the engine. */
  threads: number;
  selfCheck: boolean;
  maxQueueImages: number;
  maxQueueBytes: number;
}

export interface NativeDetectorInfo {
  /** `hyperiqa.json` as stored in the model file. */
  metadata: string;
  device: NativeDevice;
  /** Reason for which `auto` did not choose CUDA; empty otherwise. */
  fallbackReason: string;
  workers: number;
  selfCheck: NativeSelfCheck | null;
}

export interface NativeDetectOptions {
  /** Smallest face looked for, pixels, from 12; 0: the model's own. */
  minimumFace: number;
}

/** Box in pixels of the image; it may reach over the edges. */
export interface NativeFace {
  left: number;
  top: number;
  right: number;
  bottom: number;
  confidence: number;
  landmarks: { x: number; y: number }[];
}

export interface NativeDetectionResult {
  /** The largest first. */
  faces: NativeFace[];
}

export interface NativeDetectionTicket {
  /** Names the job for `cancel`. */
  id: number;
  result: Promise<NativeDetectionResult>;
}

export interface NativeDetector {
  readonly info: NativeDetectorInfo;
  /**
   * Queues an interleaved RGB image, as `NativeEngine.score` does.
   * Throws (does not reject) ERR_QUEUE_FULL, ERR_DISPOSED, ERR_INVALID_ARGUMENT, ERR_IMAGE_RAW_SIZE.
   */
  detect(pixels: Uint8Array, width: number, height: number, options: NativeDetectOptions): NativeDetectionTicket;
  /** The job's promise will reject with ERR_ABORTED. False: no such job, or done already. */
  cancel(id: number): boolean;
  /** Ends the detector; unfinished jobs reject with ERR_DISPOSED. Idempotent. */
  dispose(): Promise<void>;
}

export interface NativeCudaReport {
  available: boolean;
  reason: string;
  devices: NativeDevice[];
}

/** The largest values that the engine takes; a few of them are larger than those of the public API. */
export interface NativeLimits {
  threads: number;
  batchSize: number;
  /** Pixels. */
  side: number;
  /** Of an image, before and after the resize. */
  pixels: number;
  /** Of an image. */
  crops: number;
}

/** The values of options and results that are one of several names. */
export interface NativeNames {
  dtype: string[];
  graphMode: string[];
  tuning: string[];
  /** `resize.mode`. */
  resize: string[];
  /** `crops.plan`. */
  crops: string[];
}

export interface NativeBinding {
  readonly version: string;
  readonly libtorchVersion: string;
  readonly limits: NativeLimits;
  readonly names: NativeNames;
  /**
   * Bounds what this process can do from now on, for good: it writes no files, dumps no core, and has at most so many
   * bytes of memory of its own beyond those it has. For processes that try what is not trusted; where the system has no
   * such limits, nothing happens. Throws ERR_INVALID_ARGUMENT.
   */
  restrictProcess(memoryBytes: number): void;
  /** Opens the CUDA libraries where there are any, as every load does: slow the first time, so off the event loop. */
  cudaReport(): Promise<NativeCudaReport>;
  /** @param giveCancel Called before the load begins with a function that ends it: the promise then rejects, soon, with
   *  ERR_ABORTED; nothing happens where the load is done. */
  load(options: NativeLoadOptions, giveCancel?: (cancel: () => void) => void): Promise<NativeEngine>;
  loadDetector(options: NativeDetectorLoadOptions, giveCancel?: (cancel: () => void) => void): Promise<NativeDetector>;
}

/** `hyperiqa_loader.node`: no LibTorch dependency; opens LibTorch's libraries before the addon is loaded, and locks files. */
export interface NativeLoader {
  /**
   * Opens each library by absolute path, symbols global, in order, off the event loop. Rejects with ERR_LIBTORCH_LOAD and
   * the linker's words; throws ERR_INVALID_ARGUMENT.
   */
  open(paths: string[]): Promise<void>;
  /** LibTorch version that the addons were built for. */
  readonly builtForLibtorch: string;
  /** Version of the opened LibTorch as it reports itself, or null where it cannot be told. Leaves CUDA to be chosen. */
  libtorchVersion(): string | null;
  /**
   * Takes the exclusive advisory lock of an open file without waiting. It ends when the file is closed or the process
   * ends. False: another has it. Null: this system or file system has no such locks.
   */
  tryLock(descriptor: number): boolean | null;
  /** The process ends without destructors of static objects, where the system's C library is glibc; elsewhere nothing changes. */
  skipTeardown(): void;
}
