/** The list of hosts that images may be fetched from. */
import { HyperIQAError } from 'hyperiqa';

export interface AllowedHost {
  /** Lower case, in ASCII; for a wildcard what follows the dot after the star. */
  name: string;
  wildcard: boolean;
  /** Undefined: the usual port of the scheme. */
  port: string | undefined;
}

/**
 * @param text - `example.org`, `*.example.org`, either with `:PORT`
 * @throws HyperIQAError ERR_INVALID_ARGUMENT
 */
export function parseHost(text: string): AllowedHost {
  const wildcard = text.startsWith('*.');
  const url = `http://${wildcard ? text.slice(2) : text}/`;
  const { hostname = '', pathname, username, search } = URL.canParse(url) ? new URL(url) : {};
  if (hostname === '' || pathname !== '/' || username !== '' || search !== '' || hostname.includes('*')) {
    throw new HyperIQAError(
      'ERR_INVALID_ARGUMENT',
      `A host must be as example.org, *.example.org or example.org:8443, not ${JSON.stringify(text)}.`,
    );
  }
  return { name: hostname, wildcard, port: /:(\d+)$/.exec(text)?.[1] };
}

/** Tests whether a URL names one of the hosts; a wildcard stands for one label or more. */
export function isAllowedHost({ protocol, hostname, port }: URL, hosts: readonly AllowedHost[]): boolean {
  // URL drops the usual port of its scheme.
  const defaultPort = protocol === 'https:' ? '443' : '80';
  return hosts.some(
    (host) =>
      (host.wildcard ? hostname.endsWith(`.${host.name}`) : hostname === host.name) &&
      (host.port === undefined ? port === '' : host.port === (port || defaultPort)),
  );
}
