/** Downloads wheels with pip: with the index, proxy, certificates and cache that the user has set up for it. */
import { spawn } from 'node:child_process';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { abortedError } from '../../support/abort.js';
import { LIBTORCH_VERSION } from '../version.js';
import { ELSEWHERE, failure } from './failures.js';
import type { LockedWheel } from './wheel-lock.js';
import { parseWheelName } from './wheel-name.js';

export interface Pip {
  /** The Python that runs it. */
  python: string;
  version: string;
}

/** The end of what pip says is kept, for the explanation of a failure. */
const LONGEST_OUTPUT = 20_000;
const LOOK_MS = 500;

/** The first Python on the PATH that has pip; without `pip` one that lacks it, and undefined where there is no Python. */
export async function findPip(
  signal?: AbortSignal,
): Promise<{ python: string; pip?: undefined } | { python: string; pip: Pip } | undefined> {
  let without: { python: string } | undefined;
  for (const python of process.platform === 'win32' ? ['py', 'python', 'python3'] : ['python3', 'python']) {
    try {
      const { status, output } = await run(python, ['-m', 'pip', '--version'], process.env, signal);
      const version = /^pip (\S+)/m.exec(output)?.[1];
      if (status === 0 && version !== undefined) return { python, pip: { python, version } };
      without ??= { python };
    } catch (error) {
      if (signal?.aborted) throw error;
      // This Python is not on the PATH or cannot be run; the next one may be.
    }
  }
  return without;
}

/**
 * Downloads wheels into a new folder; pip accepts none whose SHA-256 is another than the lock's.
 *
 * @param folder Also for pip's temporary files: /tmp is often small.
 * @throws HyperIQAError ERR_RUNTIME_DOWNLOAD, ERR_RUNTIME_HASH, ERR_RUNTIME_CACHE, ERR_ABORTED
 */
export async function downloadWithPip(
  { python }: Pip,
  wheels: readonly LockedWheel[],
  folder: string,
  options: { signal?: AbortSignal | undefined; onBytes: (bytes: number) => void },
): Promise<void> {
  await mkdir(folder);
  const temporary = join(folder, 'pip');
  await mkdir(temporary);
  const requirements = join(temporary, 'requirements.txt');
  await writeFile(
    requirements,
    wheels.map(({ project, version, sha256 }) => `${project}==${version} --hash=sha256:${sha256}\n`).join(''),
  );
  const { signal, onBytes } = options;
  const look = () => {
    sizeOf(folder).then(onBytes, () => undefined);
  };
  const timer = setInterval(look, LOOK_MS);
  try {
    const { status, output } = await run(
      python,
      [
        ...['-m', 'pip', '--disable-pip-version-check', '--no-input', 'download', '--no-deps', '--only-binary=:all:'],
        ...['--progress-bar', 'off', '--require-hashes', '--requirement', requirements, '--dest', folder],
        ...tagsOf(wheels),
      ],
      { ...process.env, TMPDIR: temporary, TEMP: temporary, TMP: temporary, PYTHONIOENCODING: 'utf-8' },
      signal,
    );
    if (status !== 0) throw explain(output);
  } finally {
    clearInterval(timer);
  }
}

/** pip takes a wheel for another Python than its own only when told all of its tags. */
function tagsOf(wheels: readonly LockedWheel[]): string[] {
  const names = wheels.flatMap(({ file }) => parseWheelName(file) ?? []);
  const python = names.flatMap((name) => name.python).find((tag) => /^cp\d+$/.test(tag)) ?? 'cp311';
  const option = (name: string, values: Iterable<string>) => [...values].flatMap((value) => [name, value]);
  return [
    ...option('--platform', new Set(names.flatMap(({ platforms }) => platforms))),
    ...option('--abi', new Set(names.flatMap(({ abi }) => abi))),
    ...['--implementation', 'cp', '--python-version', python.slice('cp'.length)],
  ];
}

const UNREACHABLE =
  /NewConnectionError|NameResolutionError|Name or service not known|Temporary failure in name resolution|Max retries|ProxyError|ConnectTimeout|ReadTimeout|Network is unreachable|Connection (?:refused|reset)|SSLError/i;
/** pip's words for an index that lacks a wheel of this version and platform, and often for one that it did not reach. */
const LACKING = /No matching distribution found|Could not find a version that satisfies/i;

/** Explains a failure of pip to a reader who has not seen its output. */
function explain(output: string): Error {
  const cause = new Error(output.trim());
  const errors = output.split('\n').filter((line) => /ERROR:|Error:/.test(line));
  const said = `pip says: ${(errors.at(-1) ?? output).trim().slice(-500)}`;
  if (/No space left on device|Disk quota exceeded/i.test(output)) {
    return failure('ERR_RUNTIME_CACHE', `The disk filled up while pip downloaded. ${ELSEWHERE} ${said}`, cause);
  }
  if (/DO NOT MATCH THE HASHES/i.test(output)) {
    return failure(
      'ERR_RUNTIME_HASH',
      'What pip downloaded is not the file that this version of hyperiqa knows (its SHA-256 differs), and was ' +
        `discarded. Run again; if it stays so, the package index that pip uses serves another file. ${said}`,
      cause,
    );
  }
  const lead = UNREACHABLE.test(output)
    ? "pip did not reach its package index. Check the network and pip's settings (index, proxy, certificates)"
    : LACKING.test(output)
      ? `pip did not reach its package index, or that lacks a wheel of LibTorch ${LIBTORCH_VERSION} for this platform. ` +
        'Check the network and pip\'s settings (PIP_INDEX_URL, "pip config list")'
      : "pip could not download LibTorch. Check pip's settings";
  return failure(
    'ERR_RUNTIME_DOWNLOAD',
    `${lead} and run again, or name other files (hyperiqa runtime install --help). ${said}`,
    cause,
  );
}

/** Bytes of the wheels so far: the finished ones, and the one that pip has in its temporary folder. */
async function sizeOf(folder: string): Promise<number> {
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.whl'));
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal | undefined,
): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      ...(signal ? { signal } : {}),
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-LONGEST_OUTPUT);
      });
    }
    child.on('error', (error) => {
      // An aborted child is waited for: it may still write into the folder that is about to be removed.
      if (!signal?.aborted) reject(error);
    });
    child.on('close', (status) => {
      if (signal?.aborted) reject(abortedError(signal));
      else resolve({ status, output });
    });
  });
}
