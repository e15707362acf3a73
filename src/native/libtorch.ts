/** Finds the LibTorch to use, and refuses a wrong one before anything of it is opened. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { HyperIQAError } from '../errors.js';
import { cacheFolder } from './cache.js';
import { LIBTORCH_PACKAGE, missingPackageRemedy, packageFolder } from './packages.js';

/** The only version that the addon works with: C++ has no stable interface between LibTorch versions. */
export const LIBTORCH_VERSION = '2.13.0';

/** Where a LibTorch was found: the load option, an environment variable, the cache folder or an npm package. */
export type LibTorchSource = 'option' | 'HYPERIQA_LIBTORCH' | 'LIBTORCH' | 'cache' | 'package';

export interface LibTorch {
  /** Absolute path of the folder that holds `lib`. */
  path: string;
  /** As its files say, without a build suffix such as `+cpu`. */
  version: string;
  source: LibTorchSource;
}

const PREFIX = process.platform === 'win32' ? '' : 'lib';
const SUFFIX = { win32: '.dll', darwin: '.dylib' }[process.platform as string] ?? '.so';

/** Absolute paths of the libraries that the addon needs, in the order in which they are opened. */
export function libraryFiles(path: string): string[] {
  return ['c10', 'torch_cpu'].map((name) => join(path, 'lib', `${PREFIX}${name}${SUFFIX}`));
}

/** Where `scripts/libtorch.mjs` puts LibTorch. */
export function cachedLibTorch(): string {
  return join(cacheFolder(), 'libtorch', `${LIBTORCH_VERSION}-${process.platform}-${process.arch}`, 'torch');
}

/**
 * Version of the LibTorch in a folder, without its build suffix; null where no file tells it. A LibTorch archive carries
 * `build-version`, a PyTorch wheel `version.py`, both the header.
 */
export function readLibTorchVersion(path: string): string | null {
  const marks: [string, RegExp][] = [
    ['build-version', /^([0-9][^\s+]*)/],
    ['version.py', /^__version__\s*=\s*['"]([^'"+]+)/m],
    ['include/torch/headeronly/version.h', /^#define TORCH_VERSION "([^"+]+)/m],
  ];
  for (const [file, pattern] of marks) {
    let text;
    try {
      text = readFileSync(join(path, file), 'utf8');
    } catch {
      continue;
    }
    const version = pattern.exec(text)?.[1];
    if (version) return version;
  }
  return null;
}

/**
 * The LibTorch to use, in order: `option`, `$HYPERIQA_LIBTORCH`, `$LIBTORCH`, the cache folder, the npm package
 * `@hyperiqa/libtorch-<platform>-<arch>`. A folder that is named (option or variable) must be right: nothing else is
 * tried then.
 *
 * @throws HyperIQAError ERR_LIBTORCH_NOT_FOUND lists every place looked at; ERR_LIBTORCH_VERSION names both versions.
 */
export function findLibTorch(option?: string, environment: NodeJS.ProcessEnv = process.env): LibTorch {
  const named: [LibTorchSource, string | undefined][] = [
    ['option', option],
    ['HYPERIQA_LIBTORCH', environment.HYPERIQA_LIBTORCH],
    ['LIBTORCH', environment.LIBTORCH],
  ];
  for (const [source, folder] of named) {
    if (!folder) continue;
    const path = resolve(folder);
    const missing = missingFile(path);
    if (missing !== undefined) {
      throw new HyperIQAError(
        'ERR_LIBTORCH_NOT_FOUND',
        `No LibTorch in ${path} (from ${describe(source)}): ${missing} is not there. ` +
          'Give the folder that holds LibTorch\'s "lib" folder.',
      );
    }
    return checked(path, source);
  }

  const looked = ['the libtorch option: not given', '$HYPERIQA_LIBTORCH: not set', '$LIBTORCH: not set'];
  const cached = cachedLibTorch();
  if (missingFile(cached) === undefined) return checked(cached, 'cache');
  looked.push(`${cached}: not there`);

  const installed = packageFolder(LIBTORCH_PACKAGE);
  if (installed !== undefined && missingFile(installed) === undefined) return checked(installed, 'package');
  looked.push(`npm package ${LIBTORCH_PACKAGE}: ${installed === undefined ? 'not installed' : 'incomplete'}`);

  throw new HyperIQAError(
    'ERR_LIBTORCH_NOT_FOUND',
    `LibTorch ${LIBTORCH_VERSION} was not found. Looked at:\n${looked.map((place) => `  - ${place}`).join('\n')}\n` +
      `${missingPackageRemedy(LIBTORCH_PACKAGE, 'In a checkout run "node scripts/libtorch.mjs".')} ` +
      `Or set HYPERIQA_LIBTORCH to the folder of a LibTorch ${LIBTORCH_VERSION}.`,
  );
}

/** Refuses every other version, with the remedy for where the folder came from. */
function checked(path: string, source: LibTorchSource): LibTorch {
  const version = readLibTorchVersion(path);
  if (version === LIBTORCH_VERSION) return { path, version, source };
  throw new HyperIQAError(
    'ERR_LIBTORCH_VERSION',
    `${path} (from ${describe(source)}) is ${version === null ? 'a LibTorch of unknown version' : `LibTorch ${version}`}` +
      `; hyperiqa needs exactly ${LIBTORCH_VERSION}. ${remedy(path, source)}`,
  );
}

function remedy(path: string, source: LibTorchSource): string {
  switch (source) {
    case 'option':
      return `Give the folder of a LibTorch ${LIBTORCH_VERSION}, or no libtorch option.`;
    case 'HYPERIQA_LIBTORCH':
      return `Set HYPERIQA_LIBTORCH to the folder of a LibTorch ${LIBTORCH_VERSION}, or unset it.`;
    case 'LIBTORCH':
      return `Set HYPERIQA_LIBTORCH, which goes first, to the folder of a LibTorch ${LIBTORCH_VERSION}, or unset LIBTORCH.`;
    case 'cache':
      return `Delete ${dirname(path)} and run "node scripts/libtorch.mjs".`;
    case 'package':
      return 'Reinstall hyperiqa, so that npm installs the package that belongs to it.';
  }
}

function describe(source: LibTorchSource): string {
  switch (source) {
    case 'option':
      return 'the libtorch option';
    case 'HYPERIQA_LIBTORCH':
    case 'LIBTORCH':
      return `$${source}`;
    case 'cache':
      return 'the cache folder';
    case 'package':
      return 'an npm package';
  }
}

/** The first library that a folder lacks. */
function missingFile(path: string): string | undefined {
  return libraryFiles(path).find((file) => !existsSync(file));
}
