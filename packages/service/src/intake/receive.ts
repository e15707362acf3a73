/** The images of a request: a raw body, the files of a form, or URLs. */
import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { HyperIQAError } from 'hyperiqa';
import { ServiceError, failureOf, type Failure } from '../errors.js';
import type { ServiceLimits } from '../settings/options.js';
import type { ImageFetcher } from '../remote/fetch.js';
import { orAborted, type Work } from './work.js';

/** An image as it came, or why it did not. */
export type ReceivedImage = { file: string } & (
  { bytes: Buffer; failure?: undefined } | { failure: Failure; bytes?: undefined }
);

/** Images of a request, received or refused. */
export interface Received<T> {
  /** The request has exactly one image by its kind, so that its answer is no list. */
  single: boolean;
  results: T[];
}

export interface Receiving {
  work: Work;
  limits: Required<ServiceLimits>;
  fetcher: ImageFetcher | undefined;
  /** Name of an image that brings none. */
  file: string;
  /** Checks a body of JSON; throws for a wrong one. */
  parseUrls: (json: string) => UrlBody;
  /** Takes note of a stage that lasted so long. */
  timed: <R>(stage: 'receive' | 'fetch', run: () => Promise<R>) => Promise<R>;
}

/** Images of URLs that a request holds in memory. */
const URLS_AT_ONCE = 4;

/** Bytes of a body with URLs. */
const JSON_BYTES = 2 ** 20;

/** The body of a request with URLs. */
export interface UrlBody {
  url?: string;
  urls?: string[];
}

/**
 * Refuses by the head of a request what its body could not change.
 *
 * @throws ServiceError ERR_MEDIA_TYPE, ERR_BODY_TOO_LARGE
 */
export function checkHead({ headers }: IncomingMessage, { bodyBytes }: Required<ServiceLimits>, urls: boolean): void {
  const type = mediaType(headers['content-type']);
  const known =
    type === 'multipart/form-data' ||
    type === 'application/octet-stream' ||
    type.startsWith('image/') ||
    (urls && type === 'application/json');
  if (!known) {
    const kinds = `image/*, application/octet-stream${urls ? ', multipart/form-data or application/json' : ' or multipart/form-data'}`;
    throw new ServiceError('ERR_MEDIA_TYPE', `The body must be ${kinds}${type === '' ? '' : `, not ${type}`}.`);
  }
  if (Number(headers['content-length'] ?? 0) > bodyBytes) throw tooLarge(bodyBytes);
}

/**
 * Reads the images of a request and starts the work on each as soon as it is there.
 *
 * @param handle - Works on one image.
 * @throws what `handle` throws; ServiceError ERR_BODY_TOO_LARGE, ERR_TOO_MANY_IMAGES; the reasons of the signal
 */
export async function receive<T>(
  request: FastifyRequest,
  receiving: Receiving,
  handle: (image: ReceivedImage) => Promise<T>,
): Promise<Received<T>> {
  const { work, limits, file, parseUrls, timed } = receiving;
  const started: Promise<T>[] = [];
  const start = (image: ReceivedImage) => {
    const result = handle(image);
    // The first failure is awaited at the end; until then it must not count as unhandled.
    result.catch(() => undefined);
    started.push(result);
  };
  try {
    const type = mediaType(request.headers['content-type']);
    if (type === 'application/json') {
      const json = await work.receiving(limits.bodyMs, () =>
        collect(request.raw, Math.min(JSON_BYTES, limits.bodyBytes)),
      );
      const { url, urls = [url ?? ''] } = parseUrls(json.toString('utf8'));
      const single = url !== undefined;
      if (urls.length > limits.images) throw tooMany(limits.images);
      const results = await orAborted(
        inTurn(urls, async (url) => handle(await fetched(url, receiving))),
        work.signal,
      );
      return { single, results };
    }
    const single = type !== 'multipart/form-data';
    await timed('receive', () =>
      work.receiving(limits.bodyMs, async () => {
        if (single) start({ file, bytes: await collect(request.raw, limits.bodyBytes) });
        else await readForm(request, limits, start).catch(brokenForm);
      }),
    );
    return { single, results: await orAborted(Promise.all(started), work.signal) };
  } catch (error) {
    work.abort(error);
    throw error;
  }
}

async function readForm(
  request: FastifyRequest,
  { bodyBytes, images }: Required<ServiceLimits>,
  start: (image: ReceivedImage) => void,
): Promise<void> {
  let size = 0;
  let count = 0;
  for await (const part of request.parts({ limits: { fileSize: bodyBytes, files: images } })) {
    if (part.type === 'field') {
      throw new ServiceError(
        'ERR_MEDIA_TYPE',
        `The form may have files only, and ${part.fieldname} is none: parameters stand in the URL.`,
      );
    }
    const bytes = await part.toBuffer();
    size += bytes.length;
    if (size > bodyBytes) throw tooLarge(bodyBytes);
    count++;
    start({ file: part.filename || part.fieldname || `image-${count}`, bytes });
  }
  if (count === 0) throw new ServiceError('ERR_NO_IMAGE', 'The form has no file.');
}

/** Converts an error of the form parser: limits have a status of their own, everything else is a malformed form. */
function brokenForm(error: unknown): never {
  if (error instanceof ServiceError || (error instanceof Error && 'statusCode' in error)) throw error;
  const reason = error instanceof Error ? error.message : String(error);
  throw new HyperIQAError('ERR_INVALID_ARGUMENT', `The form cannot be read: ${reason}.`, { cause: error });
}

/** Works on a few at a time, and gives the results in the order of the items. */
async function inTurn<I, T>(items: readonly I[], handle: (item: I) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  const rest = items.entries();
  const workOff = async () => {
    for (const [index, item] of rest) results[index] = await handle(item);
  };
  await Promise.all(Array.from({ length: URLS_AT_ONCE }, workOff));
  return results;
}

/** An image of a URL; what is wrong with it concerns this image only. */
async function fetched(url: string, { fetcher, work, timed }: Receiving): Promise<ReceivedImage> {
  try {
    if (fetcher === undefined) throw new ServiceError('ERR_URL_FORBIDDEN', 'URLs are not fetched here.');
    return { file: url, bytes: await timed('fetch', () => fetcher.fetch(url, work.signal)) };
  } catch (error) {
    work.signal.throwIfAborted();
    return { file: url, failure: failureOf(error) };
  }
}

/** The bytes of a body. Neither an error nor a limit destroys the request, so that it can be answered. */
function collect(stream: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const stop = () => {
      stream.off('data', take).off('end', end).off('error', fail).off('close', cut);
    };
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else fail(tooLarge(limit));
    };
    const end = () => {
      stop();
      resolve(Buffer.concat(chunks, size));
    };
    const fail = (error: Error) => {
      stop();
      stream.pause();
      reject(error);
    };
    const cut = () => {
      fail(new ServiceError('ERR_CLIENT_GONE', 'The body ended early.'));
    };
    stream.on('data', take).on('end', end).on('error', fail).on('close', cut);
  });
}

const mediaType = (header: string | undefined) => (header ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';

const tooMany = (images: number) =>
  new ServiceError('ERR_TOO_MANY_IMAGES', `A request of this kind may have ${images} image${images === 1 ? '' : 's'}.`);

const tooLarge = (bytes: number) =>
  new ServiceError('ERR_BODY_TOO_LARGE', `The body of a request may have ${bytes} bytes.`);
