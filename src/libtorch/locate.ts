/** Finds the LibTorch to use, and refuses a wrong one before anything of it is opened. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { HyperIQAError } from '../errors.js';
import { runtimeFolder, selectedRuntime } from './runtime-folders.js';
import { cacheFolder } from '../support/cache-folder.js';
import { LIBTORCH_PACKAGE, missingPackageRemedy, packageFolder } from './packages.js';
import { LIBTORCH_VERSION, PLATFORM } from './version.js';
import { shorten } from '../support/shorten.js';

export { LIBTORCH_VERSION } from './version.js';

/** The places where LibTorch is looked for, in this order. */
export const LIBTORCH_SOURCES = ['option', 'HYPERIQA_LIBTORCH', 'LIBTORCH', 'runtime', 'cache', 'package'] as const;

/**
 * Source of a LibTorch: the load option, an environment variable, a runtime that `hyperiqa runtime` installed, the
 * cache folder (where a checkout's set-up puts it) or an npm package.
 */
export type LibTorchSource = (typeof LIBTORCH_SOURCES)[number];

export interface LibTorch {
  /** Absolute path of the folder that holds `lib`. */
  path: string;
  /** Version from its files, without a build suffix such as `+cpu`. */
  version: string;
  source: LibTorchSource;
}

const PREFIX = process.platform === 'win32' ? '' : 'lib';
const SUFFIX = { win32: '.dll', darwin: '.dylib' }[process.platform as string] ?? '.so';

/** Absolute paths of the libraries that the addon needs, in the order in which they are opened. */
export function libraryFiles(path: string): string[] {
  return ['c10', 'torch_cpu'].map((name) => join(path, 'lib', `${PREFIX}${name}${SUFFIX}`));
}

/** Folder where the set-up of a checkout puts LibTorch; undefined without a cache folder. */
export function cachedLibTorch(): string | undefined {
  const cache = cacheFolder();
  return cache && join(cache, 'libtorch', `${LIBTORCH_VERSION}-${PLATFORM}`, 'torch');
}

/**
 * Version of the LibTorch in a folder, without its build suffix; null where no file tells it. A LibTorch archive carries
 * `build-version`, a PyTorch wheel `version.py`, both the header.
 */
