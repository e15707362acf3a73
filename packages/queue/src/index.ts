/**
 * The public API of `@hyperiqa/queue`, nothing else.
 *
 * @module @hyperiqa/queue
 */
export { bucketImages, type NamedImage } from './enqueue/images.js';
export { enqueue, type EnqueueSummary } from './enqueue/enqueue.js';
export { drain, pause, resume, retry, type Moved } from './operations/control.js';
export { status, type DeadLetter, type QueueStatus, type StatusOptions } from './operations/status.js';
export type { EnqueueOptions, EnqueueProgress, QueueOptions, WorkerEvent, WorkerOptions } from './settings/options.js';
export type { S3Config } from './storage/s3-config.js';
export type { Identity, QueueSettings, ScoringSettings, ShardFormat } from './settings/settings.js';
export { Worker } from './worker/worker.js';
