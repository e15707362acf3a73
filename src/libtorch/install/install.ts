/** Installs a runtime: gets its files, checks them, and puts them in place whole or not at all. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { abortedError } from '../../support/abort.js';
import { LIBTORCH_VERSION, PLATFORM } from '../version.js';
import { asFailure, failure } from './failures.js';
import { copyRuntime, torchIn } from './folder.js';
import { CUDA_LIBRARY, keeps } from './layout.js';
import { downloadWithPip, findPip } from './pip.js';
import { runtimeFolder, runtimesFolder, type RuntimeKind } from '../places.js';
import {
  acquire,
  chooseOthers,
  chooseTorch,
  fileOf,
  indexPool,
  listPool,
  spaceFor,
  wheelAt,
  wheelsIn,
  type Acquired,
  type Candidate,
  type Pool,
} from './pool.js';
import { checkSpace, libTorchProblem, readInstalled, select, settle, workFolder, writeRecord } from './installed.js';
import { checkGlibc } from './system.js';
import type { InstalledRuntime, InstallRuntimeOptions, RuntimeOrigin, RuntimeProgress } from './types.js';
import { Web } from './web.js';
import { readWheel, unpack, type UnpackedFile } from './wheel.js';
import { totalSize, wheelsFor, type Lock } from './wheels.js';
import { Archive } from './zip.js';

/** Checked options. */
export interface InstallPlan {
  kind: RuntimeKind;
  from: readonly string[];
  sha256: string | undefined;
  force: boolean;
  signal: AbortSignal | undefined;
  onProgress: NonNullable<InstallRuntimeOptions['onProgress']>;
}

/** Free space beyond what is written. */
const MARGIN = 50e6;

/**
 * Installs the runtime, unless it is installed, and makes it the one in use. It is put together in a work folder beside
 * its place and takes its name when it is complete; of several runs at once the first one wins.
 *
 * @throws HyperIQAError ERR_RUNTIME_SOURCE, ERR_RUNTIME_DOWNLOAD, ERR_RUNTIME_HASH, ERR_RUNTIME_ARCHIVE,
 *   ERR_RUNTIME_CACHE, ERR_ABORTED
 */
export async function install(plan: InstallPlan, lock: Lock): Promise<InstalledRuntime> {
  const { kind, force, signal } = plan;
  try {
    signal?.throwIfAborted();
    wheelsFor(kind, lock);
    checkGlibc();
    if (force || !(await isWhole(kind))) await Installation.run(plan, lock);
    await select(kind);
  } catch (error) {
    throw signal?.aborted ? abortedError(signal) : asFailure(error, runtimesFolder());
  }
  const installed = await readInstalled(kind);
  if (installed === undefined) {
    throw failure('ERR_RUNTIME_CACHE', `${runtimeFolder(kind)} was removed while it was being installed. Run again.`);
  }
  return installed;
}

async function isWhole(kind: RuntimeKind): Promise<boolean> {
  const installed = await readInstalled(kind);
  return installed?.problem === null;
}

/** One installation in its work folder. */
class Installation {
  readonly #web = new Web();
  readonly #origins: RuntimeOrigin[] = [];
  readonly #files: UnpackedFile[] = [];
  readonly #downloads: string;
  readonly #result: string;
  /** As PyTorch's wheel says; null where the files come without one. */
  #version: string | null = null;

  private constructor(
    private readonly plan: InstallPlan,
    private readonly lock: Lock,
    private readonly work: string,
  ) {
    this.#downloads = join(work, 'downloads');
    this.#result = join(work, 'runtime');
  }

  static async run(plan: InstallPlan, lock: Lock): Promise<void> {
    const work = await workFolder(runtimesFolder());
    const installation = new Installation(plan, lock, work);
    try {
      await installation.#run();
    } finally {
      await installation.#web.close();
      // Also what another process holds open: the rest goes with the next run.
      await rm(work, { recursive: true, force: true, maxRetries: 3 });
    }
  }

