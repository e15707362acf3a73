/** Maps as files, and their names. */
import { basename, extname, join } from 'node:path';
import { mapPicture, type MapPictureOptions, type QualityMap } from '../../maps/index.js';
import type { OutputFolder } from './output-folder.js';

export class MapFiles {
  constructor(private readonly folder: OutputFolder) {}

  /**
   * Writes the map of an image, over that of an earlier run: picture and patches, or neither of them.
   *
   * @param drawing - How the picture is drawn; undefined: none is.
   * @throws HyperIQAError ERR_OUTPUT
   */
  async write(
    file: string,
    map: QualityMap,
    drawing: MapPictureOptions | undefined,
  ): Promise<{ map?: string; json: string }> {
    await this.folder.protect(file);
    const name = this.folder.name(basename(file, extname(file)), '-map');
    const picture = drawing && (await mapPicture(map, file, drawing));
    const patches = Buffer.from(`${JSON.stringify({ file, ...map })}\n`);
    if (picture === undefined) return { json: await this.folder.write(`${name}.json`, patches) };
    await this.folder.writeAll([
      [`${name}.json`, patches],
      [`${name}.png`, picture],
    ]);
    return { map: join(this.folder.path, `${name}.png`), json: join(this.folder.path, `${name}.json`) };
  }
}
