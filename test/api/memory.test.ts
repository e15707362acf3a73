/** Too little memory, which only a stand-in for sharp can bring about at will. */
import { readFileSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';

import { captureImage } from '../../src/image/capture.js';
import { errorWith } from '../helpers/errors.js';
import { loadSharp } from '../../src/add-on.js';
import type { DecodePolicy } from '../../src/index.js';

const POLICY: DecodePolicy = { iccProfile: 'ignore', alpha: 'drop', orientation: 'ignore' };
const photograph = readFileSync(new URL('../fixtures/images/jpeg-420.jpg', import.meta.url));
// Use the same sharp instance that decodes: its ES module and its CommonJS module are two.
const prototype = Object.getPrototypeOf(loadSharp()(photograph)) as { toBuffer: () => Promise<unknown> };

afterEach(() => {
  vi.restoreAllMocks();
});

test.each([
  ['libvips', new Error('VipsJpeg: out of memory --- size == 48MB')],
  ['JavaScript', new RangeError('Array buffer allocation failed')],
])('%s finds no memory for the pixels', async (_, error) => {
  vi.spyOn(prototype, 'toBuffer').mockRejectedValue(error);
  const image = captureImage(photograph, 1e9);
  await expect(image.decode(POLICY)).rejects.toEqual(errorWith('ERR_OUT_OF_MEMORY'));
});

test('JavaScript finds no memory for the copy of the input', () => {
  const bytes = new Uint8Array(photograph);
  vi.stubGlobal(
    'Uint8Array',
    class extends Uint8Array {
      constructor() {
        super(0);
        throw new RangeError('Array buffer allocation failed');
      }
    },
  );
  try {
    expect(() => captureImage(bytes, 1e9)).toThrow(errorWith('ERR_OUT_OF_MEMORY'));
  } finally {
    vi.unstubAllGlobals();
  }
});

test('what is no lack of memory is not called one', async () => {
  vi.spyOn(prototype, 'toBuffer').mockRejectedValue(new Error('VipsJpeg: Bogus marker length'));
  await expect(captureImage(photograph, 1e9).decode(POLICY)).rejects.toEqual(errorWith('ERR_IMAGE_DECODE'));
});
