/** Crops of faces as files, and their names. */
import { realpath } from 'node:fs/promises';
import { basename, dirname, extname } from 'node:path';
import { loadSharp } from '../../add-on.js';
import { HyperIQAError, type RawImage } from '../../index.js';
import type { OutputFolder } from './output-folder.js';

/** Lossless, so that a crop's score is that of the face in the photograph. */
const EXTENSION = '.png';

export class CropFiles {
  constructor(private readonly folder: OutputFolder) {}

  /** Keeps crops of an earlier run from being written over. */
  reserve(paths: string[]): void {
    for (const path of paths) this.folder.reserve(basename(path));
  }

  /** Gives the names of crops free whose photograph has changed. */
  release(paths: string[]): void {
    for (const path of paths) this.folder.free(basename(path));
  }

  /**
   * Writes the crop of a face of `file`, over one of an earlier run that is not reserved.
   *
   * @param number - Of the face, where the image may have several: `photo-face2.png`. Without one the crop has the name
   *   of the photograph, so that it can be joined with tables of photographs.
   * @returns the path of the crop
   * @throws HyperIQAError ERR_OUTPUT
   */
  async write(file: string, { data, width, height, channels }: RawImage, number?: number): Promise<string> {
    const photographs = await realpath(dirname(file)).catch(() => undefined);
    if (photographs === this.folder.real) {
      throw new HyperIQAError(
        'ERR_OUTPUT',
        `The crop of ${file} would lie among the photographs and might overwrite one: name another folder for --crops.`,
      );
    }
    await this.folder.protect(file);
    const stem = basename(file, extname(file)) + (number ? `-face${number}` : '');
    const png = loadSharp()(data, { raw: { width, height, channels }, limitInputPixels: false }).png();
    return this.folder.write(this.folder.name(stem, EXTENSION), await png.toBuffer());
  }
}
