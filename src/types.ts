/** Public types of the API: what goes in, what comes out. */
import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';

/** Device that the model runs on. `auto`: CUDA if it works, else the CPU; the result names the choice. */
export type Device = 'auto' | 'cpu' | 'cuda' | `cuda:${number}`;
/** Number format of the computation. Results are always float32. */
export type Dtype = 'fp32' | 'bf16' | 'fp16';
/** Optimisation of the TorchScript graph at load. `auto` measures once per model and machine and remembers. */
export type GraphMode = 'auto' | 'freeze' | 'optimize' | 'onednn';
/**
 * Where the settings of a load come from: graph mode, workers with their threads, and batch size on the CPU.
 *
 * - `cached`: measured by an earlier load or by another process; nothing was measured now
 * - `measured`: measured now, and stored in the cache folder
 * - `not-stored`: measured in this process, and there is no cache folder or it cannot be written (WARN_NO_CACHE)
 * - `default`: nothing is measured: `tuning: false`, nothing left to choose, or no CPU among the devices
 */
export type TuningState = 'cached' | 'measured' | 'not-stored' | 'default';

/** Interleaved 8-bit pixels in memory, row-major, without padding: `width·height·channels` bytes. */
export interface RawImage {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
  /** 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha. */
  channels: 1 | 2 | 3 | 4;
}

/**
 * Members used of an instance of sharp, of any copy or version. Its pipeline is rendered to pixels in sRGB as it is at the
 * call, without being encoded; the instance can be used further. The pipeline decides on colour profile and orientation,
 * the protocol on alpha.
 */
export interface SharpInstance {
  /** The same method of sharp. */
  clone(): SharpInstance;
  /** The same method of sharp. */
  metadata(): Promise<{ width?: number; height?: number }>;
  /** The same method of sharp. */
  toColourspace(space: string): SharpInstance;
  /** The same method of sharp. */
  raw(options: { depth: 'uchar' }): SharpInstance;
  /** The same method of sharp. */
  toBuffer(options: { resolveWithObject: true }): Promise<{
    data: Uint8Array;
    info: { width: number; height: number; channels: number };
  }>;
}

/** Result of sharp's `toBuffer({ resolveWithObject: true })`: raw pixels if the format is `raw`, else encoded bytes. */
export interface SharpOutput {
  data: Uint8Array;
  info: { format: string; width: number; height: number; channels: 1 | 2 | 3 | 4 };
}

/**
 * Anything a user has: path, file or data URL, encoded bytes, stream of encoded bytes (Node's, the web's, or any async
 * iterable of chunks), Blob, Response of a `fetch`, FileHandle (read from its start; its owner closes it), instance or
 * output of sharp, or raw pixels. What is in memory is copied at the call and may be reused at once; only what an instance
 * of sharp reads from has to stay as it is until the result is there.
 */
export type ImageInput =
  | string
  | URL
  | Uint8Array
  | ArrayBuffer
  | SharedArrayBuffer
  | Readable
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | Blob
  | Response
  | FileHandle
  | SharpInstance
  | SharpOutput
  | RawImage
  | DecodedImage;

/** An image of `decodeImage`, to be given wherever an image is wanted. */
export interface DecodedImage extends Disposable {
  /** Size as decoded (upright, where the policy turns it), pixels. */
  readonly width: number;
  readonly height: number;
  /** Memory that it holds: the encoded bytes and the pixels of each decode policy in use. */
  readonly byteLength: number;
  /** Lets go of the memory, once what is under way has ended. Later uses fail with ERR_DISPOSED. May be called again. */
  dispose(): void;
}

/** Resize before patches are cut: none, to an exact size, or to a length of the shorter side, in pixels. */
export type Resize =
  | { readonly mode: 'none' }
  | { readonly mode: 'exact'; readonly width: number; readonly height: number }
  | { readonly mode: 'short-side'; readonly size: number };

/** Plan by which patches are cut; docs/protocols.md defines each. */
export type Crops =
  | { readonly plan: 'random'; readonly count: number }
  | { readonly plan: 'grid'; readonly rows?: number; readonly columns?: number }
  | { readonly plan: 'pyiqa' }
  | { readonly plan: 'center' };

