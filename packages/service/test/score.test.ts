/** Scores, faces and maps over HTTP: records of the schema, parameters, several models. */
import { createRequire } from 'node:module';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { HyperIQA } from 'hyperiqa';
import type { FaceDetector } from 'hyperiqa/faces';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { form, image, listening, loadDetector, loadModel, portrait, type TestServer } from './server.js';

const schema = createRequire(import.meta.url)('hyperiqa/schema/record.json') as object;
const ajv = new Ajv2020({ strict: false });
const validRecord = ajv.compile(schema);
const validFaces = ajv.compile({ $ref: 'urn:hyperiqa:record:1#/$defs/facesRecord' });

let iqa: HyperIQA;
let detector: FaceDetector;
let server: TestServer;

beforeAll(async () => {
  [iqa, detector] = await Promise.all([loadModel(), loadDetector()]);
  const closing: (() => Promise<void>)[] = [];
  server = await listening({ models: { first: iqa, second: iqa }, faces: detector }, (close) => closing.push(close));
  afterAll(async () => {
    for (const close of closing) await close();
    await Promise.all([iqa.dispose(), detector.dispose()]);
  });
});

describe('POST /v1/score', () => {
  test('a raw body is answered with the record that the API gives', async () => {
    const bytes = image('jpeg-420.jpg');
    const { status, headers, json } = await server.post('/v1/score?file=a.jpg&seed=7&crops=5&provenance=true', bytes);
    expect(status).toBe(200);
    expect(headers['content-type']).toMatch('application/json');
    expect(headers['x-request-id']).toMatch(/^[\w-]{36}$/);
    const record = json();
    expect(validRecord(record), JSON.stringify(validRecord.errors)).toBe(true);
    const expected = await iqa.score(bytes, { seed: 7, crops: 5 });
    expect(record).toMatchObject({ file: 'a.jpg', width: expected.width, height: expected.height });
    expect(record.score).toBeCloseTo(expected.score, 3);
    expect(record.crops).toHaveLength(5);
    expect(record.provenance).toEqual(expected.provenance);
  });

  test('without provenance there is none', async () => {
    const { json } = await server.post('/v1/score', image('jpeg-420.jpg'));
    expect(json()).not.toHaveProperty('provenance');
    expect(json()).toMatchObject({ file: 'image' });
  });

  test('a form is answered with one record for each file, in their order, whatever some of them are', async () => {
    const { headers, body } = form({
      'a.jpg': image('jpeg-420.jpg'),
      'b.txt': Buffer.from('no image'),
      'c.png': image('png-rgb.png'),
    });
    const { status, json } = await server.send('/v1/score?crops=2', { method: 'POST', headers, body });
    expect(status).toBe(200);
    const records = json() as { file: string; error: { code: string }; crops: object[] }[];
    expect(records.map(({ file }) => file)).toEqual(['a.jpg', 'b.txt', 'c.png']);
    for (const record of records) expect(validRecord(record), JSON.stringify(validRecord.errors)).toBe(true);
    expect(records[1]!.error.code).toBe('ERR_IMAGE_FORMAT');
    expect(records[2]!.crops).toHaveLength(2);
  });

  test.each(['random', '10', 'grid', 'grid:2x3', 'center', 'pyiqa'])('crops=%s', async (crops) => {
    const { status, json } = await server.post(`/v1/score?crops=${crops}`, image('jpeg-420.jpg'));
    if (crops === 'random') expect(status).toBe(400);
    else
      expect(json().crops.length).toBe({ '10': 10, 'grid:2x3': 6, center: 1, pyiqa: 25 }[crops] ?? json().crops.length);
  });

  test('protocol, and a bound on the standard error', async () => {
    const query = 'protocol=official&maxStandardError=0.0001&maxCrops=12&crops=3&provenance=true';
    const { json } = await server.post(`/v1/score?${query}`, image('jpeg-420.jpg'));
    expect(json()).toMatchObject({
      provenance: { protocol: { name: 'official' }, maxCrops: 12 },
      warnings: [{ code: 'WARN_STANDARD_ERROR_NOT_REACHED' }],
    });
  });

  test('models by name', async () => {
    const { status } = await server.post('/v1/score?model=second&crops=1', image('jpeg-420.jpg'));
    expect(status).toBe(200);
    const unknown = await server.post('/v1/score?model=third', image('jpeg-420.jpg'));
    expect(unknown.status).toBe(400);
    expect(unknown.json().error.message).toContain('first, second');
    const { models, faces, urls } = (await server.send('/v1/info')).json();
    expect([faces, urls]).toEqual([true, false]);
    expect(models).toMatchObject([
      { name: 'first', default: true, ready: true, selfCheck: { passed: true } },
      { name: 'second', default: false },
    ]);
  });

  test('faces beside the image', async () => {
    const { json } = await server.post('/v1/score?faces=true&crops=2&provenance=true', portrait('portrait-07.jpg'));
    expect(validRecord(json()), JSON.stringify(validRecord.errors)).toBe(true);
    expect(json().faces.status).toBe('ok');
    expect(json().faces.faces[0].score).toBeTypeOf('number');
  });
});

describe('POST /v1/faces', () => {
  test('boxes as a record', async () => {
    const { json } = await server.post('/v1/faces?provenance=true', portrait('portrait-07.jpg'));
    expect(validFaces(json()), JSON.stringify(validFaces.errors)).toBe(true);
    expect(json().faces.length).toBeGreaterThan(0);
  });

  test('a face as PNG', async () => {
    const boxes = (await server.post('/v1/faces?margin=0.2', portrait('portrait-07.jpg'))).json();
    const { status, headers, body } = await server.post('/v1/faces?margin=0.2', portrait('portrait-07.jpg'), {
      accept: 'image/png',
    });
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('image/png');
    const { width, height } = boxes.faces[0].crop;
    expect(await sharp(body).metadata()).toMatchObject({ format: 'png', width, height });
  });

  test('no face is no picture', async () => {
    const { status, json } = await server.post('/v1/faces?format=png', image('png-rgb.png'));
    expect(status).toBe(422);
    expect(json()).toMatchObject({ file: 'image', error: { code: 'ERR_NO_FACE' } });
  });
});

describe('POST /v1/map', () => {
  test('as numbers', async () => {
    const { json } = await server.post('/v1/map?stride=64&file=x', image('jpeg-420.jpg'));
    const { file, rows, columns, patches } = json();
    expect(file).toBe('x');
    expect(patches).toHaveLength(rows * columns);
  });

  test('as PNG', async () => {
    const { status, body } = await server.post('/v1/map?stride=64&format=png&legend=false', image('jpeg-420.jpg'));
    expect(status).toBe(200);
    const { width, height } = await sharp(image('jpeg-420.jpg')).metadata();
    const found = await sharp(body).metadata();
    expect(found.width / found.height).toBeCloseTo(width / height, 1);
  });

  test('one image only', async () => {
    const one = form({ 'a.jpg': image('jpeg-420.jpg') });
    expect((await server.send('/v1/map?stride=64', { method: 'POST', ...one })).json()).toMatchObject({
      file: 'a.jpg',
    });
    const two = form({ 'a.jpg': image('jpeg-420.jpg'), 'b.jpg': image('jpeg-420.jpg') });
    const { status, json } = await server.send('/v1/map?stride=64', { method: 'POST', ...two });
    expect(status).toBe(413);
    expect(json().error.code).toBe('ERR_TOO_MANY_IMAGES');
  });
});
