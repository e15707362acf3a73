/** Downloads a file from an address, hashed on the way. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import type { HyperIQAError } from '../../errors.js';
import { Hashing } from '../../files/sha256.js';
import { failure, shown } from './failures.js';

/** A server that sends nothing for so long has gone. */
const SILENCE_MS = 60_000;

export interface DownloadOptions {
  signal?: AbortSignal | undefined;
  /** Accepted at most, bytes; exactly this many where `exact`. */
  size: number;
  exact: boolean;
  onSize?: (bytes: number | null) => void;
  onBytes: (bytes: number) => void;
  /** Longest time without data from the server, milliseconds. */
  silence?: number;
}

/**
 * Downloads to a file that must not exist, with Node's own fetch. A user name and password in the address go to its own
 * host only.
 *
 * @returns SHA-256 and size of what came
 * @throws HyperIQAError ERR_RUNTIME_DOWNLOAD also for a download that breaks off or is longer than allowed; Error of the
 *   file system; an AbortError after the signal
 */
export async function download(
  address: URL,
  path: string,
  { signal, size, exact, onSize, onBytes, silence = SILENCE_MS }: DownloadOptions,
): Promise<{ sha256: string; bytes: number }> {
  const silent = new AbortController();
  const timer = setTimeout(() => {
    silent.abort(new Error(`the server sent nothing for ${silence / 1000} seconds`));
  }, silence);
  const ends = signal ? AbortSignal.any([signal, silent.signal]) : silent.signal;
  const hashing = new Hashing((bytes) => {
    timer.refresh();
    if (hashing.bytes > size) throw otherFile(address, size);
    onBytes(bytes);
  });
  let hasAnswered = false;
  try {
    const response = await request(address, ends);
    hasAnswered = true;
    const announced = contentLength(response);
    if (announced !== null && (announced > size || (exact && announced !== size))) {
      await response.body?.cancel();
      throw otherFile(address, size);
    }
    onSize?.(announced);
    await pipeline([Readable.from(response.body ?? []), hashing, createWriteStream(path, { flags: 'wx' })], {
      signal: ends,
    });
    const wanted = exact ? size : announced;
    if (wanted !== null && hashing.bytes !== wanted) throw new Error(`${hashing.bytes} of ${wanted} bytes came`);
  } catch (error) {
    if (signal?.aborted || error === hashing.thrown) throw error;
    const reason: unknown = silent.signal.aborted ? silent.signal.reason : error;
    throw explain(address, reason, hasAnswered ? hashing.bytes : undefined);
  } finally {
    clearTimeout(timer);
  }
  return { sha256: hashing.sha256(), bytes: hashing.bytes };
}

async function request(address: URL, signal: AbortSignal): Promise<Response> {
  const bare = new URL(address);
  const { username, password } = bare;
  bare.username = bare.password = bare.hash = '';
  const headers: Record<string, string> = {};
  if (username !== '' || password !== '') {
    // fetch drops this header when it is led to another origin.
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    headers.authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
  }
  const response = await fetch(bare, { headers, signal });
  if (response.ok && !(address.protocol === 'https:' && response.url.startsWith('http:'))) return response;
  await response.body?.cancel();
  throw failure(
    'ERR_RUNTIME_DOWNLOAD',
    response.ok
      ? `${shown(address)} leads to an address without encryption; refused.`
      : `${shown(address)} answers ${response.status} ${meaning(response)}.`,
  );
}

const otherFile = (address: URL, size: number) =>
  failure('ERR_RUNTIME_DOWNLOAD', `${shown(address)} is another file: it has not the size expected (${size} bytes).`);

/** Explains a failed transfer; errors of the file system are passed through. */
function explain(address: URL, error: unknown, bytes: number | undefined): unknown {
  if ((error as Partial<HyperIQAError>).name === 'HyperIQAError') return error;
  if (error instanceof Error && 'syscall' in error && ['write', 'open'].includes(String(error.syscall))) return error;
  const what = bytes === undefined ? 'cannot be reached' : `broke off after ${bytes} bytes`;
  const proxy = namesProxy()
    ? ' Node.js uses the proxy of HTTPS_PROXY and HTTP_PROXY only from version 24 on and with NODE_USE_ENV_PROXY=1; pip ' +
      'uses it always (name no file), and a file that was downloaded by other means can be named by its path.'
    : ' Check the network and run again.';
  return failure('ERR_RUNTIME_DOWNLOAD', `${shown(address)} ${what}: ${rootOf(error)}.${proxy}`, error);
}

function contentLength(response: Response): number | null {
  // The length is that of the encoded body, and fetch decodes it.
  if (response.headers.has('content-encoding')) return null;
  const length = Number(response.headers.get('content-length') ?? NaN);
  return Number.isSafeInteger(length) ? length : null;
}

function meaning({ status, statusText }: Response): string {
  if (status === 401 || status === 403) return '(no permission: are name and password right?)';
  if (status === 404 || status === 410) return '(there is no such file)';
  return statusText ? `(${statusText})` : '';
}

/** The innermost cause: fetch wraps what happened into `fetch failed` and `terminated`. */
function rootOf(error: unknown): string {
  let root = error;
  while (root instanceof Error && root.cause instanceof Error) root = root.cause;
  if (root instanceof AggregateError && root.errors[0] instanceof Error) root = root.errors[0];
  const { message = '', code = '' } = root as { message?: string; code?: string };
  return message || code || String(root);
}

const namesProxy = () =>
  ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].some((variable) => process.env[variable]);
