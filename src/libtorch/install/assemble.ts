/** Gets the files of a LibTorch, checks them, and puts together the folder that is to be installed. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import type { RuntimeKind } from '../runtime-folders.js';
import { LIBTORCH_VERSION } from '../version.js';
import { acquire, type Acquired } from './acquire.js';
import {
  chooseOthers,
  chooseTorch,
  fileOf,
  spaceFor,
  wheelAt,
  wheelsIn,
  type Candidate,
  type WheelSet,
} from './choose-wheels.js';
import { copyRuntime, torchIn } from './copy-folder.js';
import { failure, OWN_LIBTORCH } from './failures.js';
import { CUDA_LIBRARY, keeps, type Purpose } from './kept-files.js';
import { downloadWithPip, findPip, type Pip } from './pip.js';
import { libTorchProblem } from './record.js';
import type { RuntimeOrigin, RuntimeProgress } from './types.js';
import { readWheel, unpack, type UnpackedFile } from './unpack-wheel.js';
import { totalSize, wheelsFor, type Lock } from './wheel-lock.js';
import { checkSpace } from './work-folder.js';
import { Archive } from './zip.js';

/** Parts of a runtime to be put together. */
export interface Order {
  purpose: Purpose;
  /** Wheels, an archive, folders or addresses; none: pip downloads the wheels of the lock. */
  from: readonly string[];
  sha256: string | undefined;
  signal: AbortSignal | undefined;
  onProgress: (progress: RuntimeProgress) => void;
}

/** A folder with LibTorch in `torch`, and what it consists of. */
export interface Assembled {
  folder: string;
  /** Version of the build, with its suffix. */
  version: string;
  origins: RuntimeOrigin[];
  files: UnpackedFile[];
}

/** Free space beyond what is written. */
const MARGIN = 50e6;

/**
 * Puts a LibTorch together in a work folder.
 *
 * @throws HyperIQAError ERR_RUNTIME_SOURCE, ERR_RUNTIME_DOWNLOAD, ERR_RUNTIME_HASH, ERR_RUNTIME_ARCHIVE,
 *   ERR_RUNTIME_CACHE, ERR_ABORTED; Error of the file system
 */
export async function assemble(order: Order, lock: Lock, work: string): Promise<Assembled> {
  const assembly = new Assembly(order, lock, work);
  return assembly.run();
}

class Assembly {
  readonly #origins: RuntimeOrigin[] = [];
  readonly #files: UnpackedFile[] = [];
  readonly #downloads: string;
  readonly #result: string;
  /** The build of which the wheels are needed. */
  readonly #kind: RuntimeKind;
  /** Version that PyTorch's wheel states; null if the files come without one. */
  #version: string | null = null;

  constructor(
    private readonly order: Order,
    private readonly lock: Lock,
    private readonly work: string,
  ) {
    this.#downloads = join(work, 'downloads');
    this.#result = join(work, 'result');
    this.#kind = order.purpose === 'cuda' ? 'cuda' : 'cpu';
  }

