/** Options that the commands about queues share. */
import { HyperIQAError } from 'hyperiqa/add-on';
import type { QueueOptions } from '../settings/options.js';
import type { S3Config } from '../storage/s3-config.js';

export const text = { type: 'string', requiresArg: true } as const;

export const queueOptions = {
  queue: { ...text, group: 'Queue:', describe: 'Name of the queue (default: scores)' },
  redis: {
    ...text,
    group: 'Queue:',
    describe: 'URL of Redis or Valkey (default: that of HYPERIQA_REDIS, or redis://127.0.0.1:6379)',
  },
} as const;

export const storageOptions = {
  's3-endpoint': {
    ...text,
    group: 'Queue:',
    describe: 'URL of S3-compatible storage (default: as the client of AWS is configured)',
  },
} as const;

interface QueueArguments {
  queue?: string | undefined;
  redis?: string | undefined;
}

export const toQueueOptions = ({ queue, redis }: QueueArguments): QueueOptions => ({
  ...(queue !== undefined && { queue }),
  ...(redis !== undefined && { redis }),
});

/** @throws HyperIQAError ERR_INVALID_ARGUMENT */
export function toStorageOptions(endpoint: string | undefined): { s3?: S3Config } {
  if (endpoint === undefined) return {};
  if (!URL.canParse(endpoint)) throw usage(`--s3-endpoint must be a URL, not "${endpoint}".`);
  return { s3: { endpoint } };
}

export const usage = (message: string, cause?: unknown) =>
  new HyperIQAError('ERR_INVALID_ARGUMENT', message, { cause });
