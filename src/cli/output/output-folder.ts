/** A folder of which hyperiqa chooses the names: crops, maps, pictures. */
import { lstat, readdir, realpath, rm, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { AtomicFile, isTemporaryName } from '../../files/atomic-file.js';
import { makeFolder } from '../../files/make-folder.js';
import { openLocked } from '../../locks/file-lock.js';
import { writing } from '../../files/output-error.js';
import { identityOf, type FileIdentity } from '../../files/same-file.js';
import { expand } from '../input/inputs.js';
import { isMarked, marked } from './mark.js';
import { tellUnlocked } from '../terminal/text.js';

/** Name of the lock that the run holds which writes into the folder. */
const LOCK = '.hyperiqa.lock';

/** Inputs of a run, in the form that `expand` takes. */
export interface FolderInputs {
  paths: readonly string[];
  recursive: boolean;
}

/**
 * Files are written whole or not at all, and replace nothing but files of an earlier run: never an input, a link or
 * anything that hyperiqa did not write. One run at a time has the folder.
 */
export class OutputFolder {
  /** Names given so far, in lower case: some file systems do not tell cases apart. */
  readonly #taken = new Set<string>();
  /** Inputs that lie in the folder, under whatever name they were given. */
  readonly #inputs = new Set<FileIdentity>();

  private constructor(
    /** Path as the user gave it. */
    readonly path: string,
    /** Without links. */
    readonly real: string,
    private readonly lock: FileHandle,
    /** The files that were in it before. */
    private readonly present: ReadonlySet<FileIdentity>,
  ) {}

  /**
   * Makes the folder where it is missing.
   *
   * @throws HyperIQAError ERR_OUTPUT; ERR_OUTPUT_BUSY where another run has it
   */
  static async open(path: string, inputs: FolderInputs): Promise<OutputFolder> {
    return writing(`The folder ${path} cannot be used`, async () => {
      await makeFolder(path);
      const real = await realpath(path);
      const { handle, locked } = await openLocked(join(real, LOCK), path, { follow: false });
      if (!locked) tellUnlocked(path);
      // Remove leftovers of killed runs; the lock keeps other runs from having any.
      const names = await readdir(real);
      for (const name of names.filter(isTemporaryName)) await rm(join(real, name), { force: true });
      const folder = new OutputFolder(path, real, handle, await filesIn(real, names));
      await folder.#protect(inputs);
      return folder;
    });
  }

  async #protect({ paths, recursive }: FolderInputs): Promise<void> {
    if (this.present.size === 0) return;
    // A list on standard input can be read only once: its files are protected as their turn comes.
    const known = paths.filter((path) => path !== '-');
    for await (const { file } of expand(known, { recursive })) await this.protect(file);
  }

  /** Keeps an input from being replaced. */
  async protect(file: string): Promise<void> {
    const identity = await identityOf(file);
    if (identity !== undefined && this.present.has(identity)) this.#inputs.add(identity);
  }

  /** Keeps a name from being given. */
  reserve(name: string): void {
    this.#taken.add(name.toLowerCase());
  }

  /** Lets a name be given again. */
  free(name: string): void {
    this.#taken.delete(name.toLowerCase());
  }

  /** `stem` and `suffix`, with a number between them where the name is taken; it is taken then. */
  name(stem: string, suffix = ''): string {
    let name = stem + suffix;
    for (let i = 2; this.#taken.has(name.toLowerCase()); i++) name = `${stem}~${i}${suffix}`;
    this.reserve(name);
    return name;
  }

  /**
   * Writes a file, over one of an earlier run.
   *
   * @param name - Its extension says what it is: PNG, JSON (an object with members) or SVG.
   * @returns its path
   * @throws HyperIQAError ERR_OUTPUT
   */
  async write(name: string, content: Buffer): Promise<string> {
    await this.writeAll([[name, content]]);
    return join(this.path, name);
  }

  /**
   * Writes files that belong together: where one of them cannot be written, none is.
   *
   * @throws HyperIQAError ERR_OUTPUT
   */
  async writeAll(files: readonly (readonly [name: string, content: Buffer])[]): Promise<void> {
    const whole: { path: string; file: AtomicFile }[] = [];
    try {
      for (const [name, content] of files) {
        const path = join(this.path, name);
        await writing(`${path} cannot be written`, async () => {
          await this.#requireOurs(join(this.real, name));
          const file = await AtomicFile.create(join(this.real, name));
          whole.push({ path, file });
          await file.handle.writeFile(marked(name, content));
          await file.handle.sync();
        });
      }
      for (const { path, file } of whole) await writing(`${path} cannot be written`, () => file.publish());
    } finally {
      for (const { file } of whole) await file[Symbol.asyncDispose]();
    }
  }

  async #requireOurs(path: string): Promise<void> {
    const existing = await lstat(path).catch(() => undefined);
    if (existing === undefined) return;
    const identity = await identityOf(path);
    if (identity !== undefined && this.#inputs.has(identity)) {
      throw new Error('it is there and is an input. Name another folder');
    }
    if (!(await isMarked(path))) {
      throw new Error('it is there and hyperiqa did not write it. Move it away, or name another folder');
    }
  }

  /** Lets other runs have the folder. */
  async release(): Promise<void> {
    // Before the lock ends with the handle: afterwards the file may be another run's.
    await unlink(join(this.real, LOCK)).catch(() => undefined);
    await this.lock.close().catch(() => undefined);
  }
}

async function filesIn(folder: string, names: readonly string[]): Promise<Set<FileIdentity>> {
  const files = new Set<FileIdentity>();
  for (const name of names) {
    const identity = name === LOCK ? undefined : await identityOf(join(folder, name));
    if (identity !== undefined) files.add(identity);
  }
  return files;
}