  async run(): Promise<Assembled> {
    await mkdir(this.#downloads);
    await mkdir(this.#result);
    const { from } = this.order;
    if (from.length > 0) await this.#collectFrom(from);
    else await this.#collectWithPip();
    const problem = libTorchProblem(this.#result) ?? this.#cudaProblem();
    if (problem !== null) {
      throw failure(
        'ERR_RUNTIME_ARCHIVE',
        `What was given is no LibTorch ${LIBTORCH_VERSION} (${this.#kind}): ${problem}.`,
      );
    }
    return {
      folder: this.#result,
      version: this.#version ?? LIBTORCH_VERSION,
      origins: this.#origins,
      files: this.#files,
    };
  }

  #cudaProblem(): string | null {
    if (this.#kind === 'cpu' || this.#files.some(({ path }) => CUDA_LIBRARY.test(path))) return null;
    return 'it is a CPU build';
  }

  async #collectFrom(from: readonly string[]): Promise<void> {
    const places = from.map(placeOf);
    const [only] = places;
    const { sha256 } = this.order;
    if (only !== undefined && places.length === 1) {
      const folder = typeof only === 'string' && (await kindOf(only)) === 'folder' ? only : undefined;
      if (folder !== undefined && sha256 !== undefined) {
        throw failure('ERR_INVALID_ARGUMENT', 'sha256 is that of one wheel or archive, and a folder is given.');
      }
      const torch = folder === undefined ? undefined : torchIn(folder);
      if (torch !== undefined) {
        await this.#copy(torch);
        return;
      }
      if ((typeof only === 'string' ? only : fileOf(only)).endsWith('.zip')) {
        await this.#unpackArchive(only);
        return;
      }
    }
    if (sha256 !== undefined && places.length > 1) {
      throw failure('ERR_INVALID_ARGUMENT', 'sha256 is that of one wheel or archive, and several are given.');
    }
    const candidates: Candidate[] = [];
    for (const place of places) {
      if (typeof place === 'string' && (await kindOf(place)) === 'folder') {
        const wheels = await wheelsIn(place);
        if (wheels.length === 0) {
          throw failure('ERR_RUNTIME_SOURCE', `${place} has neither LibTorch's "lib" folder nor a wheel in it.`);
        }
        candidates.push(...wheels);
      } else candidates.push(wheelAt(place, this.#hashFor(place)));
    }
    await this.#collectWheels({ place: 'what was given', wheels: candidates });
  }

  /** The SHA-256 that the caller vouches for: in the option, or behind an address. */
  #hashFor(place: string | URL): string | undefined {
    const sha256 = this.order.sha256 ?? (typeof place === 'string' ? undefined : hashIn(place));
    return sha256?.toLowerCase();
  }

  async #collectWithPip(): Promise<void> {
    const { signal } = this.order;
    const pip = await this.#requirePip();
    const wheels = wheelsFor(this.#kind, this.lock);
    await checkSpace(this.work, spaceFor(wheels));
    const folder = join(this.#downloads, 'wheels');
    const totalBytes = totalSize(wheels);
    const report = (bytes: number) => {
      this.#report({ phase: 'download', file: '', bytes: Math.min(bytes, totalBytes), totalBytes });
    };
    report(0);
    await downloadWithPip(pip, wheels, folder, { signal, onBytes: report });
    const downloaded = { place: 'what pip downloaded', wheels: await wheelsIn(folder) };
    await this.#collectWheels(downloaded, `pip ${pip.version}`);
  }

  async #requirePip(): Promise<Pip> {
    const found = await findPip(this.order.signal);
    if (found?.pip) return found.pip;
    const problem = found
      ? `"${found.python} -m pip" does not work. Install pip for it (python3-pip in most distributions) and run again; `
      : 'there is no Python on the PATH. Install Python with pip and run again; ';
    const files =
      this.order.purpose === 'build'
        ? ''
        : 'or name wheels, a LibTorch archive, a folder or an address: ' +
          `hyperiqa runtime install ${this.order.purpose} FILE. `;
    throw failure(
      'ERR_RUNTIME_SOURCE',
      `LibTorch ${LIBTORCH_VERSION} is downloaded with pip, and ${problem}${files}${OWN_LIBTORCH}`,
    );
  }

  /** PyTorch's wheel, and the others that it needs. */
  async #collectWheels(set: WheelSet, from?: string): Promise<void> {
    const torch = chooseTorch(set, this.#kind, this.lock);
    const isCuda = await this.#unpackWheel(torch, torch.name.version, from);
    if (!isCuda) return;
    for (const { wheel, candidate } of chooseOthers(set, this.#kind, this.lock)) {
      await this.#unpackWheel(candidate, wheel.version, from);
    }
  }

  /** @returns whether it is of a CUDA build */
  async #unpackWheel(candidate: Candidate, version: string, from: string | undefined): Promise<boolean> {
    const { project } = candidate.name;
    const acquired = await this.#acquire(candidate);
    this.#origins.push(from === undefined ? acquired.origin : { ...acquired.origin, from });
    const archive = await Archive.open(acquired.path, candidate.file);
    let isCuda: boolean;
    try {
      const wheel = await readWheel(archive);
      const [base] = wheel.version.split('+');
      if (wheel.project !== project || base !== version) {
        throw failure(
          'ERR_RUNTIME_ARCHIVE',
          `${candidate.file} is ${wheel.project} ${wheel.version} inside, not ${project} ${version}.`,
        );
      }
      const names = [...archive.files.keys()];
      isCuda = project === 'torch' && names.some((name) => CUDA_LIBRARY.test(name));
      if (project === 'torch') {
        if (this.#kind === 'cuda' && !isCuda) {
          throw failure('ERR_RUNTIME_SOURCE', `${candidate.file} is a CPU build: it has no CUDA libraries.`);
        }
        this.#version = versionIn(await archive.text('torch/version.py')) ?? wheel.version;
      }
      const files = names.filter((name) => keeps(this.order.purpose, name)).map((name) => [name, name] as const);
      await this.#unpack(archive, files, wheel.hashes);
    } finally {
      archive.close();
    }
    // The disk need not hold all wheels of a large runtime twice.
    if (acquired.temporary || from !== undefined) await rm(acquired.path, { force: true });
    return isCuda;
  }

  /** An archive as PyTorch's site offers it: a folder with `lib` and `build-version`. */
  async #unpackArchive(at: string | URL): Promise<void> {
    const file = typeof at === 'string' ? at : fileOf(at);
    const acquired = await this.#acquire({ file, at, sha256: this.#hashFor(at) });
    const archive = await Archive.open(acquired.path, acquired.origin.name);
    try {
      const build = [...archive.files.keys()].find((name) => /^(?:[^/]+\/)?build-version$/.test(name));
      if (build === undefined) {
        throw failure(
          'ERR_RUNTIME_ARCHIVE',
          `${acquired.origin.name} is no LibTorch archive: it has no build-version.`,
        );
      }
      const prefix = build.slice(0, -'build-version'.length);
      const files = [...archive.files.keys()]
        .filter((name) => name.startsWith(prefix))
        .map((name) => [name, `torch/${name.slice(prefix.length)}`] as const)
        .filter(([, target]) => keeps(this.order.purpose, target));
      this.#version = (await archive.text(build))?.trim() ?? null;
      await this.#unpack(archive, files, null);
    } finally {
      archive.close();
    }
    this.#origins.push(acquired.origin);
  }

  async #copy(torch: string): Promise<void> {
    const { purpose, signal } = this.order;
    this.#version = await versionOf(torch);
    const written = await copyRuntime(torch, purpose, this.#result, {
      signal,
      onTotal: (bytes) => checkSpace(this.work, bytes + MARGIN),
      onProgress: (bytes, totalBytes) => {
        this.#report({ phase: 'unpack', file: torch, bytes, totalBytes });
      },
    });
    this.#files.push(...written);
    this.#origins.push({ name: torch, from: torch, sha256: null, bytes: null, verified: 'none' });
  }

