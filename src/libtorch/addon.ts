/** Loads the native addon over the LibTorch that was found, once for each environment, and explains what is missing. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

import type { NativeBinding, NativeLoader } from '../../binding.js';
import { HyperIQAError, toHyperIQAError } from '../errors.js';
import { findLibTorch, libraryFiles, LIBTORCH_VERSION, type LibTorch } from './locate.js';
import { ADDON_PACKAGE, missingPackageRemedy, packageFolder } from './packages.js';
import { PACKAGE_ROOT, packageVersion } from '../support/package.js';
import { onSkipTeardown } from '../support/teardown.js';

export interface LoadedBinding {
  binding: NativeBinding;
  libtorch: LibTorch;
}

const require = createRequire(import.meta.url);

let loaded: LoadedBinding | undefined;

/**
 * The native binding, with the LibTorch under it. The first call opens the libraries (some tenths of a second, on a thread
 * of libuv's pool); later ones return the same objects. A process can hold one LibTorch only: once one is open or being
 * opened, naming another is an error. A failed call can be repeated.
 *
 * @param options.libtorch Folder that holds LibTorch's `lib`; default: see `findLibTorch`.
 * @throws HyperIQAError ERR_LIBTORCH_NOT_FOUND, ERR_LIBTORCH_VERSION, ERR_LIBTORCH_LOAD, ERR_ADDON_NOT_FOUND, ERR_PERMISSION
 */
export async function loadBinding({ libtorch: option }: { libtorch?: string } = {}): Promise<LoadedBinding> {
  if (loaded !== undefined && !option) return loaded;

  const libtorch = findLibTorch(option);
  const loader = loadLoader();
  if (loader.builtForLibtorch !== LIBTORCH_VERSION) {
    throw new HyperIQAError(
      'ERR_LIBTORCH_VERSION',
      `The native addons were built for LibTorch ${loader.builtForLibtorch}, and ${LIBTORCH_VERSION} is to be used` +
        (process.env.HYPERIQA_LIBTORCH_VERSION
          ? ' (from $HYPERIQA_LIBTORCH_VERSION). Unset it, or build with it'
          : '') +
        '. In a checkout run "npm run build"; otherwise reinstall hyperiqa.',
    );
  }
  try {
    await loader.open(libraryFiles(libtorch.path));
  } catch (error) {
    throw toHyperIQAError(error);
  }
  const running = loader.libtorchVersion();
  if (running !== null && running !== LIBTORCH_VERSION) {
    throw new HyperIQAError(
      'ERR_LIBTORCH_VERSION',
      `The libraries in ${libtorch.path} report LibTorch ${running}, although its files say ${libtorch.version}; ` +
        `hyperiqa needs exactly ${LIBTORCH_VERSION}. The folder mixes two versions: use an unchanged one.`,
    );
  }
  // The loader has checked that an option names the LibTorch that is already open.
  if (loaded === undefined) {
    const binding = requireAddon('hyperiqa.node', libtorch) as NativeBinding;
    checkBuild(binding);
    loaded = { binding, libtorch };
    onSkipTeardown(() => {
      loader.skipTeardown();
    });
  }
  return loaded;
}

/**
 * The loader alone, which needs no LibTorch.
 *
 * @throws HyperIQAError ERR_ADDON_NOT_FOUND, ERR_PERMISSION
 */
export function loadLoader(): NativeLoader {
  return requireAddon('hyperiqa_loader.node') as NativeLoader;
}

/** Looks for an addon; `path` is the file that was found. */
export function locateAddon(file: string): { path: string | undefined; built: string; packaged: string | undefined } {
  // Debug and sanitizer builds of a checkout (`scripts/prepare.mjs --debug`) lie beside the ordinary one.
  const built = resolve(PACKAGE_ROOT, process.env.HYPERIQA_BUILD ?? 'build/Release', file);
  const packaged = packageFolder(ADDON_PACKAGE);
  const path = [built, ...(packaged === undefined ? [] : [join(packaged, file)])].find((place) => existsSync(place));
  return { path, built, packaged };
}

/** The two addons lie together: in a checkout where `npm run build` puts them, else in the platform package. */
function requireAddon(file: string, libtorch?: LibTorch): unknown {
  const { path, built, packaged } = locateAddon(file);
  if (path === undefined) {
    throw new HyperIQAError(
      'ERR_ADDON_NOT_FOUND',
      `The native addon ${file} is not there. Looked at:\n  - ${built}\n  - npm package ${ADDON_PACKAGE}: ` +
        `${packaged === undefined ? 'not installed' : 'incomplete'}\n` +
        missingPackageRemedy(ADDON_PACKAGE, 'In a checkout run "npm run build".'),
    );
  }
  try {
    return require(path);
  } catch (cause) {
    const error = toHyperIQAError(cause);
    if (error.code === 'ERR_PERMISSION') throw error;
    throw new HyperIQAError(
      'ERR_ADDON_NOT_FOUND',
      `The native addon ${path} cannot be loaded${libtorch ? ` (over LibTorch in ${libtorch.path})` : ''}: ${reason(cause)}\n` +
        loadRemedy(reason(cause)),
      { cause },
    );
  }
}

function loadRemedy(reason: string): string {
  // The dynamic linker's words for a C or C++ library that is older than the one the addon was built with.
  const missing = /version [`'"]((?:GLIBC|GLIBCXX|CXXABI|GCC)_[\d.]+)/.exec(reason)?.[1];
  if (missing !== undefined) {
    return (
      `This system's C or C++ library is too old: the addon needs ${missing}. Use a newer system or image, or build ` +
      'hyperiqa from a checkout on this one (docs/install.md).'
    );
  }
  return 'In a checkout run "npm run build"; otherwise reinstall hyperiqa.';
}

/** An addon of another version of the package speaks another protocol. */
function checkBuild(binding: NativeBinding): void {
  if (binding.version === packageVersion) return;
  throw new HyperIQAError(
    'ERR_ADDON_NOT_FOUND',
    `The native addon is of version ${binding.version}, hyperiqa of ${packageVersion}. In a checkout run "npm run build"; ` +
      'otherwise reinstall hyperiqa.',
  );
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
