/** Outputs that are no inputs: a command must not destroy what it reads. */
import { fstatSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { HyperIQAError } from '../../index.js';

/** A path, or `-`: standard input among inputs, standard output among outputs. */
type Place = string;

/** The files that a command writes, however they are named; made by `Outputs.of`. */
export class Outputs {
  readonly #byIdentity = new Map<string, Place>();
  readonly #byPath = new Map<string, Place>();
  /** Folders without links in their paths, each looked up once. */
  readonly #folders = new Map<string, string>();

  static async of(places: readonly Place[]): Promise<Outputs> {
    const outputs = new Outputs();
    for (const place of places) {
      const identity = await identityOf(place, 1);
      if (identity !== undefined) outputs.#byIdentity.set(identity, place);
      if (place !== '-') outputs.#byPath.set(await outputs.#pathOf(place), place);
    }
    return outputs;
  }

  /**
   * @param inputs - Files that are read, also such that are not there.
   * @throws HyperIQAError ERR_OUTPUT where one of them is an output: under another name, through links of either kind, or by
   *   redirection
   */
  async refuse(inputs: readonly Place[]): Promise<void> {
    for (const input of inputs) {
      const identity = this.#byIdentity.size > 0 ? await identityOf(input, 0) : undefined;
      const output =
        (identity === undefined ? undefined : this.#byIdentity.get(identity)) ??
        (input === '-' || this.#byPath.size === 0 ? undefined : this.#byPath.get(await this.#pathOf(input)));
      if (output === undefined) continue;
      const [written, read] = [output === '-' ? 'Standard output' : output, input === '-' ? 'standard input' : input];
      const link = output === input ? 'is read by this command' : `is the same file as ${read}, which is read`;
      throw new HyperIQAError('ERR_OUTPUT', `${written} ${link}: name another file for the output.`);
    }
  }

  /** The path of a file that need not be there. */
  async #pathOf(path: string): Promise<string> {
    const whole = resolve(path);
    const folder = dirname(whole);
    const real = this.#folders.get(folder) ?? (await realpath(folder).catch(() => folder));
    this.#folders.set(folder, real);
    return join(real, basename(whole));
  }
}

/** Identity of a regular file; undefined for devices, pipes and missing files. */
async function identityOf(place: Place, standard: 0 | 1): Promise<string | undefined> {
  try {
    const found = place === '-' ? fstatSync(standard, { bigint: true }) : await stat(place, { bigint: true });
    return found.isFile() ? `${found.dev}:${found.ino}` : undefined;
  } catch {
    return undefined;
  }
}
