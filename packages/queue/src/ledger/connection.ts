/** Connections to Redis or Valkey. */
import { Redis, type RedisOptions } from 'ioredis';
import { HyperIQAError } from 'hyperiqa';
import type { CheckedQueue } from '../settings/options.js';

/** Prefix of all keys. */
export const PREFIX = 'hyperiqa';

/** Commands wait until a lost connection is back, however long that takes. */
const options = {
  maxRetriesPerRequest: null,
  retryStrategy: (times: number) => Math.min(50 * 2 ** times, 2000),
} satisfies RedisOptions;

/** Options for BullMQ, which makes connections of its own. */
export const bullmqConnection = ({ redis }: CheckedQueue) => ({ url: redis, ...options });

/**
 * Connects. Only now is a server that cannot be reached an error.
 *
 * @param onTrouble - Is told when the connection is lost later, once until it is back.
 * @throws HyperIQAError ERR_QUEUE_CONNECTION, with no more of the URL than host and port
 */
export async function connect(
  { redis }: CheckedQueue,
  onTrouble: (message: string) => void = () => undefined,
): Promise<Redis> {
  const client = new Redis(redis, { ...options, lazyConnect: true, connectTimeout: 10_000 });
  let reason: Error | undefined;
  const remember = (error: Error) => (reason = error);
  client.on('error', remember);
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    client.disconnect();
    const why = (reason ?? (error as Error)).message;
    throw new HyperIQAError('ERR_QUEUE_CONNECTION', `Redis at ${placeOf(redis)} cannot be used: ${why}`, {
      cause: reason ?? error,
    });
  }
  client.off('error', remember);
  let lost = false;
  client.on('error', (error: Error) => {
    if (!lost) onTrouble(`Redis at ${placeOf(redis)} cannot be reached, waiting for it: ${error.message}`);
    lost = true;
  });
  client.on('ready', () => (lost = false));
  return client;
}

const placeOf = (url: string) => new URL(url).host || '127.0.0.1';
