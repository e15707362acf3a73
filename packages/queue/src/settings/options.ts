/** Options of the API: types, defaults and checks. */
import type { S3Config } from '../storage/s3-config.js';
import type { HyperIQA, InputLimits, LoadOptions, ScoreOptions } from 'hyperiqa';
import {
  checkBoolean,
  checkInteger,
  checkNumber,
  checkObject,
  checkOneOf,
  checkPath,
  checkSignal,
  checkString,
  invalid,
} from 'hyperiqa/add-on';
import { objectName } from '../storage/names.js';
import type { Identity, ScoringSettings, ShardFormat } from './settings.js';

/** Name of the queue, and its server. */
export interface QueueOptions {
  /**
   * URL of Redis or Valkey: `redis://[[user]:password@]host[:port][/database]`, `rediss://` for TLS. Default: the variable
   * HYPERIQA_REDIS, else `redis://127.0.0.1:6379`.
   */
  redis?: string;
  /** Name of the queue: 1 to 64 of letters, digits, `.`, `_` and `-`. Default `scores`. */
  queue?: string;
}

/** Options of `enqueue`. */
export interface EnqueueOptions
  extends QueueOptions, InputLimits, Omit<ScoreOptions, 'signal' | 'limitInputPixels' | 'limitInputBytes'> {
  /**
   * Place of the results: a folder that all workers see under this path, or `s3://bucket/prefix`. One file a chunk,
   * `CHUNK.jsonl` or `CHUNK.parquet`.
   */
  results: string | URL;
  /** Default `jsonl`. */
  format?: ShardFormat;
  /** Model file or registered name; workers must load the same one. Default: the model of hyperiqa. */
  model?: string | URL;
  /** Add the provenance to each record. Parquet has it once a file, too, in its metadata. Default false. */
  provenance?: boolean;
  /** Property by which an image is the same as one that was enqueued before. Default `path`. */
  identity?: Identity;
  /** Images of a chunk, 1 to 10000: what a worker takes at a time, and what is lost when it dies. Default 128. */
  chunkSize?: number;
  /** Chunks that may wait in Redis, from 1; beyond that `enqueue` waits. Default 1000. */
  maxWaiting?: number;
  /** Attempts of a chunk that fails as a whole, from 1, with growing pauses between them. Default 5. */
  attempts?: number;
  /** Configuration of the client for S3-compatible storage, beside what environment and files of AWS say. */
  s3?: S3Config;
  /** Ends the call: it rejects with ERR_ABORTED. What was enqueued stays, and the same call goes on with the rest. */
  signal?: AbortSignal;
  /** Is told of each chunk that was added. */
  onProgress?: (progress: EnqueueProgress) => void;
}

/** Numbers of an `enqueue` so far. */
export interface EnqueueProgress {
  /** Images that were named. */
  readonly named: number;
  /** Images that were added to the queue now. */
  readonly added: number;
  /** Images that were enqueued before, by this call or another. */
  readonly known: number;
  /** Chunks that were added now. */
  readonly chunks: number;
}

/** Options of `Worker.start`. */
export interface WorkerOptions extends QueueOptions {
  /** A loaded model, which stays the caller's, or what to load. Default: the model of hyperiqa. */
  model?: HyperIQA | string | URL;
  /** Options of the load. Not beside a loaded model. */
  load?: Omit<LoadOptions, 'signal'>;
  /** Folder that relative names of images start from. Default: the working folder. */
  root?: string | URL;
  /** Chunks that are scored at a time, 1 to 64, so that the engine has work while one ends. Default 2. */
  chunks?: number;
  /**
   * Milliseconds without a sign of life after which other workers take a chunk over; from 1000. Default 30000.
   */
  takeOverAfter?: number;
  /** Times that a chunk is taken over before it goes to the dead letters, because it may be what kills workers. Default 5. */
  maxTakeOvers?: number;
  /** End by itself when no chunk is left and no `enqueue` is under way. Default false. */
  untilDone?: boolean;
  /** Configuration of the client for S3-compatible storage, beside what environment and files of AWS say. */
  s3?: S3Config;
  /** Ends the start: it rejects with ERR_ABORTED. */
  signal?: AbortSignal;
  /** Is told what a running worker does. */
  onEvent?: (event: WorkerEvent) => void;
}

/** Something that a worker did or met. */
export type WorkerEvent =
  /** It waits, because the queue of this name has no images so far. */
  | { readonly type: 'waiting'; readonly queue: string }
  | {
      readonly type: 'chunk';
      readonly chunk: string;
      readonly images: number;
      readonly failed: number;
      readonly milliseconds: number;
    }
  /** The chunk goes back to the queue, or after its last attempt to the dead letters. */
  | { readonly type: 'failed'; readonly chunk: string; readonly message: string; readonly dead: boolean }
  /** Redis cannot be reached, or a worker was taken for dead; the worker goes on. */
  | { readonly type: 'trouble'; readonly message: string };

export interface CheckedQueue {
  readonly redis: string;
  readonly queue: string;
}

const QUEUE = ['redis', 'queue'] as const;

/** Checks options that have nothing beside the queue. */
export function checkQueueOptions(options: unknown): CheckedQueue {
  return checkQueue(checkObject('options', options, QUEUE));
}

