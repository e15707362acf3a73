/** Downloads: through the proxy that the environment names, to a file, hashed on the way. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EnvHttpProxyAgent, fetch, type Response } from 'undici';

import type { HyperIQAError } from '../../errors.js';
import { failure, shown } from './failures.js';
import { Hashing } from './hashing.js';

/** A server that sends nothing for so long has gone. */
const SILENCE_MS = 60_000;
/** An index page of the largest projects has a few megabytes. */
const LARGEST_PAGE = 64e6;

export interface DownloadOptions {
  signal?: AbortSignal | undefined;
  /** Accepted at most, bytes; exactly this many where `exact`. */
  size: number;
  exact: boolean;
  onSize?: (bytes: number | null) => void;
  onBytes: (bytes: number) => void;
}

/**
 * Fetches addresses. `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` (or in small letters) are honoured; certificates are
 * Node's, with those of `NODE_EXTRA_CA_CERTS`. A user name and password in an address go to its own host only.
 */
export class Web {
  // Node 20's own fetch knows no proxies.
  readonly #agent = new EnvHttpProxyAgent({ headersTimeout: SILENCE_MS, bodyTimeout: SILENCE_MS });

  /**
   * A page as text, with the address that it came from in the end (relative links start there).
   *
   * @throws HyperIQAError ERR_RUNTIME_DOWNLOAD
   */
  async page(
    address: URL,
    accept: string,
    signal?: AbortSignal,
  ): Promise<{ text: string; type: string; address: URL }> {
    const response = await this.#get(address, { accept }, signal);
    let bytes = 0;
    const parts: Uint8Array[] = [];
    try {
      for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        bytes += part.length;
        if (bytes > LARGEST_PAGE) throw new Error('the page does not end');
        parts.push(part);
      }
    } catch (error) {
      throw this.#explain(address, error, signal);
    }
    return {
      text: Buffer.concat(parts).toString('utf8'),
      type: response.headers.get('content-type') ?? '',
      address: new URL(response.url || address),
    };
  }

  /**
   * Downloads to a file that must not exist.
   *
   * @returns SHA-256 and size of what came
   * @throws HyperIQAError ERR_RUNTIME_DOWNLOAD also for a download that breaks off or is longer than allowed
   */
  async download(address: URL, path: string, options: DownloadOptions): Promise<{ sha256: string; bytes: number }> {
    const { signal, size, exact, onSize, onBytes } = options;
    const response = await this.#get(address, {}, signal);
    const announced = contentLength(response);
    const tooLong = () =>
      failure(
        'ERR_RUNTIME_DOWNLOAD',
        `${shown(address)} is another file: it has not the size expected (${size} bytes).`,
      );
    if (announced !== null && (announced > size || (exact && announced !== size))) {
      await response.body?.cancel();
      throw tooLong();
    }
    onSize?.(announced);
    const hashing = new Hashing((bytes) => {
      if (hashing.bytes > size) throw tooLong();
      onBytes(bytes);
    });
    try {
      await pipeline(
        [Readable.from(response.body ?? []), hashing, createWriteStream(path, { flags: 'wx' })],
        signal ? { signal } : {},
      );
    } catch (error) {
      throw error === hashing.thrown ? error : this.#explain(address, error, signal, hashing.bytes);
    }
    const wanted = exact ? size : announced;
    if (wanted !== null && hashing.bytes !== wanted) {
      throw this.#explain(address, new Error(`${hashing.bytes} of ${wanted} bytes came`), signal, hashing.bytes);
    }
    return { sha256: hashing.sha256(), bytes: hashing.bytes };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #get(address: URL, headers: Record<string, string>, signal?: AbortSignal): Promise<Response> {
    const bare = new URL(address);
    const { username, password } = bare;
    bare.username = bare.password = bare.hash = '';
    if (username !== '' || password !== '') {
      // fetch drops this header when it is led to another origin.
      const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
      headers = { ...headers, authorization: `Basic ${Buffer.from(credentials).toString('base64')}` };
    }
    let response: Response;
    try {
      response = await fetch(bare, { headers, dispatcher: this.#agent, ...(signal ? { signal } : {}) });
    } catch (error) {
      throw this.#explain(address, error, signal);
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw failure('ERR_RUNTIME_DOWNLOAD', `${shown(address)} answers ${response.status} ${meaning(response)}.`);
    }
    if (address.protocol === 'https:' && response.url.startsWith('http:')) {
      await response.body?.cancel();
      throw failure('ERR_RUNTIME_DOWNLOAD', `${shown(address)} leads to an address without encryption; refused.`);
    }
    return response;
  }

  /** What went wrong on the way, in words; the file system's errors stay what they are. */
  #explain(address: URL, error: unknown, signal: AbortSignal | undefined, bytes?: number): unknown {
    if (signal?.aborted || (error as Partial<HyperIQAError>).name === 'HyperIQAError') return error;
    if (error instanceof Error && 'syscall' in error && ['write', 'open'].includes(String(error.syscall))) return error;
    const reason = rootOf(error);
    const where = bytes === undefined ? `${shown(address)} cannot be reached` : `${shown(address)} broke off`;
    const proxy = proxied() ? 'the proxy that HTTPS_PROXY or HTTP_PROXY names' : 'HTTPS_PROXY, if there is a proxy';
    return failure(
      'ERR_RUNTIME_DOWNLOAD',
      `${where}${bytes === undefined ? '' : ` after ${bytes} bytes`}: ${reason}. Check the network and ${proxy}, and run again.`,
      error,
    );
  }
}

function contentLength(response: Response): number | null {
  // Of the encoded body, where it is encoded: fetch decodes it.
  if (response.headers.has('content-encoding')) return null;
  const length = Number(response.headers.get('content-length') ?? NaN);
  return Number.isSafeInteger(length) ? length : null;
}

function meaning({ status, statusText }: Response): string {
  if (status === 401 || status === 403) return '(no permission: are name and password right?)';
  if (status === 404 || status === 410) return '(there is no such file)';
  if (status === 407) return '(the proxy wants a name and password: put them into its address)';
  return statusText ? `(${statusText})` : '';
}

/** fetch wraps what happened: `fetch failed`, `terminated`. */
function rootOf(error: unknown): string {
  let root = error;
  while (root instanceof Error && root.cause instanceof Error) root = root.cause;
  if (root instanceof AggregateError && root.errors[0] instanceof Error) root = root.errors[0];
  const { message = '', code = '' } = root as { message?: string; code?: string };
  return message || code || String(root);
}

const proxied = () =>
  ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].some((variable) => process.env[variable]);