/** Rules for turning an encoded image into 8-bit RGB. */
export interface DecodePolicy {
  /** `ignore`: numbers as stored, as Pillow's `convert('RGB')`; `srgb`: converted through the embedded profile. */
  readonly iccProfile: 'ignore' | 'srgb';
  /** `drop`: the colour channels as stored; `white`: flattened on white. */
  readonly alpha: 'drop' | 'white';
  /** `ignore`: as stored; `exif`: turned upright. */
  readonly orientation: 'ignore' | 'exif';
}

/** Steps between the file and the patches. See docs/protocols.md. */
export interface Protocol {
  readonly name: string;
  readonly decode: DecodePolicy;
  readonly resize: Resize;
  /** After the resize, a shorter side below this is enlarged to it (pixels). */
  readonly minSide: number;
  readonly crops: Crops;
}

/** Name of a built-in protocol. */
export type ProtocolName = 'official' | 'official-test' | 'pyiqa' | 'native';

/** Limits for the images that a scorer or detector holds at once; further ones wait or are refused. */
export interface QueueLimits {
  /** Decoded images held by the engine at most; further ones wait. Default 64. */
  maxQueueImages?: number;
  /** Bytes of decoded pixels held by the engine at most; further images wait. Default 1 GiB. */
  maxQueueBytes?: number;
  /**
   * Calls of one image that may be unfinished at a time. A further one rejects with ERR_QUEUE_FULL before its input is
   * touched: a stream is not read, memory is not copied. Methods that take many images wait for their place instead, and
   * pull no more inputs than this ahead. Default: no limit.
   */
  maxPending?: number;
  /**
   * Streams and Blobs whose bytes are collected or held at a time; further ones wait without being pulled. Their memory is
   * at most this many times `limitInputBytes`. Default 16.
   */
  maxStreams?: number;
  /**
   * Images that are decoded at a time, each on a thread of libuv's pool. All scorers, detectors and maps of the process
   * share places for as many as there are processors, but for one less than the pool has threads; what is asked for beyond
   * that has no effect. Default: all of these places. 1 leaves most of the pool to the host.
   */
  maxDecoding?: number;
}

/** Numbers of images in each stage at the moment of the question, and of the calls that have ended. */
export interface QueueStats {
  /** Accepted, and waiting: for their place, for the bytes of a stream, for a place to be decoded or for the engine. */
  readonly waiting: number;
  /** Being read and decoded. */
  readonly decoding: number;
  /** Handed to the engine, queued there or being computed. */
  readonly inEngine: number;
  /** Calls since the load that ended with a result. */
  readonly finished: number;
  /** Calls since the load that ended with an error, those that were aborted included. */
  readonly failed: number;
  /** Calls since the load that were turned away with ERR_QUEUE_FULL. */
  readonly refused: number;
  /** Sums since the load, milliseconds: two readings give rates and mean times. */
  readonly milliseconds: {
    /** Since the load. */
    readonly sinceLoad: number;
    /** Time that all calls together have spent in each stage, counted when they leave it. */
    readonly waiting: number;
    readonly decoding: number;
    readonly inEngine: number;
  };
}

/** Options of `dispose`. */
export interface DisposeOptions {
  /**
   * Refuses new calls with ERR_DISPOSED, and waits until all that were accepted have ended; then ends. Default false:
   * unfinished calls reject with ERR_DISPOSED.
   */
  drain?: boolean;
  /** Ends the waiting: what is unfinished then rejects with ERR_DISPOSED. Only with `drain`. */
  signal?: AbortSignal;
  /** Milliseconds after which the waiting ends, as by `signal`; 0 to 2³¹ − 1. Only with `drain`. Default: no limit. */
  timeout?: number;
}

/** Largest images that are read and decoded; larger ones are refused with ERR_IMAGE_TOO_LARGE. */
export interface InputLimits {
  /**
   * Pixels (width × height) of an image, looked at before it is decoded. They limit what a protocol enlarges it to and how
   * many patches its size may call for, too (docs/images.md). Default 268 402 689 (0x3FFF²), as sharp.
   */
  limitInputPixels?: number;
  /**
   * Bytes of an encoded image, from 1 to 2³¹ − 1, whether file, memory, stream or Blob. Default 1 GiB, and no more than
   * 8 for each pixel of `limitInputPixels` and 64 MiB.
   */
  limitInputBytes?: number;
}

