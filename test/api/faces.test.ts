/** The face detector against facenet-pytorch on photographs, its options and errors, and faces scored beside images. */
import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { HyperIQA } from '../../src/index.js';
import {
  FaceDetector,
  defaultFaceModelPath,
  scoreAllWithFaces,
  scoreWithFaces,
  type DetectResult,
  type LandmarkName,
} from '../../src/faces/index.js';
import { errorWith } from '../helpers/errors.js';
import { testModel } from '../helpers/models.js';

const photos = fileURLToPath(new URL('../../examples/face-study/photos/', import.meta.url));
const scenery = fileURLToPath(new URL('../../examples/photos/', import.meta.url));
const photo = (name: string) => join(photos, name);

interface Expected {
  box: [number, number, number, number];
  confidence: number;
  landmarks: [number, number][];
}
/** Faces that facenet-pytorch found, looked for from 20 and from 60 pixels. */
const expected = JSON.parse(
  readFileSync(new URL('../fixtures/faces/expected.json', import.meta.url), 'utf8'),
) as Record<string, { from20: Expected[]; from60: Expected[] }>;

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

let detector: FaceDetector;
beforeAll(async () => {
  detector = await FaceDetector.load();
});
afterAll(() => detector.dispose());

const names: LandmarkName[] = ['leftEye', 'rightEye', 'nose', 'leftMouth', 'rightMouth'];

function expectSame(result: DetectResult, reference: Expected[]): void {
  expect(result.faces).toHaveLength(reference.length);
  for (const [i, { box, confidence, landmarks }] of reference.entries()) {
    const face = result.faces[i]!;
    const [left, top, right, bottom] = box;
    const edges = [face.box.x, face.box.y, face.box.x + face.box.width, face.box.y + face.box.height];
    for (const [j, edge] of [left, top, right, bottom].entries()) expect(Math.abs(edges[j]! - edge)).toBeLessThan(0.5);
    expect(Math.abs(face.confidence - confidence)).toBeLessThan(1e-3);
    for (const [j, [x, y]] of landmarks.entries()) {
      expect(Math.abs(face.landmarks[names[j]!].x - x)).toBeLessThan(0.5);
      expect(Math.abs(face.landmarks[names[j]!].y - y)).toBeLessThan(0.5);
    }
  }
}

describe('against facenet-pytorch', () => {
  test.each(Object.keys(expected))('%s', async (name) => {
    const { from20, from60 } = expected[name]!;
    expect(from20.length).toBeGreaterThan(0);
    expectSame(await detector.detect(photo(name), { minConfidence: 0 }), from20);
    expectSame(await detector.detect(photo(name), { minConfidence: 0, searchSize: 60 }), from60);
  });

  test('the fixtures are of all photographs', () => {
    expect(readdirSync(photos).filter((file) => file.endsWith('.jpg'))).toEqual(Object.keys(expected));
  });
});

test('no face is found in photographs without people', async () => {
  const files = readdirSync(scenery).filter((file) => file.endsWith('.jpg'));
  const found: string[] = [];
  for await (const { result, input } of detector.detectAll(files.map((file) => join(scenery, file)))) {
    expect(result).toBeDefined();
    if (result!.status !== 'no-face') found.push(input);
  }
  expect(files.length).toBeGreaterThan(6);
  expect(found).toEqual([]);
});

describe('selection', () => {
  test('several faces are kept, or none where exactly one is asked for', async () => {
    const all = await detector.detect(photo('two-portraits.jpg'));
    expect(all.status).toBe('ok');
    expect(all.faces.map(({ kept }) => kept)).toEqual([true, true]);
    expect(all.faces[0]!.box.width).toBeGreaterThan(all.faces[1]!.box.width);
    const one = await detector.detect(photo('two-portraits.jpg'), { exactlyOne: true, crops: true });
    expect(one.status).toBe('several');
    expect(one.faces.map(({ kept, pixels }) => kept || pixels !== undefined)).toEqual([false, false]);
  });

  test('small faces are found and not kept; what is left can be exactly one', async () => {
    const [large, small] = expected['two-portraits.jpg']!.from20.map(({ box }) => box[2] - box[0]);
    const minFaceSize = (large! + small!) / 2;
    const one = await detector.detect(photo('two-portraits.jpg'), { exactlyOne: true, minFaceSize });
    expect(one.status).toBe('ok');
    expect(one.faces.map(({ kept }) => kept)).toEqual([true, false]);
    const none = await detector.detect(photo('two-portraits.jpg'), { minFaceSize: 400 });
    expect(none).toMatchObject({ status: 'too-small', faces: [{ kept: false }, { kept: false }] });
  });

  test('confidence decides', async () => {
    const [, second] = expected['portrait-07.jpg']!.from20;
    const at = (minConfidence: number) => detector.detect(photo('portrait-07.jpg'), { minConfidence });
    expect((await at(second!.confidence - 0.01)).faces).toHaveLength(2);
    expect((await at(second!.confidence + 0.01)).faces).toHaveLength(1);
    expect((await at(1)).status).toBe('no-face');
  });
});