  async #run(): Promise<void> {
    const { kind, force, signal } = this.plan;
    await mkdir(this.#downloads);
    await mkdir(this.#result);
    await this.#collect();
    const problem = libTorchProblem(this.#result) ?? this.#cudaProblem();
    if (problem !== null) {
      throw failure('ERR_RUNTIME_ARCHIVE', `What was given is no LibTorch ${LIBTORCH_VERSION} (${kind}): ${problem}.`);
    }
    await writeRecord(this.#result, {
      formatVersion: 1,
      kind,
      platform: PLATFORM,
      version: this.#version ?? LIBTORCH_VERSION,
      installedAt: new Date().toISOString(),
      origins: this.#origins,
      files: this.#files,
    });
    signal?.throwIfAborted();
    // A run that was asked to replace what is there does so; any other accepts what another run finished first.
    await settle(this.#result, runtimeFolder(kind), this.work, async () => !force && (await isWhole(kind)));
  }

  #cudaProblem(): string | null {
    if (this.plan.kind === 'cpu' || this.#files.some(({ path }) => CUDA_LIBRARY.test(path))) return null;
    return 'it is a CPU build';
  }

  /** Gets the files from where the caller says, else from the index that is set, else through pip. */
  async #collect(): Promise<void> {
    const { from } = this.plan;
    const index = process.env.HYPERIQA_WHEEL_INDEX;
    if (from.length > 0) await this.#collectFrom(from);
    else if (index) await this.#collectWheels(indexPool(this.#web, indexAddress(index), this.plan.signal));
    else await this.#collectWithPip();
  }

  async #collectFrom(from: readonly string[]): Promise<void> {
    const places = from.map(placeOf);
    const [only] = places;
    const { sha256 } = this.plan;
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
      } else candidates.push(wheelAt(place, this.#claimFor(place)));
    }
    await this.#collectWheels(listPool(places.length === 1 ? 'what was given' : 'what were given', candidates));
  }

