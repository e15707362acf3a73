/** Tests the messages for a missing npm package with the native files of this platform. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { addonPackage, libtorchPackage, platforms } from '../../npm/platforms.mjs';
import { ADDON_PACKAGE, explain, LIBTORCH_PACKAGE, missingPackageRemedy } from '../../src/libtorch/packages.js';

const published = {
  [ADDON_PACKAGE]: '1.2.3',
  [LIBTORCH_PACKAGE]: '2.13.0',
  '@hyperiqa/plan9-mips': '1.2.3',
  '@hyperiqa/libtorch-plan9-mips': '2.13.0',
};

describe('a missing platform package', () => {
  test('of a platform that has one: which, why, and the command', () => {
    const text = explain(LIBTORCH_PACKAGE, published, false);
    expect(text).toContain(`${LIBTORCH_PACKAGE}@2.13.0`);
    expect(text).toContain('npm install --include=optional hyperiqa');
  });

  test('of a platform that has none: the platforms there are', () => {
    const others = { '@hyperiqa/plan9-mips': '1.2.3', '@hyperiqa/libtorch-plan9-mips': '2.13.0' };
    expect(explain(ADDON_PACKAGE, others, false)).toMatch(
      new RegExp(`no prebuilt files for ${process.platform}-${process.arch}; there are some for plan9-mips\\.`),
    );
  });

  test('on a Linux without glibc: what to use instead', () => {
    expect(explain(ADDON_PACKAGE, published, true)).toMatch(/need glibc.*Alpine.*node:22-slim/);
  });

  test('in a checkout: how to build it', () => {
    expect(missingPackageRemedy(ADDON_PACKAGE, 'Build it.')).toBe('Build it.');
  });
});

test('the packages of every platform are named in a way that tracers of files can read', () => {
  const source = readFileSync(new URL('../../src/libtorch/packages.ts', import.meta.url), 'utf8');
  const names = Object.keys(platforms).flatMap((name) => [addonPackage(name), libtorchPackage(name)]);
  expect(names.filter((name) => !source.includes(`require('${name}')`))).toEqual([]);
});
