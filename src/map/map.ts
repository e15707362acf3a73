/** Quality maps: an image's patches on a dense grid, scored by the engine in batches. */
import { fromCallSite } from '../call-site.js';
import { HyperIQAError } from '../errors.js';
import { captureImage, DEFAULT_LIMIT_INPUT_PIXELS } from '../image.js';
import { MAXIMUM_CROPS, resizedSize, resolveProtocol } from '../protocol.js';
import type { HyperIQA } from '../scorer.js';
import type { ImageInput } from '../types.js';
import { checkInteger, checkObject, checkSignal } from '../validate.js';
import type { MapOptions, QualityMap } from './types.js';

const DEFAULT_STRIDE = 32;

/**
 * Scores patches all over an image.
 *
 * The image is decoded and resized by the protocol; patches are then at most `stride` pixels apart, and the outermost
 * ones touch the edges.
 *
 * @throws HyperIQAError (as a rejection) the codes of `HyperIQA.score`; ERR_IMAGE_TOO_LARGE also for more than 100 000
 *   patches
 */
export function qualityMap(iqa: HyperIQA, input: ImageInput, options: MapOptions = {}): Promise<QualityMap> {
  return fromCallSite(async () => {
    const fields = checkObject('options', options, ['protocol', 'stride', 'limitInputPixels', 'signal']);
    const { model } = iqa.info;
    const protocol = resolveProtocol(model, options.protocol === undefined ? {} : { protocol: options.protocol });
    const stride =
      fields.stride === undefined ? DEFAULT_STRIDE : checkInteger('stride', fields.stride, 4, model.patchSize);
    const limitInputPixels =
      fields.limitInputPixels === undefined
        ? DEFAULT_LIMIT_INPUT_PIXELS
        : checkInteger('limitInputPixels', fields.limitInputPixels, 1, Number.MAX_SAFE_INTEGER);
    const signal = fields.signal === undefined ? undefined : checkSignal('signal', fields.signal);

    const { data, width, height, warnings } = await captureImage(input, limitInputPixels).decode(protocol.decode);
    const size = resizedSize(protocol, width, height);
    // A grid spreads its patches evenly from edge to edge.
    const along = (side: number) => Math.ceil((side - model.patchSize) / stride) + 1;
    const rows = along(size.height);
    const columns = along(size.width);
    if (rows * columns > MAXIMUM_CROPS) {
      throw new HyperIQAError(
        'ERR_IMAGE_TOO_LARGE',
        `A map of ${size.width}×${size.height} pixels would need ${rows}×${columns} patches, more than ` +
          `${MAXIMUM_CROPS}: use a larger stride, or a protocol that scales the image down.`,
      );
    }
    const result = await iqa.score(
      { data, width, height, channels: 3 },
      {
        protocol: { ...protocol, crops: { plan: 'grid', rows, columns } },
        limitInputPixels: Math.max(limitInputPixels, width * height),
        ...(signal && { signal }),
      },
    );
    const { minimum, maximum, higherIsBetter } = model.score;
    return {
      score: result.score,
      rows,
      columns,
      patches: result.crops.map(({ x, y, score }) => ({ x, y, score })),
      patchSize: model.patchSize,
      width,
      height,
      resized: result.resized,
      scale: { minimum, maximum, higherIsBetter },
      warnings: [...warnings, ...result.warnings],
      provenance: result.provenance,
    };
  });
}
