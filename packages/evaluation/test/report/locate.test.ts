/** Tests which picture and which map belong to a name. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { locateImages, mapFinder } from '../../src/report/locate.js';

function folder(...files: string[]): string {
  const path = mkdtempSync(join(tmpdir(), 'hyperiqa-locate-'));
  onTestFinished(() => {
    rmSync(path, { recursive: true });
  });
  for (const file of files) {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    writeFileSync(join(path, file), '');
  }
  return path;
}

test('images are found by the end of the path, and none is shown for another', async () => {
  const images = folder('a/1.jpg', 'b/1.jpg', 'b/2.jpg', '3.png', '4.jpg', 'notes.txt');
  const names = ['set/a/1.jpg', 'b\\2.jpg', '3.jpg', 'x/4.jpg', 'y/4.jpg', 'notes.txt', '1.jpg'];
  const found = await locateImages(names, images);
  expect(found).toEqual([
    join(images, 'a/1.jpg'),
    join(images, 'b/2.jpg'),
    join(images, '3.png'),
    null,
    null,
    null,
    null,
  ]);
});

test('maps are found with or without what says that they are maps, beside the images, too', async () => {
  const maps = folder(
    'lake-map.png',
    'lake.jpg',
    'a/kitten.jpg-overlay.png',
    'b/kitten.png',
    'budgie.png',
    'roof.jpg.png',
  );
  const names = ['x/lake.jpg', 'a/kitten.jpg', 'budgie.jpg', 'roof.jpg', 'none.jpg'];
  const find = await mapFinder(maps, names);
  expect(names.map((name) => find(name)?.slice(maps.length + 1))).toEqual([
    'lake-map.png',
    'a/kitten.jpg-overlay.png',
    'budgie.png',
    'roof.jpg.png',
    undefined,
  ]);
});
