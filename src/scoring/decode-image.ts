/** Decodes an image once for several uses. */
import { HyperIQAError } from '../errors.js';
import { captureImage } from '../image/capture.js';
import { HeldImage, type ImageContent } from '../image/held.js';
import { checkEngineSize } from '../intake/cost.js';
import { decodingPlaces } from '../intake/decodings.js';
import { ImageIntake } from '../intake/intake.js';
import { AS_SEEN, checkDecode } from '../protocol/protocol.js';
import { fromCallSite } from '../support/call-site.js';
import { checkObject, checkSignal } from '../support/validate.js';
import type { DecodedImage, DecodeOptions, ImageInput } from '../types.js';
import { checkInputLimits, LIMIT_KEYS } from './options.js';

const intake = new ImageIntake('The decoding of images', { maxPending: Infinity, maxStreams: decodingPlaces() });

/**
 * Decodes an image that is to be scored, mapped and searched for faces, so that it is read and decoded once. The result
 * takes the place of the input in `score`, `scoreAll`, `scoreWithFaces`, `FaceDetector.detect`, `qualityMap` and
 * `mapPicture`, with the same scores, warnings and provenance.
 *
 * It holds the encoded bytes and three bytes a pixel (`byteLength`) until `dispose` is called or nothing refers to it any
 * more. A use that wants another decode policy, as the protocol `official` does, decodes once more and keeps those
 * pixels, too.
 *
 * Images wait for their turn as images to be scored do.
 *
 * @throws HyperIQAError (as a rejection) ERR_INVALID_ARGUMENT, ERR_ABORTED and the codes of reading an image
 */
export function decodeImage(input: ImageInput, options: DecodeOptions = {}): Promise<DecodedImage> {
  return fromCallSite(async () => {
    const fields = checkObject('options', options, ['decode', ...LIMIT_KEYS, 'signal']);
    const decode = fields.decode === undefined ? AS_SEEN : checkDecode(fields.decode);
    const { limitInputPixels, limitInputBytes } = checkInputLimits(fields);
    let content: ImageContent | undefined;
    let label = '';
    const capture = () => {
      const image = captureImage(input, limitInputPixels, limitInputBytes, (bytes) => {
        content = bytes;
      });
      label = image.label;
      return image;
    };
    return intake.run(capture, {
      decode,
      signal: fields.signal === undefined ? undefined : checkSignal('signal', fields.signal),
      check: checkEngineSize,
      work: (image) => {
        if (content === undefined) throw new HyperIQAError('ERR_INTERNAL', `${label} was decoded without being read.`);
        return Promise.resolve(new HeldImage(label, content, limitInputPixels, decode, image));
      },
    });
  });
}
