/** Crops of faces as files: their names, and the folder they go to. */
import { mkdir, realpath } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { loadSharp } from '../image/sharp.js';
import { HyperIQAError, type RawImage } from '../index.js';

/** Lossless, so that a crop's score is that of the face in the photograph. */
const EXTENSION = '.png';

export class CropFiles {
  /** Names given so far, in lower case: some file systems do not tell cases apart. */
  readonly #taken = new Set<string>();

  private constructor(
    private readonly folder: string,
    private readonly real: string,
  ) {}

  /** Makes the folder where it is missing. @throws HyperIQAError ERR_OUTPUT */
  static async open(folder: string): Promise<CropFiles> {
    try {
      await mkdir(folder, { recursive: true });
      return new CropFiles(folder, await realpath(folder));
    } catch (cause) {
      throw new HyperIQAError('ERR_OUTPUT', `The folder ${folder} cannot be used: ${(cause as Error).message}`, {
        cause,
      });
    }
  }

  /** Keeps crops of an earlier run from being written over. */
  reserve(paths: string[]): void {
    for (const path of paths) this.#taken.add(stemOf(path));
  }

  /** Gives the names of crops free whose photograph has changed. */
  release(paths: string[]): void {
    for (const path of paths) this.#taken.delete(stemOf(path));
  }

  /**
   * Writes the crop of a face of `file`, over one of an earlier run that is not reserved.
   *
   * @param number - Of the face, where the image may have several: `photo-face2.png`. Without one the crop has the name
   *   of the photograph, so that it can be joined with tables of photographs.
   * @returns the path of the crop
   * @throws HyperIQAError ERR_OUTPUT
   */
  async write(file: string, pixels: RawImage, number?: number): Promise<string> {
    const photographs = await realpath(dirname(file)).catch(() => undefined);
    if (photographs === this.real) {
      throw new HyperIQAError(
        'ERR_OUTPUT',
        `The crop of ${file} would lie among the photographs and might overwrite one: name another folder for --crops.`,
      );
    }
    const path = join(this.folder, this.#free(basename(file, extname(file)) + (number ? `-face${number}` : '')));
    const { data, width, height, channels } = pixels;
    try {
      await loadSharp()(data, { raw: { width, height, channels }, limitInputPixels: false }).png().toFile(path);
    } catch (cause) {
      throw new HyperIQAError('ERR_OUTPUT', `The crop ${path} cannot be written: ${(cause as Error).message}`, {
        cause,
      });
    }
    return path;
  }

  /** The name, with a number where photographs of different folders have the same one. */
  #free(stem: string): string {
    let name = stem;
    for (let i = 2; this.#taken.has(name.toLowerCase()); i++) name = `${stem}~${i}`;
    this.#taken.add(name.toLowerCase());
    return name + EXTENSION;
  }
}

const stemOf = (path: string) => basename(path, EXTENSION).toLowerCase();
