/** Responses of fetch: their bodies are streams, and their headers say what is not worth reading. */
import { HyperIQAError } from '../errors.js';
import { shorten } from '../support/shorten.js';
import { checkByteLimit } from './limits.js';
import { isByteStream } from './stream.js';

/** Recognises a Response by its shape: that of Node.js, of undici, or of another implementation of fetch. */
export function isResponse(value: unknown): value is Response {
  if (typeof value !== 'object' || value === null) return false;
  const { ok, status, headers } = value as Partial<Response>;
  return typeof ok === 'boolean' && typeof status === 'number' && typeof headers?.get === 'function' && 'body' in value;
}

/**
 * The body of a response, unread.
 *
 * @throws HyperIQAError ERR_IMAGE_READ for a status that is no success (the body then stays as it is) and for a body that
 *   has been read, ERR_IMAGE_EMPTY, ERR_IMAGE_TOO_LARGE by the length that the header tells
 */
export function bodyOf(response: Response, limitInputBytes: number): { stream: AsyncIterable<unknown>; label: string } {
  const { ok, status, statusText, url, bodyUsed, body } = response;
  const label = url ? `The image from ${shorten(url)}` : 'The image from a Response';
  if (!ok) {
    const words = statusText ? ` ${shorten(statusText)}` : '';
    throw new HyperIQAError(
      'ERR_IMAGE_READ',
      `${label} cannot be read: the status of the response is ${status}${words}.`,
    );
  }
  if (bodyUsed) throw new HyperIQAError('ERR_IMAGE_READ', `${label} cannot be read: its body has been read before.`);
  const stream: unknown = body;
  if (!isByteStream(stream)) throw new HyperIQAError('ERR_IMAGE_EMPTY', `${label} is empty: it has no body.`);
  const length = Number(response.headers.get('content-length') ?? 0);
  if (length > limitInputBytes) checkByteLimit(length, limitInputBytes, label);
  return { stream, label };
}
