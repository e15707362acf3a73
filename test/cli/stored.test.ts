/** Which records of an earlier run `--resume` takes for done. */
import { expect, test } from 'vitest';
import { scoreIn, scoreWithFacesIn } from '../../src/cli/records/stored.js';

test('a score is a finite number; a cell of CSV may say one', () => {
  for (const score of [0, -1.5, '0', '71.3', '-4e1', ' 7 ']) expect(scoreIn({ score })).toBe(Number(score));
  for (const score of [
    undefined,
    null,
    '',
    ' ',
    'NaN',
    'nan',
    'Infinity',
    'high',
    NaN,
    Infinity,
    [],
    [7],
    {},
    true,
    7n,
  ]) {
    expect(scoreIn({ score })).toBeNull();
  }
});

const face = (kept: unknown, score: unknown) => ({ kept, score });

test('with faces, every kept face has a score, too', () => {
  const of = (faces: unknown) => scoreWithFacesIn({ score: 7, faces });
  expect(of({ status: 'ok', faces: [face(true, 5), face(false, null)] })).toBe(7);
  expect(of({ status: 'no-face', faces: [] })).toBe(7);
  for (const wrong of [
    undefined,
    null,
    {},
    { status: 'ok' },
    { status: 'odd', faces: [] },
    { status: 'ok', faces: [face(true, null)] },
    { status: 'ok', faces: [face(true, 'NaN')] },
    { status: 'ok', faces: [face(undefined, 5)] },
    { status: 'ok', faces: [null] },
  ]) {
    expect(of(wrong), JSON.stringify(wrong)).toBeNull();
  }
  expect(scoreWithFacesIn({ faces: { status: 'no-face', faces: [] } })).toBeNull();
});

test('the same in rows of CSV', () => {
  const of = (row: object) => scoreWithFacesIn({ score: '7', ...row });
  expect(of({ faceStatus: 'ok', facesKept: '1', faceScore: '5' })).toBe(7);
  expect(of({ faceStatus: 'several', facesKept: '0', faceScore: '' })).toBe(7);
  expect(of({ faceStatus: 'ok', facesKept: '1', faceScore: '' })).toBeNull();
  expect(of({ faceStatus: '', facesKept: '', faceScore: '' })).toBeNull();
});