function checkQueue({ redis, queue }: Record<string, unknown>): CheckedQueue {
  const url = checkString('redis', redis ?? process.env.HYPERIQA_REDIS ?? 'redis://127.0.0.1:6379');
  // The URL may hold a password: it is never repeated.
  if (!URL.canParse(url) || !['redis:', 'rediss:'].includes(new URL(url).protocol)) {
    throw invalid('redis', 'a URL such as redis://127.0.0.1:6379', 'another text');
  }
  const name = checkString('queue', queue ?? 'scores');
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) {
    throw invalid('queue', 'a name of 1 to 64 letters, digits, ".", "_" and "-"', name);
  }
  return { redis: url, queue: name };
}

export interface CheckedEnqueue extends CheckedQueue {
  readonly results: string;
  readonly model: string | URL | undefined;
  readonly provenance: boolean;
  readonly format: ShardFormat;
  readonly identity: Identity;
  readonly scoring: ScoringSettings;
  readonly chunkSize: number;
  readonly maxWaiting: number;
  readonly attempts: number;
  readonly s3: S3Config | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (progress: EnqueueProgress) => void;
}

const SCORING = ['protocol', 'crops', 'seed', 'maxStandardError', 'maxCrops', 'limitInputPixels', 'limitInputBytes'];

/** @throws HyperIQAError ERR_INVALID_ARGUMENT */
export function checkEnqueue(options: EnqueueOptions): CheckedEnqueue {
  const fields = checkObject('options', options, [
    ...QUEUE,
    ...SCORING,
    ...[
      'results',
      'format',
      'model',
      'provenance',
      'identity',
      'chunkSize',
      'maxWaiting',
      'attempts',
      's3',
      'signal',
      'onProgress',
    ],
  ]);
  const { maxStandardError, maxCrops } = fields;
  if (maxCrops !== undefined && maxStandardError === undefined) {
    throw invalid('maxCrops', 'left out without maxStandardError', maxCrops);
  }
  return {
    ...checkQueue(fields),
    results: checkResults(fields.results),
    model: options.model,
    provenance: checkBoolean('provenance', fields.provenance ?? false),
    format: checkOneOf('format', fields.format ?? 'jsonl', ['jsonl', 'parquet']),
    identity: checkOneOf('identity', fields.identity ?? 'path', ['path', 'content']),
    scoring: {
      seed: checkSeed(fields.seed ?? 0),
      ...given({
        protocol: options.protocol,
        crops: options.crops,
        maxStandardError:
          maxStandardError === undefined
            ? undefined
            : checkNumber('maxStandardError', maxStandardError, Number.MIN_VALUE, Number.MAX_VALUE),
        maxCrops: whole('maxCrops', maxCrops),
        limitInputPixels: whole('limitInputPixels', fields.limitInputPixels),
        limitInputBytes: whole('limitInputBytes', fields.limitInputBytes),
      }),
    },
    chunkSize: checkInteger('chunkSize', fields.chunkSize ?? 128, 1, 10_000),
    maxWaiting: checkInteger('maxWaiting', fields.maxWaiting ?? 1000, 1, 10_000_000),
    attempts: checkInteger('attempts', fields.attempts ?? 5, 1, 1000),
    s3: options.s3,
    signal: fields.signal === undefined ? undefined : checkSignal('signal', fields.signal),
    onProgress: options.onProgress ?? (() => undefined),
  };
}

export interface CheckedWorker extends CheckedQueue {
  readonly root: string;
  readonly chunks: number;
  readonly takeOverAfter: number;
  readonly maxTakeOvers: number;
  readonly untilDone: boolean;
  readonly s3: S3Config | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onEvent: (event: WorkerEvent) => void;
}

/** @throws HyperIQAError ERR_INVALID_ARGUMENT */
export function checkWorker(options: WorkerOptions): CheckedWorker {
  const fields = checkObject('options', options, [
    ...QUEUE,
    ...['model', 'load', 'root', 'chunks', 'takeOverAfter', 'maxTakeOvers', 'untilDone', 's3', 'signal', 'onEvent'],
  ]);
  return {
    ...checkQueue(fields),
    root: checkPath('root', fields.root ?? '.'),
    chunks: checkInteger('chunks', fields.chunks ?? 2, 1, 64),
    takeOverAfter: checkInteger('takeOverAfter', fields.takeOverAfter ?? 30_000, 1000, 86_400_000),
    maxTakeOvers: checkInteger('maxTakeOvers', fields.maxTakeOvers ?? 5, 0, 1_000_000),
    untilDone: checkBoolean('untilDone', fields.untilDone ?? false),
    s3: options.s3,
    signal: fields.signal === undefined ? undefined : checkSignal('signal', fields.signal),
    onEvent: options.onEvent ?? (() => undefined),
  };
}

/** A folder as an absolute path, an object's name as it is. */
function checkResults(value: unknown): string {
  if (typeof value === 'string') {
    const object = objectName(checkString('results', value));
    if (object !== undefined) return value.replace(/\/+$/, '');
  }
  return checkPath('results', value);
}

function checkSeed(value: unknown): string {
  const seed = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof seed !== 'bigint' || seed < 0n || seed >= 1n << 64n) {
    throw invalid('seed', 'an integer from 0 to 2^64 - 1', value);
  }
  return String(seed);
}

const whole = (name: string, value: unknown): number | undefined =>
  value === undefined ? undefined : checkInteger(name, value, 1, Number.MAX_SAFE_INTEGER);

function given<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
