/** Maps as files: their names, and the folder they go to. */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { HyperIQAError, mapPicture, type MapPictureOptions, type QualityMap } from '../index.js';

export class MapFiles {
  /** Names given so far, in lower case: some file systems do not tell cases apart. */
  readonly #taken = new Set<string>();

  private constructor(private readonly folder: string) {}

  /** Makes the folder where it is missing. @throws HyperIQAError ERR_OUTPUT */
  static async open(folder: string): Promise<MapFiles> {
    try {
      await mkdir(folder, { recursive: true });
      return new MapFiles(folder);
    } catch (cause) {
      throw new HyperIQAError('ERR_OUTPUT', `The folder ${folder} cannot be used: ${(cause as Error).message}`, {
        cause,
      });
    }
  }

  /**
   * Writes the map of an image, over that of an earlier run.
   *
   * @param drawing - How the picture is drawn; undefined: none is.
   * @throws HyperIQAError ERR_OUTPUT
   */
  async write(
    file: string,
    map: QualityMap,
    drawing: MapPictureOptions | undefined,
  ): Promise<{ map?: string; json: string }> {
    const path = join(this.folder, this.#free(basename(file, extname(file))));
    const picture = drawing && (await mapPicture(map, file, drawing));
    try {
      await writeFile(`${path}.json`, `${JSON.stringify({ file, ...map })}\n`);
      if (picture) await writeFile(`${path}.png`, picture);
    } catch (cause) {
      throw new HyperIQAError('ERR_OUTPUT', `The map ${path} cannot be written: ${(cause as Error).message}`, {
        cause,
      });
    }
    return { ...(picture && { map: `${path}.png` }), json: `${path}.json` };
  }

  /** The name, with a number where images of different folders, or formats, have the same one. */
  #free(stem: string): string {
    let name = `${stem}-map`;
    for (let i = 2; this.#taken.has(name.toLowerCase()); i++) name = `${stem}~${i}-map`;
    this.#taken.add(name.toLowerCase());
    return name;
  }
}
