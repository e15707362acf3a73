/** Makes a report: finds the images, draws, writes the page. */
import { checkBoolean, checkInteger, checkObject, checkSignal, checkString, HyperIQAError } from 'hyperiqa/add-on';
import { standalone } from './canvas.js';
import { galleryOf } from './gallery.js';
import { locateImages, mapFinder } from './locate.js';
import { contentOf, modelOf } from './model.js';
import { pageOf } from './page.js';
import { plotsOf } from './plots.js';
import type { Report, ReportInput, ReportOptions } from './types.js';

const KEYS: readonly (keyof ReportOptions)[] = ['title', 'images', 'maps', 'gallery', 'drawn', 'folder', 'signal'];

/**
 * Makes a report for people from an evaluation, or from predictions alone: one HTML page without references to anything
 * outside, and its pictures as SVG. Images that cannot be found or read are shown as such.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT for options and folders that cannot be read; ERR_ABORTED
 */
export async function createReport(input: ReportInput, options: ReportOptions = {}): Promise<Report> {
  checkObject('options', options, KEYS);
  for (const key of ['title', 'images', 'maps', 'folder'] as const) {
    if (options[key] !== undefined) checkString(key, options[key]);
  }
  const { title = 'Image quality report', images, maps, gallery = 8, drawn = true, folder = '.', signal } = options;
  checkInteger('gallery', gallery, 0, 100);
  checkBoolean('drawn', drawn);
  if (signal !== undefined) checkSignal('signal', signal);
  const content = contentOf(input);
  const names = content.images.map(({ name }) => name);
  if (names.length === 0) throw new HyperIQAError('ERR_INVALID_ARGUMENT', 'There is no image to report on.');
  try {
    const model = modelOf(input, content, await locateImages(names, images));
    const sheets = drawn ? await galleryOf(model, gallery, await mapFinder(maps, names), signal) : [];
    const plots = drawn ? plotsOf(model) : [];
    return {
      html: pageOf({ title, model, plots, sheets, folder, input, dropped: content.dropped }),
      pictures: plots.map(({ name, title: heading, svg, legend }) => ({
        ...{ name, title: heading },
        svg: standalone(svg, heading, legend),
      })),
    };
  } catch (error) {
    if (!signal?.aborted || error instanceof HyperIQAError) throw error;
    throw new HyperIQAError('ERR_ABORTED', 'The report was aborted.', { cause: signal.reason });
  }
}
