/** Selects the detected faces to keep, and the crops to cut. */
import type { NativeFace } from '../../binding.js';
import type { CheckedDetectOptions } from './detect-options.js';
import type { Face, FaceStatus, LandmarkName, Rectangle } from './types.js';

/** The faces of an image by the options, in the order in which they came. */
export function selectFaces(
  found: readonly NativeFace[],
  names: readonly LandmarkName[],
  { width, height }: { width: number; height: number },
  options: Pick<CheckedDetectOptions, 'minConfidence' | 'minFaceSize' | 'exactlyOne' | 'margin'>,
): { status: FaceStatus; faces: Face[] } {
  const faces = found
    .filter(({ confidence }) => confidence >= options.minConfidence)
    .flatMap(({ left, top, right, bottom, confidence, landmarks }): Face[] => {
      const box = { x: left, y: top, width: right - left, height: bottom - top };
      const crop = cropOf(box, options.margin, width, height);
      // Drop a face without a pixel inside the image.
      if (crop === undefined) return [];
      const places = Object.fromEntries(names.map((name, i) => [name, landmarks[i]])) as Face['landmarks'];
      const kept = Math.min(box.width, box.height) >= options.minFaceSize;
      return [{ box, confidence, landmarks: places, kept, crop }];
    });
  const large = faces.filter(({ kept }) => kept);
  if (options.exactlyOne && large.length > 1) {
    return { status: 'several', faces: faces.map((face) => ({ ...face, kept: false })) };
  }
  return { status: large.length > 0 ? 'ok' : faces.length > 0 ? 'too-small' : 'no-face', faces };
}

/** The pixels of a box with its margin that lie inside the image; undefined where there are none. */
function cropOf(box: Rectangle, margin: number, width: number, height: number): Rectangle | undefined {
  const within = (position: number, limit: number) => Math.min(Math.max(Math.round(position), 0), limit);
  const x = within(box.x - margin * box.width, width);
  const y = within(box.y - margin * box.height, height);
  const right = within(box.x + (1 + margin) * box.width, width);
  const bottom = within(box.y + (1 + margin) * box.height, height);
  return right > x && bottom > y ? { x, y, width: right - x, height: bottom - y } : undefined;
}