export interface DecodeOptions extends InputLimits {
  /**
   * First decode policy. Default: the image as it is seen (upright, in sRGB, on white), as the protocol `native`, face
   * detection and the model of the package need it; for others `resolveProtocol(iqa.info.model, options).decode`.
   */
  decode?: DecodePolicy;
  /** Ends the call early: it rejects with ERR_ABORTED. */
  signal?: AbortSignal;
}

export interface LoadOptions extends QueueLimits {
  /**
   * Run whatever the file holds. A model file is a program: it can do what this process can, and nothing looks at it
   * before. Default false: its code may only compute what models of hyperiqa do, and a file that is not known is tried in
   * a process of its own first. See SECURITY.md.
   */
  trustModel?: boolean;
  /** One device, or several that share one queue. Default `auto`. */
  device?: Device | readonly Device[];
  /** Default `fp32`. */
  dtype?: Dtype;
  /** CPU threads in all. Default: one for each physical core that the process may use. */
  threads?: number;
  /** Largest batch of patches. Default: chosen for the device. */
  batchSize?: number;
  /** Default `auto`: measured once on the CPU, `freeze` on CUDA. `onednn` is for the CPU only, and refused elsewhere. */
  graphMode?: GraphMode;
  /**
   * Measure what is left open of graph mode, threads a worker and batch size on the CPU, once for each model, machine and set
   * of options (some seconds); several processes that start with an empty cache wait up to a minute for one of them. False:
   * nothing is measured, read or stored, and what is left open is `graphMode: 'freeze'`, `batchSize: 4` and a worker for each
   * thread. Default true.
   */
  tuning?: boolean;
  /** Folder of the LibTorch to use (the one that holds `lib`). Default: see docs/install.md. */
  libtorch?: string;
  /** Recompute the model's check values at load and refuse the model if they differ. Default true. */
  selfCheck?: boolean;
  /** Ends the load: the call rejects with ERR_ABORTED at once, and the thread that loads gives up at the next step. */
  signal?: AbortSignal;
}

export interface ScoreOptions extends InputLimits {
  /** A named protocol or a complete one. Default: the model's own. */
  protocol?: ProtocolName | Protocol;
  /** Replaces the protocol's crops; a number is that many random crops. */
  crops?: number | Crops;
  /** Seed of random crops, 0 ≤ seed < 2⁶⁴. Default 0. */
  seed?: number | bigint;
  /** Random crops are added until the standard error is below this (points of the score's scale) … */
  maxStandardError?: number;
  /** … or this many crops are scored. Default 100. */
  maxCrops?: number;
  /** Ends the call with ERR_ABORTED at any stage: waiting, reading, decoding or being scored. */
  signal?: AbortSignal;
}

export interface ScoreAllOptions extends ScoreOptions {
  /** Inputs pulled and not yet handed out. Default: enough to keep the engine busy; never more than `maxPending`. */
  concurrency?: number;
  /** `input` (default): results in the order of the inputs; `completed`: as they are ready. */
  order?: 'input' | 'completed';
}

/** Position in the resized image, size in pixels, and score of a crop. */
export interface CropScore {
  /** Left and top edge in the resized image, pixels. */
  x: number;
  y: number;
  width: number;
  height: number;
  score: number;
}

/** Something the caller should know about a result that is valid nevertheless. */
export interface Warning {
  code:
    | 'WARN_ENLARGED'
    | 'WARN_STANDARD_ERROR_NOT_REACHED'
    | 'WARN_ICC_PROFILE_IGNORED'
    | 'WARN_DEVICE_FALLBACK'
    | 'WARN_NO_CACHE';
  message: string;
}

/** Identity of the model file that made a result. */
export interface ModelIdentity {
  readonly name: string;
  readonly version: string;
  /** SHA-256 of the model file. */
  readonly sha256: string;
  readonly weightsSha256: string;
  /** The data set, as in the model's metadata. */
  readonly trainedOn: string;
}

