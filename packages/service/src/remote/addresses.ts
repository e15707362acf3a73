/** Decides which addresses may be connected to. */
import ipaddr from 'ipaddr.js';
import { HyperIQAError } from 'hyperiqa';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
export type Network = readonly [Address, number];

/**
 * @param text - CIDR notation: `10.20.0.0/16`, `fd00::/8`
 * @throws HyperIQAError ERR_INVALID_ARGUMENT
 */
export function parseNetwork(text: string): Network {
  if (!ipaddr.isValidCIDR(text)) {
    throw new HyperIQAError('ERR_INVALID_ARGUMENT', `A network must be as 10.20.0.0/16, not ${JSON.stringify(text)}.`);
  }
  return ipaddr.parseCIDR(text);
}

/**
 * Tests whether an address is one of the public internet or of the networks named. Loopback, private, link-local, shared,
 * multicast and reserved ones are not public, and neither are IPv6 addresses that stand for IPv4 ones.
 */
export function isAllowedAddress(text: string, networks: readonly Network[]): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  if (address.range() === 'unicast') return true;
  return networks.some((network) => address.kind() === network[0].kind() && address.match([network[0], network[1]]));
}
