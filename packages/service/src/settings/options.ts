/** Options of the plugin: types, defaults and checks. */
import { HyperIQA, HyperIQAError, type LoadOptions } from 'hyperiqa';
import { FaceDetector, type DetectorLoadOptions } from 'hyperiqa/faces';
import { parseNetwork, type Network } from '../remote/addresses.js';
import { parseHost, type AllowedHost } from '../remote/hosts.js';

/** A model file to load: the arguments of `HyperIQA.load`. */
export interface ModelToLoad {
  /** Path, file URL or registered name. Default: the model of hyperiqa. */
  model?: string | URL;
  options?: Omit<LoadOptions, 'signal'>;
}

/** A face detector to load: the arguments of `FaceDetector.load`. */
export interface DetectorToLoad {
  /** Path or file URL. Default: the detector of hyperiqa. */
  model?: string | URL;
  options?: Omit<DetectorLoadOptions, 'signal'>;
}

/** Bounds on what requests may cost. */
export interface ServiceLimits {
  /** Bytes of the body of a request, of a multipart body all files together, and of what a URL answers. Default 32 MiB. */
  bodyBytes?: number;
  /** Images in a request. Default 64. */
  images?: number;
  /** Pixels of an image (width × height). Default 100 000 000. */
  pixels?: number;
  /** Crops that a request may ask for. Default 100. */
  crops?: number;
  /** Requests read, decoded and scored at a time. Default 16. */
  active?: number;
  /** Requests that wait for that; further ones are answered with 429. Default 256. */
  waiting?: number;
  /** Milliseconds from the head of a request to its answer, waiting included. Default 60 000. */
  requestMs?: number;
  /** Milliseconds to receive a body, from the moment it is read. Default 30 000. */
  bodyMs?: number;
}

/** URLs that the service may fetch images from. */
export interface UrlOptions {
  /** Allowed hosts: `example.org`, `*.example.org`, `example.org:8443`. Without a port, 80 and 443 are meant. */
  hosts: readonly string[];
  /**
   * Networks beside the public internet whose addresses the hosts may have, in CIDR notation: `10.20.0.0/16`. Default: none,
   * so that private, loopback, link-local and other special networks cannot be reached.
   */
  networks?: readonly string[];
  /** Redirects that are followed; each is checked as the URL itself. Default 3. */
  redirects?: number;
}

export interface ServiceOptions {
  /** Path in front of all routes. Default: none. */
  prefix?: string;
  /**
   * Models by the name that requests use; the first is the default. Loaded ones stay the caller's, others are loaded in the
   * background and freed when the server closes. Default: the model of hyperiqa, by the name `default`.
   */
  models?: Readonly<Record<string, HyperIQA | ModelToLoad>>;
  /** The face detector, or false for none. Default: that of hyperiqa. */
  faces?: FaceDetector | DetectorToLoad | false;
  limits?: ServiceLimits;
  /** Bearer tokens; with any, a request needs one of them, except for the health of the service and its pages. Default: none. */
  tokens?: readonly string[];
  /** Origins that pages of other sites may call from. Default: none. */
  cors?: readonly string[];
  /** Default: no URLs. */
  urls?: UrlOptions;
  /** Serve the page for people at `/`. Default true. */
  page?: boolean;
  /** Serve the description of the API and a page to try it at `/docs`. Default true. */
  docs?: boolean;
}

export interface CheckedOptions {
  prefix: string;
  models: ReadonlyMap<string, HyperIQA | ModelToLoad>;
  faces: FaceDetector | DetectorToLoad | false;
  limits: Required<ServiceLimits>;
  tokens: readonly string[];
  cors: readonly string[];
  urls: { hosts: readonly AllowedHost[]; networks: readonly Network[]; redirects: number } | undefined;
  page: boolean;
  docs: boolean;
}

const LIMITS: Required<ServiceLimits> = {
  bodyBytes: 32 * 2 ** 20,
  images: 64,
  pixels: 100_000_000,
  crops: 100,
  active: 16,
  waiting: 256,
  requestMs: 60_000,
  bodyMs: 30_000,
};

/** Largest values: of bytes as in hyperiqa, of times those of a timer. */
const MAXIMUM = 2 ** 31 - 1;

const KEYS = [
  'prefix',
  'models',
  'faces',
  'limits',
  'tokens',
  'cors',
  'urls',
  'page',
  'docs',
  'logLevel',
  'logSerializers',
];

/** @throws HyperIQAError ERR_INVALID_ARGUMENT */
export function checkOptions(options: ServiceOptions): CheckedOptions {
  refuseUnknown('options', options, KEYS);
  const {
    prefix = '',
    models = { default: {} },
    faces = {},
    limits = {},
    tokens = [],
    cors = [],
    urls,
    page = true,
  } = options;
  const named = Object.entries(models);
  if (named.length === 0) throw invalid('models', 'at least one model');
  const odd = named.find(([name]) => !/^[\w.-]{1,64}$/.test(name));
  if (odd)
    throw invalid('models', `names of letters, digits, dots, dashes and underscores, not ${JSON.stringify(odd[0])}`);
  if (tokens.some((token) => typeof token !== 'string' || !/^[\w.~+/=-]{16,}$/.test(token))) {
    throw invalid('tokens', 'texts of 16 or more letters, digits and -._~+/=');
  }
  return {
    prefix,
    models: new Map(named),
    faces,
    limits: checkLimits(limits),
    tokens,
    cors: cors.map(checkOrigin),
    urls: urls && checkUrls(urls),
    page,
    docs: options.docs ?? true,
  };
}

function checkLimits(limits: ServiceLimits): Required<ServiceLimits> {
  refuseUnknown('limits', limits, Object.keys(LIMITS));
  for (const [name, value] of Object.entries(limits) as [string, unknown][]) {
    const lowest = name === 'waiting' ? 0 : 1;
    if (!Number.isInteger(value) || (value as number) < lowest || (value as number) > MAXIMUM) {
      throw invalid(`limits.${name}`, `a whole number from ${lowest} to ${MAXIMUM}`);
    }
  }
  return { ...LIMITS, ...limits };
}

function checkOrigin(origin: string): string {
  if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
    throw invalid('cors', `origins such as https://example.org, not ${JSON.stringify(origin)}`);
  }
  return origin;
}

function checkUrls(urls: UrlOptions): NonNullable<CheckedOptions['urls']> {
  refuseUnknown('urls', urls, ['hosts', 'networks', 'redirects']);
  const { hosts, networks = [], redirects = 3 } = urls;
  if (!Array.isArray(hosts) || hosts.length === 0) throw invalid('urls.hosts', 'a list of at least one host');
  if (!Number.isInteger(redirects) || redirects < 0 || redirects > 20) {
    throw invalid('urls.redirects', 'a whole number from 0 to 20');
  }
  return { hosts: hosts.map(parseHost), networks: networks.map(parseNetwork), redirects };
}

function refuseUnknown(what: string, value: object, known: readonly string[]): void {
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw invalid(what, `an object with ${known.join(', ')}, and has ${unknown}`);
}

const invalid = (name: string, wanted: string) =>
  new HyperIQAError('ERR_INVALID_ARGUMENT', `${name} must be ${wanted}.`);