/** Data needed to compute the same score again. */
export interface Provenance {
  readonly model: ModelIdentity;
  /** The protocol as applied, overrides included. */
  readonly protocol: Protocol;
  readonly seed: string;
  readonly maxStandardError: number | null;
  readonly maxCrops: number | null;
  readonly device: readonly string[];
  readonly dtype: Dtype;
  readonly graphMode: Exclude<GraphMode, 'auto'>;
  readonly versions: {
    readonly hyperiqa: string;
    readonly libtorch: string;
    readonly sharp: string;
    readonly libvips: string;
    readonly node: string;
  };
}

/** Score of an image with its crops, warnings and provenance. */
export interface ScoreResult {
  /** Mean of the crop scores, on the model's scale (`info.score`). */
  score: number;
  /** SD(n−1)/√n of random crops; null for one crop and for fixed plans. */
  standardError: number | null;
  /** SD(n−1) of the crop scores of a fixed plan (grid, pyiqa); null otherwise. */
  spread: number | null;
  crops: CropScore[];
  /** Size of the decoded image (after EXIF orientation where the protocol applies it), pixels. */
  width: number;
  height: number;
  /** Size of the image that the crops were cut from, pixels. */
  resized: { width: number; height: number };
  warnings: Warning[];
  provenance: Provenance;
}

/** One item of a batch: the input, its place in the iterable, and its result or its error. */
export type BatchItem<T, R> =
  | { input: T; index: number; result: R; error?: undefined }
  | { input: T; index: number; result?: undefined; error: import('./errors.js').HyperIQAError };

/** One item of `scoreAll`. */
export type ScoreAllItem<T> = BatchItem<T, ScoreResult>;

/** The content of a model's `hyperiqa.json`; see docs/model-format.md. */
export interface ModelMetadata {
  readonly formatVersion: number;
  readonly kind: 'quality';
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly backbone: string;
  readonly patchSize: number;
  readonly training: { readonly dataset: string; readonly description: string };
  readonly license: string;
  readonly weightsSha256: string;
  readonly sourceSha256: string | null;
  readonly score: {
    readonly minimum: number;
    readonly maximum: number;
    readonly bounded: boolean;
    readonly higherIsBetter: boolean;
    readonly meaning: string;
  };
  readonly protocol: Protocol;
  readonly datasetResize: Resize;
  readonly selfCheck: { readonly scores: readonly number[]; readonly tolerance: number };
  readonly exporter: { readonly torch: string; readonly hyperiqa: string };
}

/** Comparison of a model's check values with those computed on this machine. */
export interface SelfCheckResult {
  readonly expected: readonly number[];
  readonly actual: readonly number[];
  readonly largestDifference: number;
  readonly tolerance: number;
  readonly passed: boolean;
}

/** Description of a loaded model and of the way it runs. */
export interface Info {
  readonly model: ModelMetadata & { readonly path: string; readonly sha256: string };
  readonly devices: readonly { readonly id: string; readonly name: string }[];
  /** Reason for which `auto` did not choose CUDA; null if it did or was not asked. */
  readonly fallbackReason: string | null;
  readonly dtype: Dtype;
  readonly graphMode: Exclude<GraphMode, 'auto'>;
  readonly workers: number;
  readonly threadsPerWorker: number;
  readonly batchSize: number;
  /** Whether graph mode, workers and batch size were measured, and whether that is kept. */
  readonly tuning: TuningState;
  readonly selfCheck: SelfCheckResult | null;
  readonly libtorch: { readonly version: string; readonly path: string; readonly source: string };
  readonly versions: Provenance['versions'];
  /** WARN_DEVICE_FALLBACK, WARN_NO_CACHE: what is worth knowing of this load; empty where it is as it should be. */
  readonly warnings: readonly Warning[];
}

/** Facts about this installation that need no loaded model. */
export interface RuntimeInfo {
  libtorch: { version: string; path: string; source: string };
  cuda: {
    available: boolean;
    /** Reason in words; empty if available. */ reason: string;
    devices: Info['devices'];
  };
  versions: Provenance['versions'];
}