describe('crops', () => {
  test('are the pixels of the image inside the box, in whole pixels', async () => {
    const { faces, width, height } = await detector.detect(photo('portrait-05.jpg'), { crops: true });
    const { box, crop, pixels } = faces[0]!;
    expect(crop.x).toBe(Math.max(0, Math.round(box.x)));
    expect(crop.y).toBe(Math.max(0, Math.round(box.y)));
    expect(crop.x + crop.width).toBe(Math.min(width, Math.round(box.x + box.width)));
    expect(crop.y + crop.height).toBe(Math.min(height, Math.round(box.y + box.height)));
    expect(pixels).toMatchObject({ width: crop.width, height: crop.height, channels: 3 });
    const part = await sharp(photo('portrait-05.jpg'))
      .extract({ left: crop.x, top: crop.y, width: crop.width, height: crop.height })
      .raw()
      .toBuffer();
    expect(part.equals(Buffer.from(pixels!.data))).toBe(true);
  });

  test('grow by the margin and end at the edges of the image', async () => {
    const plain = (await detector.detect(photo('portrait-02.jpg'))).faces[0]!;
    const wide = (await detector.detect(photo('portrait-02.jpg'), { margin: 0.5 })).faces[0]!;
    expect(wide.box).toEqual(plain.box);
    expect(wide.crop.width).toBeGreaterThan(1.9 * plain.crop.width);
    const { faces, width, height } = await detector.detect(photo('portrait-02.jpg'), { margin: 10 });
    expect(faces[0]!.crop).toEqual({ x: 0, y: 0, width, height });
  });
});

test('turned photographs are seen upright', async () => {
  const upright = await sharp(photo('portrait-11.jpg')).png().toBuffer();
  const turned = await sharp(upright).rotate(90).withMetadata({ orientation: 8 }).png().toBuffer();
  const [a, b] = await Promise.all([detector.detect(upright), detector.detect(turned)]);
  expect(b).toMatchObject({ width: a.width, height: a.height });
  expect(b.faces).toEqual(a.faces);
});

test('images of every size and channel count are done', async () => {
  for (const [width, height] of [
    [1, 1],
    [3000, 15],
    [25, 25],
  ] as const) {
    const data = new Uint8Array(width * height).fill(90);
    expect((await detector.detect({ data, width, height, channels: 1 })).status).toBe('no-face');
  }
});

test('the result says how it was made', async () => {
  const { provenance } = await detector.detect(photo('baker.jpg'), { minFaceSize: 30, margin: 0.1 });
  expect(provenance).toMatchObject({
    model: { name: 'mtcnn', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown },
    minConfidence: 0.9,
    minFaceSize: 30,
    searchSize: 20,
    margin: 0.1,
    exactlyOne: false,
    device: 'cpu',
  });
  expect(detector.info.model).toMatchObject({ kind: 'faces', path: defaultFaceModelPath() });
  expect(detector.info.selfCheck?.passed).toBe(true);
});

