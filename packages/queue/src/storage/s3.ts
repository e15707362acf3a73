/** S3-compatible storage, through the official client, which is loaded when it is needed. */
import type { GetObjectCommandOutput, S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { HyperIQAError } from 'hyperiqa';
import type { ObjectName } from './names.js';
import type { S3Config } from './s3-config.js';

/** Facts about an object that need no reading of it. */
export interface ListedObject {
  readonly key: string;
  /** Changes with the content. */
  readonly etag: string | undefined;
}

type Sdk = typeof import('@aws-sdk/client-s3');

/** Objects of buckets. Nothing is loaded or connected before the first call. */
export class Buckets {
  #opened: Promise<{ sdk: Sdk; client: S3Client }> | undefined;

  /** @param config - Of the client, beside what the environment and the files of AWS say. */
  constructor(private readonly config: S3Config = {}) {}

  /**
   * The objects below a prefix in the order of their keys.
   *
   * @throws HyperIQAError ERR_STORAGE
   */
  async *list({ bucket, key }: ObjectName, signal?: AbortSignal): AsyncGenerator<ListedObject, void, undefined> {
    const { sdk, client } = await this.#open();
    let ContinuationToken: string | undefined;
    do {
      const page = await storing(`s3://${bucket}/${key} cannot be listed`, signal, () =>
        client.send(
          new sdk.ListObjectsV2Command({
            Bucket: bucket,
            Prefix: key,
            ...(ContinuationToken !== undefined && { ContinuationToken }),
          }),
          { ...(signal && { abortSignal: signal }) },
        ),
      );
      for (const { Key, ETag } of page.Contents ?? []) {
        if (Key !== undefined) yield { key: Key, etag: ETag };
      }
      ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (ContinuationToken !== undefined);
  }

  /**
   * The bytes of an object.
   *
   * @throws HyperIQAError ERR_IMAGE_NOT_FOUND, ERR_IMAGE_READ
   */
  async *read({ bucket, key }: ObjectName, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      const { sdk, client } = await this.#open();
      const command = new sdk.GetObjectCommand({ Bucket: bucket, Key: key });
      const { Body } = await client.send(command, { abortSignal: signal });
      yield* chunksOf(Body);
    } catch (error) {
      if (error instanceof HyperIQAError || signal.aborted) throw error;
      const name = `s3://${bucket}/${key}`;
      if (isMissing(error)) throw new HyperIQAError('ERR_IMAGE_NOT_FOUND', `There is no ${name}.`, { cause: error });
      throw new HyperIQAError('ERR_IMAGE_READ', `${name} cannot be read: ${reasonOf(error)}`, { cause: error });
    }
  }

  /**
   * The ETag of an object; undefined where there is none.
   *
   * @throws HyperIQAError ERR_STORAGE
   */
  async head({ bucket, key }: ObjectName, signal?: AbortSignal): Promise<{ etag: string | undefined } | undefined> {
    const { sdk, client } = await this.#open();
    return storing(`s3://${bucket}/${key} cannot be looked up`, signal, async () => {
      try {
        const command = new sdk.HeadObjectCommand({ Bucket: bucket, Key: key });
        const { ETag } = await client.send(command, { ...(signal && { abortSignal: signal }) });
        return { etag: ETag };
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    });
  }

  /**
   * The whole content; undefined where there is no such object.
   *
   * @throws HyperIQAError ERR_STORAGE
   */
  async get({ bucket, key }: ObjectName): Promise<Buffer | undefined> {
    const { sdk, client } = await this.#open();
    return storing(`s3://${bucket}/${key} cannot be read`, undefined, async () => {
      try {
        const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket: bucket, Key: key }));
        const chunks: Uint8Array[] = [];
        for await (const chunk of chunksOf(Body)) chunks.push(chunk);
        return Buffer.concat(chunks);
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    });
  }

  /**
   * Writes an object, which storage shows whole or not at all.
   *
   * @throws HyperIQAError ERR_STORAGE
   */
  async put({ bucket, key }: ObjectName, content: Uint8Array, signal?: AbortSignal): Promise<void> {
    const { sdk, client } = await this.#open();
    await storing(`s3://${bucket}/${key} cannot be written`, signal, () =>
      client.send(new sdk.PutObjectCommand({ Bucket: bucket, Key: key, Body: content }), {
        ...(signal && { abortSignal: signal }),
      }),
    );
  }

  /** Closes connections. */
  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    opened?.client.destroy();
  }

  #open(): Promise<{ sdk: Sdk; client: S3Client }> {
    return (this.#opened ??= open(this.config));
  }
}

async function open(config: S3Config): Promise<{ sdk: Sdk; client: S3Client }> {
  let sdk: Sdk;
  try {
    sdk = await import('@aws-sdk/client-s3');
  } catch (error) {
    throw new HyperIQAError(
      'ERR_STORAGE',
      'Names that begin with s3:// need the client of AWS, which is not installed: npm install @aws-sdk/client-s3',
      { cause: error },
    );
  }
  const { endpoint: given }: S3ClientConfig = config;
  const endpoint = given ?? process.env.AWS_ENDPOINT_URL_S3 ?? process.env.AWS_ENDPOINT_URL;
  return {
    sdk,
    client: new sdk.S3Client({
      // Servers beside AWS's own: buckets in the path, no region of their own, and none of the newer checksums.
      ...(endpoint !== undefined && {
        forcePathStyle: true,
        region: process.env.AWS_REGION ?? 'us-east-1',
        requestChecksumCalculation: 'WHEN_REQUIRED' as const,
        responseChecksumValidation: 'WHEN_REQUIRED' as const,
      }),
      maxAttempts: 5,
      requestHandler: { connectionTimeout: 10_000, socketTimeout: 60_000 },
      ...config,
    }),
  };
}

const chunksOf = (body: GetObjectCommandOutput['Body']): AsyncIterable<Uint8Array> =>
  // In Node.js the body is a stream of Node's.
  body as unknown as AsyncIterable<Uint8Array>;

function isMissing(error: unknown): boolean {
  const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } };
  // A missing bucket is a mistake in a name, not an object that is not there.
  return name !== 'NoSuchBucket' && $metadata?.httpStatusCode === 404;
}

function reasonOf(error: unknown): string {
  const { name, message } = error as Error;
  return message === '' || message === name ? name : `${name}: ${message}`;
}

async function storing<T>(what: string, signal: AbortSignal | undefined, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw new HyperIQAError('ERR_STORAGE', `${what}: ${reasonOf(error)}`, { cause: error });
  }
}
