/** The npm packages with native files for one platform, and what to do where they are missing. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { PACKAGE_ROOT, prebuiltPackages } from '../support/package.js';
import { PLATFORM } from './version.js';

const require = createRequire(import.meta.url);

/** Holds `hyperiqa.node` and `hyperiqa_loader.node`; of the same version as hyperiqa. */
export const ADDON_PACKAGE = `@hyperiqa/${PLATFORM}`;
/** Holds LibTorch's CPU libraries in `lib`. */
export const LIBTORCH_PACKAGE = `@hyperiqa/libtorch-${PLATFORM}`;

/** Exports of the entry of a platform package (npm/pack.mjs writes it). */
interface PlatformPackage {
  folder: string;
}

/**
 * Folder of an installed platform package, seen from this one. Each name is written out, because tracers of files (Next.js
 * with `output: 'standalone'`, functions on Vercel) follow no other, and stands within `try`, because they complain of missing
 * ones elsewhere.
 */
export function packageFolder(name: string): string | undefined {
  try {
    switch (name) {
      case '@hyperiqa/linux-x64':
        return (require('@hyperiqa/linux-x64') as PlatformPackage).folder;
      case '@hyperiqa/libtorch-linux-x64':
        return (require('@hyperiqa/libtorch-linux-x64') as PlatformPackage).folder;
      case '@hyperiqa/linux-arm64':
        return (require('@hyperiqa/linux-arm64') as PlatformPackage).folder;
      case '@hyperiqa/libtorch-linux-arm64':
        return (require('@hyperiqa/libtorch-linux-arm64') as PlatformPackage).folder;
      case '@hyperiqa/darwin-arm64':
        return (require('@hyperiqa/darwin-arm64') as PlatformPackage).folder;
      case '@hyperiqa/libtorch-darwin-arm64':
        return (require('@hyperiqa/libtorch-darwin-arm64') as PlatformPackage).folder;
      case '@hyperiqa/win32-x64':
        return (require('@hyperiqa/win32-x64') as PlatformPackage).folder;
      case '@hyperiqa/libtorch-win32-x64':
        return (require('@hyperiqa/libtorch-win32-x64') as PlatformPackage).folder;
    }
  } catch {
    // Not installed.
  }
  return undefined;
}

/**
 * Explains why a package for this platform may be missing, and how to get it: a checkout builds its own; the published
 * package lists the platforms that it was built for among its optional dependencies.
 *
 * @param inCheckout What to do in a checkout.
 */
export function missingPackageRemedy(name: string, inCheckout: string): string {
  if (existsSync(join(PACKAGE_ROOT, 'native'))) return inCheckout;
  // Loaded here: nothing else of what scoring needs asks for the C library.
  const { isNonGlibcLinuxSync } = require('detect-libc') as typeof import('detect-libc');
  return explain(name, prebuiltPackages, isNonGlibcLinuxSync());
}

/** `explain` of the published package; apart so that it can be tried for platforms other than this one. */
export function explain(name: string, published: Record<string, string>, otherLibc: boolean): string {
  const version = published[name];
  if (version === undefined) {
    return (
      `hyperiqa has no prebuilt files for ${PLATFORM}; there are some for ${platforms(published)}. ` +
      'Build it from a checkout (docs/install.md).'
    );
  }
  if (otherLibc) {
    return (
      `The prebuilt files for ${PLATFORM} need glibc, and this system has another C library (Alpine Linux has musl). ` +
      'Use a system or image with glibc, such as Debian or "node:22-slim".'
    );
  }
  return (
    `npm installs ${name}@${version} with hyperiqa, as an optional dependency. It is missing where the install left out ` +
    'optional dependencies, where node_modules was copied from another platform, or where a lock file was written on ' +
    'one. Delete node_modules and run "npm install --include=optional hyperiqa"; if it stays missing, delete ' +
    'package-lock.json, too.'
  );
}

function platforms(published: Record<string, string>): string {
  return Object.keys(published)
    .filter((name) => name.startsWith('@hyperiqa/') && !name.startsWith('@hyperiqa/libtorch-'))
    .map((name) => name.slice('@hyperiqa/'.length))
    .join(', ');
}