  async #acquire(candidate: Pick<Candidate, 'file' | 'at' | 'sha256'>): Promise<Acquired> {
    if (typeof candidate.at === 'string' && !existsSync(candidate.at)) throw missing(candidate.at);
    return acquire(candidate, this.lock, {
      folder: this.#downloads,
      signal: this.order.signal,
      onBytes: (file, bytes, totalBytes) => {
        this.#report({ phase: 'download', file, bytes, totalBytes });
      },
    });
  }

  async #unpack(
    archive: Archive,
    files: readonly (readonly [string, string])[],
    hashes: ReadonlyMap<string, string> | null,
  ): Promise<void> {
    const written = await unpack(archive, files, hashes, this.#result, {
      signal: this.order.signal,
      onTotal: (bytes) => checkSpace(this.work, bytes + MARGIN),
      onProgress: (bytes, totalBytes) => {
        this.#report({ phase: 'unpack', file: archive.name, bytes, totalBytes });
      },
    });
    this.#files.push(...written);
  }

  #report(progress: RuntimeProgress): void {
    this.order.onProgress(progress);
  }
}

/** An address, or an absolute path. */
function placeOf(from: string): string | URL {
  if (!/^https?:/i.test(from)) return resolve(from);
  if (!URL.canParse(from)) throw failure('ERR_INVALID_ARGUMENT', `"${from}" is no address.`);
  return new URL(from);
}

const hashIn = ({ hash }: URL) => /^#(?:.*&)?sha256=([0-9a-fA-F]{64})(?:&|$)/.exec(hash)?.[1];

const versionIn = (text: string | undefined) => /^__version__\s*=\s*['"]([^'"]+)/m.exec(text ?? '')?.[1];

/** Version with its suffix, where a file tells it. */
async function versionOf(torch: string): Promise<string | null> {
  const read = (file: string) => readFile(join(torch, file), 'utf8').catch(() => undefined);
  return versionIn(await read('version.py')) ?? (await read('build-version'))?.trim() ?? null;
}

async function kindOf(path: string): Promise<'file' | 'folder'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw missing(path);
    throw error;
  }
}

const missing = (path: string) => failure('ERR_RUNTIME_SOURCE', `There is no ${path}.`);
