/** Images from URLs, without a way into networks that are not meant. */
import { lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, request, type Dispatcher } from 'undici';
import { ServiceError } from '../errors.js';
import { isAllowedAddress, type Network } from './addresses.js';
import { isAllowedHost, type AllowedHost } from './hosts.js';

export interface FetcherOptions {
  hosts: readonly AllowedHost[];
  networks: readonly Network[];
  redirects: number;
  /** Bytes of an answer at most. */
  bytes: number;
  /** Resolves names. Default: the system's resolver. */
  lookup?: LookupFunction;
}

/** Fetches images of allowed hosts. */
export class ImageFetcher {
  readonly #options: FetcherOptions;
  readonly #agent: Agent;

  constructor(options: FetcherOptions) {
    this.#options = options;
    // The connection goes to the very addresses that were checked: a name that resolves anew to something else meanwhile
    // (DNS rebinding) changes nothing.
    this.#agent = new Agent({ connect: { lookup: checkedLookup(options), timeout: 10_000 }, maxResponseSize: -1 });
  }

  /** @throws ServiceError ERR_URL_FORBIDDEN, ERR_URL_READ, ERR_BODY_TOO_LARGE; the reason of the signal */
  async fetch(text: string, signal: AbortSignal): Promise<Buffer> {
    let url = this.#check(text);
    try {
      for (let redirects = 0; ; redirects++) {
        const response = await request(url, {
          dispatcher: this.#agent,
          signal,
          headers: { accept: 'image/*', 'user-agent': 'hyperiqa-service' },
        });
        const location = redirectOf(response);
        if (location === undefined) return await this.#read(response, signal);
        response.body.on('error', () => undefined).destroy();
        if (redirects >= this.#options.redirects)
          throw new ServiceError('ERR_URL_READ', 'The URL is redirected too often.');
        url = this.#check(location, url);
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const cause = error instanceof AggregateError ? (error.errors as unknown[])[0] : error;
      if (cause instanceof ServiceError) throw cause;
      throw new ServiceError('ERR_URL_READ', 'The URL cannot be read.', { cause });
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  #check(text: string, base?: URL): URL {
    if (!URL.canParse(text, base?.href)) throw new ServiceError('ERR_URL_FORBIDDEN', 'This is no URL.');
    const url = new URL(text, base);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw new ServiceError('ERR_URL_FORBIDDEN', 'Only URLs of http and https are fetched.');
    }
    if (url.username !== '' || url.password !== '') {
      throw new ServiceError('ERR_URL_FORBIDDEN', 'URLs with a user name or password are not fetched.');
    }
    if (!isAllowedHost(url, this.#options.hosts)) {
      throw new ServiceError(
        'ERR_URL_FORBIDDEN',
        'The host or port of the URL is not one of those that are allowed here.',
      );
    }
    // Addresses in the place of names are never looked up.
    const literal = url.hostname.replace(/^\[(.*)\]$/, '$1');
    if (isIP(literal) !== 0 && !isAllowedAddress(literal, this.#options.networks)) throw forbiddenAddress();
    return url;
  }

  async #read({ statusCode, headers, body }: Dispatcher.ResponseData, signal: AbortSignal): Promise<Buffer> {
    const { bytes } = this.#options;
    const giveUp = (error: ServiceError): never => {
      body.on('error', () => undefined).destroy();
      throw error;
    };
    if (statusCode !== 200)
      return giveUp(new ServiceError('ERR_URL_READ', `The URL answers with status ${statusCode}.`));
    const tooLarge = () =>
      new ServiceError('ERR_BODY_TOO_LARGE', `The file behind the URL has more than ${bytes} bytes.`);
    if (Number(headers['content-length']) > bytes) return giveUp(tooLarge());
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      signal.throwIfAborted();
      size += chunk.length;
      if (size > bytes) return giveUp(tooLarge());
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, size);
  }
}

function redirectOf({ statusCode, headers }: Dispatcher.ResponseData): string | undefined {
  if (![301, 302, 303, 307, 308].includes(statusCode)) return undefined;
  const { location } = headers;
  if (typeof location !== 'string') throw new ServiceError('ERR_URL_READ', 'The URL is redirected to nowhere.');
  return location;
}

/** A resolver that fails for a name with any address that may not be connected to. */
function checkedLookup({ networks, lookup = systemLookup }: FetcherOptions): LookupFunction {
  return (hostname: string, options: LookupOptions, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      const addresses = found as LookupAddress[];
      const [first] = error ? [] : addresses;
      if (error) callback(error, '', 0);
      else if (first === undefined || addresses.some(({ address }) => !isAllowedAddress(address, networks))) {
        callback(forbiddenAddress(), '', 0);
      } else if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

const forbiddenAddress = () =>
  new ServiceError('ERR_URL_FORBIDDEN', 'The host has an address in a network that is not allowed here.');