  /** The hash that the caller vouches for: of the option, or behind an address. */
  #claimFor(place: string | URL): Candidate['claim'] {
    const sha256 = this.plan.sha256 ?? (typeof place === 'string' ? undefined : hashIn(place));
    return sha256 === undefined ? undefined : { sha256: sha256.toLowerCase(), by: 'caller' };
  }

  async #collectWithPip(): Promise<void> {
    const { kind, signal } = this.plan;
    const pip = await findPip(signal);
    if (pip === undefined) {
      throw failure(
        'ERR_RUNTIME_SOURCE',
        `LibTorch ${LIBTORCH_VERSION} is installed with pip, and no Python on the PATH has it. Install Python with pip; ` +
          'or set HYPERIQA_WHEEL_INDEX to the address of a Python package index; or name wheels, a LibTorch archive, a ' +
          `folder or an address: hyperiqa runtime install ${kind} FILE.`,
      );
    }
    const wheels = wheelsFor(kind, this.lock);
    await checkSpace(this.work, spaceFor(wheels));
    const folder = join(this.#downloads, 'wheels');
    const totalBytes = totalSize(wheels);
    await downloadWithPip(pip, wheels, folder, {
      signal,
      onBytes: (bytes) => {
        this.#report({ phase: 'download', file: '', bytes: Math.min(bytes, totalBytes), totalBytes });
      },
    });
    await this.#collectWheels(listPool('what pip downloaded', await wheelsIn(folder)), `pip ${pip.version}`);
  }

  /** PyTorch's wheel, and what it needs besides. */
  async #collectWheels(pool: Pool, from?: string): Promise<void> {
    const { kind } = this.plan;
    const torch = await chooseTorch(pool, kind, this.lock);
    const isCuda = await this.#unpackWheel(torch, pool, torch.name.version, from);
    if (!isCuda) return;
    for (const { wheel, candidate } of await chooseOthers(pool, kind, this.lock)) {
      await this.#unpackWheel(candidate, pool, wheel.version, from);
    }
  }

  /** @returns whether it is of a CUDA build */
  async #unpackWheel(candidate: Candidate, pool: Pool, version: string, from: string | undefined): Promise<boolean> {
    const { kind } = this.plan;
    const { project } = candidate.name;
    const acquired = await this.#acquire(candidate, pool.strict);
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
        if (kind === 'cuda' && !isCuda) {
          throw failure('ERR_RUNTIME_SOURCE', `${candidate.file} is a CPU build: it has no CUDA libraries.`);
        }
        this.#version = versionIn(await archive.text('torch/version.py')) ?? wheel.version;
      }
      const files = names.filter((name) => keeps(kind, name)).map((name) => [name, name] as const);
      await this.#unpack(archive, files, wheel.hashes);
    } finally {
      archive.close();
    }
    // Of a large runtime not all wheels need to be there twice.
    if (acquired.temporary || from !== undefined) await rm(acquired.path, { force: true });
    return isCuda;
  }

  /** An archive as PyTorch's site offers it: a folder with `lib` and `build-version`. */
  async #unpackArchive(at: string | URL): Promise<void> {
    const { kind } = this.plan;
    const file = typeof at === 'string' ? at : fileOf(at);
    const acquired = await this.#acquire({ file, at, claim: this.#claimFor(at) }, false);
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
        .filter(([, target]) => keeps(kind, target));
      this.#version = (await archive.text(build))?.trim() ?? null;
      await this.#unpack(archive, files, null);
    } finally {
      archive.close();
    }
    this.#origins.push(acquired.origin);
  }

  async #copy(torch: string): Promise<void> {
    const { kind, signal } = this.plan;
    this.#version = await versionOf(torch);
    const written = await copyRuntime(torch, kind, this.#result, {
      signal,
      onTotal: (bytes) => checkSpace(this.work, bytes + MARGIN),
      onProgress: (bytes, totalBytes) => {
        this.#report({ phase: 'unpack', file: torch, bytes, totalBytes });
      },
    });
    this.#files.push(...written);
    this.#origins.push({ name: torch, from: torch, sha256: null, bytes: null, verified: 'none' });
  }

  async #acquire(candidate: Pick<Candidate, 'file' | 'at' | 'claim'>, strict: boolean): Promise<Acquired> {
    if (typeof candidate.at === 'string' && !existsSync(candidate.at)) throw missing(candidate.at);
    return acquire(candidate, this.lock, {
      web: this.#web,
      folder: this.#downloads,
      strict,
      signal: this.plan.signal,
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
      signal: this.plan.signal,
      onTotal: (bytes) => checkSpace(this.work, bytes + MARGIN),
      onProgress: (bytes, totalBytes) => {
        this.#report({ phase: 'unpack', file: archive.name, bytes, totalBytes });
      },
    });
    this.#files.push(...written);
  }

  #report(progress: RuntimeProgress): void {
    this.plan.onProgress(progress);
  }
}

/** An address, or an absolute path. */
function placeOf(from: string): string | URL {
  if (!/^https?:/i.test(from)) return resolve(from);
  if (!URL.canParse(from)) throw failure('ERR_INVALID_ARGUMENT', `"${from}" is no address.`);
  return new URL(from);
}

function indexAddress(text: string): URL {
  if (/^https?:/i.test(text) && URL.canParse(text)) return new URL(text);
  throw failure('ERR_INVALID_ARGUMENT', 'HYPERIQA_WHEEL_INDEX must be the http(s) address of a Python package index.');
}

const hashIn = ({ hash }: URL) => /^#(?:.*&)?sha256=([0-9a-fA-F]{64})(?:&|$)/.exec(hash)?.[1];

const versionIn = (text: string | undefined) => /^__version__\s*=\s*['"]([^'"]+)/m.exec(text ?? '')?.[1];

/** With its suffix, where a file tells it. */
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
