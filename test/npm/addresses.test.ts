/** Tests the addresses that published packages name. */
import { expect, test } from 'vitest';

import { addressesOf, missingAddresses } from '../../npm/lib/addresses.mjs';

const own = {
  name: 'x',
  repository: { type: 'git', url: 'git+https://example.org/x.git' },
  homepage: 'https://example.org/x',
  bugs: 'https://example.org/x/issues',
};

test('every package has the addresses of the root, and its own folder', () => {
  expect(missingAddresses(own)).toEqual([]);
  expect(addressesOf(own)).toEqual({ repository: own.repository, homepage: own.homepage, bugs: own.bugs });
  expect(addressesOf(own, 'packages/y').repository).toEqual({ ...own.repository, directory: 'packages/y' });
  expect(addressesOf({ ...own, repository: 'https://example.org/x' }).repository).toEqual({
    type: 'git',
    url: 'https://example.org/x',
  });
});

test('addresses that the root lacks are named, and no package has them', () => {
  expect(missingAddresses({ name: 'x', homepage: 'https://example.org' })).toEqual(['repository', 'bugs']);
  expect(addressesOf({ name: 'x' })).toEqual({});
});
