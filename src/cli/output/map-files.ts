/** Maps as files, and their names. */
import { basename, extname } from 'node:path';
import { mapPicture, type MapPictureOptions, type QualityMap } from '../../index.js';
import type { OutputFolder } from './output-folder.js';

export class MapFiles {
  constructor(private readonly folder: OutputFolder) {}

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
    await this.folder.protect(file);
    const name = this.folder.name(basename(file, extname(file)), '-map');
    const picture = drawing && (await mapPicture(map, file, drawing));
    const json = await this.folder.write(`${name}.json`, Buffer.from(`${JSON.stringify({ file, ...map })}\n`));
    return { ...(picture && { map: await this.folder.write(`${name}.png`, picture) }), json };
  }
}