export function readLibTorchVersion(path: string): string | null {
  const marks: [string, RegExp][] = [
    ['build-version', /^([0-9][^\s+]*)/],
    ['version.py', /^__version__\s*=\s*['"]([^'"+]+)/m],
    ['include/torch/headeronly/version.h', /^#define TORCH_VERSION[\s\\]+"([^"+]+)/m],
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

/** One place where LibTorch is looked for, and what is there. */
export interface LibTorchCandidate {
  source: LibTorchSource;
  /** Absolute path of the folder that holds, or should hold, `lib`; null where the place names none. */
  path: string | null;
  /** Version from its files; null if there is no LibTorch, or no file names the version. */
  version: string | null;
  /** `absent`: the next place is tried; `unusable`: the place was chosen by the user, so its fault is an error. */
  state: 'usable' | 'unusable' | 'absent';
  /** Finding in words: the kind of LibTorch, or the fault. */
  note: string;
}

/**
 * Examines one of the places where LibTorch is looked for. Only file names and version files are read; no library is
 * opened.
 */
export function inspectLibTorch(
  source: LibTorchSource,
  option?: string,
  environment: NodeJS.ProcessEnv = process.env,
): LibTorchCandidate {
  const { path, chosen, without } = place(source, option, environment);
  if (path === undefined) return { source, path: null, version: null, state: 'absent', note: without };
  const missing = missingFile(path);
  if (missing !== undefined) {
    const note = existsSync(path) ? `incomplete: ${missing} is not there` : 'not there';
    return { source, path, version: null, state: chosen ? 'unusable' : 'absent', note };
  }
  const version = readLibTorchVersion(path);
  if (version === LIBTORCH_VERSION) return { source, path, version, state: 'usable', note: `LibTorch ${version}` };
  const note = version === null ? 'a LibTorch of unknown version' : `LibTorch ${version}`;
  return { source, path, version, state: 'unusable', note };
}

/** Folder that a place names, whether the user chose it (so that nothing else may be tried), and why there is none. */
function place(
  source: LibTorchSource,
  option: string | undefined,
  environment: NodeJS.ProcessEnv,
): { path: string | undefined; chosen: boolean; without: string } {
  const absolute = (folder: string | undefined) => (folder ? resolve(folder) : undefined);
  switch (source) {
    case 'option':
      return { path: absolute(option), chosen: true, without: 'not given' };
    case 'HYPERIQA_LIBTORCH':
    case 'LIBTORCH':
      return { path: absolute(environment[source]), chosen: true, without: 'not set' };
    case 'runtime': {
      const kind = selectedRuntime();
      return { path: kind ? join(runtimeFolder(kind), 'torch') : undefined, chosen: true, without: 'none in use' };
    }
    case 'cache':
      return { path: cachedLibTorch(), chosen: false, without: 'there is none' };
    case 'package':
      return { path: packageFolder(LIBTORCH_PACKAGE), chosen: false, without: 'not installed' };
  }
}

/**
 * The LibTorch to use, in order: `option`, `$HYPERIQA_LIBTORCH`, `$LIBTORCH`, the runtime in use, the cache folder, the
 * npm package `@hyperiqa/libtorch-<platform>-<arch>`. What the user chose (the first four) must be right: nothing else is
 * tried then.
 *
 * @throws HyperIQAError ERR_LIBTORCH_NOT_FOUND lists every place looked at; ERR_LIBTORCH_VERSION names both versions.
 */
export function findLibTorch(option?: string, environment: NodeJS.ProcessEnv = process.env): LibTorch {
  const looked: string[] = [];
  for (const source of LIBTORCH_SOURCES) {
    const candidate = inspectLibTorch(source, option, environment);
    const { path, version, state, note } = candidate;
    if (state === 'usable' && path !== null && version !== null) return { path, version, source };
    if (state === 'unusable') throw refusal(candidate);
    looked.push(`${path ?? describe(source)}: ${note}`);
  }
  throw new HyperIQAError(
    'ERR_LIBTORCH_NOT_FOUND',
    `LibTorch ${LIBTORCH_VERSION} was not found. Looked at:\n${looked.map((place) => `  - ${place}`).join('\n')}\n` +
      `${missingPackageRemedy(LIBTORCH_PACKAGE, 'In a checkout run "node scripts/libtorch.mjs".')} ` +
      `Or run "npx hyperiqa runtime install cpu", or set HYPERIQA_LIBTORCH to the folder of a LibTorch ${LIBTORCH_VERSION}.`,
  );
}

/** Error for a candidate that the user chose and that cannot be used, with the remedy for its source. */
function refusal({ source, path, note }: LibTorchCandidate): HyperIQAError {
  const folder = String(path);
  if (missingFile(folder) !== undefined) {
    return new HyperIQAError(
      'ERR_LIBTORCH_NOT_FOUND',
      `No LibTorch in ${shorten(folder)} (from ${describe(source)}): ${shorten(missingFile(folder) ?? folder)} is not there. ` +
        (source === 'runtime' ? remedy(folder, source) : 'Give the folder that holds LibTorch\'s "lib" folder.'),
    );
  }
  return new HyperIQAError(
    'ERR_LIBTORCH_VERSION',
    `${shorten(folder)} (from ${describe(source)}) is ${note}; hyperiqa needs exactly ${LIBTORCH_VERSION}. ` +
      remedy(folder, source),
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
    case 'runtime':
      return `Run "npx hyperiqa runtime install ${selectedRuntime() ?? 'cpu'}" again, or "npx hyperiqa runtime use none".`;
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
    case 'runtime':
      return 'the runtime in use';
    case 'cache':
      return 'the cache folder';
    case 'package':
      return `npm package ${LIBTORCH_PACKAGE}`;
  }
}

/** The first library that a folder lacks. */
function missingFile(path: string): string | undefined {
  return libraryFiles(path).find((file) => !existsSync(file));
}
