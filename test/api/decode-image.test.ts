/** Images that are decoded once and used several times. */
import { readFile } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { FaceDetector, scoreWithFaces } from '../../src/faces/index.js';
import { decodeImage, HyperIQA, resolveProtocol } from '../../src/index.js';
import { mapPicture, qualityMap } from '../../src/maps/index.js';
import { errorWith } from '../helpers/errors.js';
import { testModel } from '../helpers/models.js';

const photo = new URL('../../examples/photos/lake.jpg', import.meta.url);
let iqa: HyperIQA;
beforeAll(async () => {
  iqa = await HyperIQA.load({ model: testModel('lite0'), device: 'cpu', graphMode: 'freeze' });
});
afterAll(() => iqa.dispose());

test.each(['native', 'official', 'pyiqa'] as const)('has the scores of the file by %s', async (protocol) => {
  const { decode } = resolveProtocol(iqa.info.model, { protocol });
  using image = await decodeImage(photo);
  using other = await decodeImage(photo, { decode });
  const options = { protocol, crops: { plan: 'center' } } as const;
  const expected = await iqa.score(photo, options);
  expect(await iqa.score(image, options)).toEqual(expected);
  expect(await iqa.score(other, options)).toEqual(expected);
});

test('can be scored, mapped and searched for faces, also at once and after its file is gone', async () => {
  await using detector = await FaceDetector.load();
  using image = await decodeImage(createReadStream(photo));
  const whole = await iqa.score(photo);
  const [scored, map, faces, both] = await Promise.all([
    iqa.score(image),
    qualityMap(iqa, image, { stride: 200 }),
    detector.detect(image),
    scoreWithFaces(iqa, detector, image),
  ]);
  // Patches of several images share batches, of which the last digits depend.
  expect(scored.score).toBeCloseTo(whole.score, 4);
  expect(scored.provenance).toEqual(whole.provenance);
  expect(both.image.score).toBeCloseTo(whole.score, 4);
  const expected = await qualityMap(iqa, photo, { stride: 200 });
  expect(map).toMatchObject({ rows: expected.rows, columns: expected.columns, provenance: expected.provenance });
  expect(map.score).toBeCloseTo(expected.score, 4);
  expect(faces).toEqual(await detector.detect(photo));
  expect(await mapPicture(map, image)).toEqual(await mapPicture(map, photo));
});

test('tells its size and what it holds, and lets go of it', async () => {
  const bytes = await readFile(photo);
  const image = await decodeImage(bytes);
  const { width, height } = await iqa.score(photo);
  expect(image).toMatchObject({ width, height });
  expect(image.byteLength).toBe(bytes.length + 3 * width * height);
  const expected = await iqa.score(image);
  const pending = iqa.score(image);
  image.dispose();
  image.dispose();
  expect(image.byteLength).toBe(0);
  await expect(iqa.score(image)).rejects.toEqual(errorWith('ERR_DISPOSED', /decoded image/));
  expect(await pending).toEqual(expected);
});

test('refuses what cannot be decoded, by the limits of the use, too', async () => {
  await expect(decodeImage('nowhere.jpg')).rejects.toEqual(errorWith('ERR_IMAGE_NOT_FOUND'));
  await expect(decodeImage(photo, { limitInputPixels: 100 })).rejects.toEqual(errorWith('ERR_IMAGE_TOO_LARGE'));
  await expect(decodeImage(photo, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    name: 'AbortError',
    code: 'ERR_ABORTED',
  });
  using image = await decodeImage(photo);
  await expect(iqa.score(image, { limitInputPixels: 100 })).rejects.toEqual(errorWith('ERR_IMAGE_TOO_LARGE'));
  await expect(decodeImage(image)).rejects.toEqual(errorWith('ERR_INVALID_ARGUMENT', /not decoded yet/));
});

test('raw pixels may be changed afterwards', async () => {
  const raw = { data: new Uint8Array(224 * 224 * 4).fill(90), width: 224, height: 224, channels: 4 } as const;
  const expected = await iqa.score(raw);
  using image = await decodeImage(raw);
  raw.data.fill(0);
  expect(await iqa.score(image)).toEqual(expected);
});
