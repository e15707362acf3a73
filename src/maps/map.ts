/** Quality maps: an image's patches on a dense grid, scored by the engine in batches. */
import { fromCallSite } from '../support/call-site.js';
import { checkPatches } from '../intake/cost.js';
import { checkScoreOptions, LIMIT_KEYS } from '../scoring/options.js';
import { scorePlanned, type HyperIQA } from '../scoring/scorer.js';
import type { ImageInput } from '../types.js';
import { checkInteger, checkObject } from '../support/validate.js';
import type { MapOptions, QualityMap } from './types.js';

const DEFAULT_STRIDE = 32;

/**
 * Scores patches all over an image.
 *
 * The image is decoded and resized by the protocol; patches are then at most `stride` pixels apart, and the outermost
 * ones touch the edges.
 *
 * It waits for its turn and is bounded as `HyperIQA.score` is, and counts in `HyperIQA.pending`.
 *
 * @throws HyperIQAError (as a rejection) the codes of `HyperIQA.score`; ERR_IMAGE_TOO_LARGE also for more patches than one
 *   for 1024 pixels of `limitInputPixels` (4096 at least, 100 000 at most)
 */
export function qualityMap(iqa: HyperIQA, input: ImageInput, options: MapOptions = {}): Promise<QualityMap> {
  return fromCallSite(async () => {
    const { stride: asked, ...scoring } = checkObject('options', options, [
      'protocol',
      'stride',
      ...LIMIT_KEYS,
      'signal',
    ]);
    const { model } = iqa.info;
    const plan = checkScoreOptions(scoring, model);
    const stride = asked === undefined ? DEFAULT_STRIDE : checkInteger('stride', asked, 4, model.patchSize);
    // A grid spreads its patches evenly from edge to edge.
    const along = (side: number) => Math.ceil((side - model.patchSize) / stride) + 1;
    const result = await scorePlanned(iqa, input, {
      ...plan,
      cropsFor: (label, resized) => {
        const rows = along(resized.height);
        const columns = along(resized.width);
        checkPatches(label, resized, rows * columns, plan.limits.limitInputPixels);
        return Object.freeze({ plan: 'grid', rows, columns });
      },
    });
    const { rows, columns } = result.provenance.protocol.crops as { rows: number; columns: number };
    const { minimum, maximum, higherIsBetter } = model.score;
    return {
      score: result.score,
      rows,
      columns,
      patches: result.crops.map(({ x, y, score }) => ({ x, y, score })),
      patchSize: model.patchSize,
      width: result.width,
      height: result.height,
      resized: result.resized,
      scale: { minimum, maximum, higherIsBetter },
      warnings: result.warnings,
      provenance: result.provenance,
    };
  });
}