describe('errors', () => {
  test.each([
    [{ minConfidence: 1.5 }, /minConfidence/],
    [{ minFaceSize: -1 }, /minFaceSize/],
    [{ searchSize: 5 }, /searchSize must be a number from 12/],
    [{ margin: NaN }, /margin/],
    [{ exactlyOne: 1 }, /exactlyOne/],
    [{ minimumSize: 3 }, /no field "minimumSize"/],
  ])('%o', async (options, message) => {
    await expect(detector.detect(photo('baker.jpg'), options as object)).rejects.toEqual(
      errorWith('ERR_INVALID_ARGUMENT', message),
    );
  });

  test('carry the frames of the caller', async () => {
    const caller = () => detector.detect('/nowhere.jpg');
    const error: unknown = await caller().catch((thrown: unknown) => thrown);
    expect(error).toEqual(errorWith('ERR_IMAGE_NOT_FOUND'));
    expect((error as Error).stack).toContain('faces.test.ts');
  });

  test('of one image do not stop the others', async () => {
    const inputs = ['/nowhere.jpg', photo('baker.jpg')];
    const items = await collect(detector.detectAll(inputs));
    expect(items.map(({ error, result }) => error?.code ?? result?.status)).toEqual(['ERR_IMAGE_NOT_FOUND', 'ok']);
  });

  test('models of the other kind are told apart', async () => {
    await expect(FaceDetector.load(testModel('lite0'))).rejects.toEqual(
      errorWith('ERR_MODEL_FORMAT', /finds no faces/),
    );
    await expect(HyperIQA.load(defaultFaceModelPath())).rejects.toEqual(errorWith('ERR_MODEL_FORMAT', /face detector/));
    await expect(FaceDetector.load('/nowhere.pt')).rejects.toEqual(errorWith('ERR_MODEL_NOT_FOUND'));
    await expect(FaceDetector.load(undefined, { threads: 0 })).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT'));
  });

  test('an aborted detection ends soon, and the detector goes on', async () => {
    // Some seconds of work: small faces in a large image.
    const data = await sharp(photo('baker.jpg')).resize(4000).raw().toBuffer();
    const height = data.length / 3 / 4000;
    const controller = new AbortController();
    const detecting = detector.detect(
      { data, width: 4000, height, channels: 3 },
      { searchSize: 12, signal: controller.signal },
    );
    setTimeout(() => {
      controller.abort();
    }, 50);
    await expect(detecting).rejects.toEqual(errorWith('ERR_ABORTED'));
    expect((await detector.detect(photo('baker.jpg'))).status).toBe('ok');
  });

  test('after dispose', async () => {
    const other = await FaceDetector.load(undefined, { threads: 1 });
    const pending = other.detect(photo('baker.jpg'));
    await Promise.all([expect(pending).rejects.toEqual(errorWith('ERR_DISPOSED')), other.dispose()]);
    await expect(other.detect(photo('baker.jpg'))).rejects.toEqual(errorWith('ERR_DISPOSED'));
    await other.dispose();
  });
});

describe('scores of faces', () => {
  let iqa: HyperIQA;
  beforeAll(async () => {
    iqa = await HyperIQA.load(testModel('lite0'), { device: 'cpu', threads: 1, graphMode: 'freeze', batchSize: 4 });
  });
  afterAll(() => iqa.dispose());

  test('are those of the crops', async () => {
    const input = photo('two-portraits.jpg');
    const { image, detection } = await scoreWithFaces(iqa, detector, input);
    expect(image.score).toBeCloseTo((await iqa.score(input)).score, 3);
    const { faces } = await detector.detect(input, { crops: true });
    expect(detection).toMatchObject({ status: 'ok', width: 426, height: 320 });
    for (const [i, face] of detection.faces.entries()) {
      const png = await sharp(faces[i]!.pixels!.data, {
        raw: { width: faces[i]!.crop.width, height: faces[i]!.crop.height, channels: 3 },
      })
        .png()
        .toBuffer();
      expect(face.result!.score).toBeCloseTo((await iqa.score(png)).score, 3);
      expect(face).not.toHaveProperty('pixels');
    }
  });

  test('of faces that are not kept are null; enlarged crops say so', async () => {
    const several = await scoreWithFaces(iqa, detector, photo('two-portraits.jpg'), { detect: { exactlyOne: true } });
    expect(several.detection.faces.map(({ result }) => result)).toEqual([null, null]);
    const protocol = { ...iqa.info.model.protocol, name: 'as-is', resize: { mode: 'none' as const } };
    const faceOf = async (name: string, options = {}) =>
      (await scoreWithFaces(iqa, detector, photo(name), options)).detection.faces[0]!;
    expect((await faceOf('bread-makers.jpg')).enlarged).toBe(true);
    expect((await faceOf('bread-makers.jpg', { score: { protocol } })).enlarged).toBe(true);
    expect((await faceOf('portrait-05.jpg', { score: { protocol } })).enlarged).toBe(false);
  });

  test('of many images come in order, with errors in their place', async () => {
    const inputs = [photo('baker.jpg'), '/nowhere.jpg', photo('portrait-01.jpg')];
    const items = await collect(scoreAllWithFaces(iqa, detector, inputs));
    expect(items.map(({ result, error }) => error?.code ?? result?.detection.status)).toEqual([
      'ok',
      'ERR_IMAGE_NOT_FOUND',
      'ok',
    ]);
  });

  test('need an input that can be read twice, and options that exist', async () => {
    const stream = createReadStream(photo('baker.jpg'));
    await expect(scoreWithFaces(iqa, detector, stream as unknown as string)).rejects.toEqual(
      errorWith('ERR_INVALID_ARGUMENT', /read twice/),
    );
    stream.destroy();
    await expect(scoreWithFaces(iqa, detector, photo('baker.jpg'), { crop: 1 } as object)).rejects.toEqual(
      errorWith('ERR_INVALID_ARGUMENT', /no field "crop"/),
    );
  });
});
