// Makes something to try the study on where KonIQ-10k is not at hand: the photographs of this folder in damaged versions,
// and a table in KonIQ-10k's form whose scores are NO HUMAN SCORES. They follow from the damage alone.
//   node examples/face-study/make-stand-in.mjs FOLDER
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

/** The name of the column says what it is, wherever it is printed. */
const COLUMN = 'STAND_IN_not_a_human_score';

/** Damage done to a photograph, and the stand-in for a score: a number that falls with the damage. */
const versions = [
  ['as-it-is', 80, (image) => image.jpeg({ quality: 92 })],
  ['blur-2', 55, (image) => image.blur(2).jpeg({ quality: 92 })],
  ['blur-5', 25, (image) => image.blur(5).jpeg({ quality: 92 })],
  ['jpeg-20', 60, (image) => image.jpeg({ quality: 20 })],
  ['jpeg-5', 20, (image) => image.jpeg({ quality: 5 })],
];

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('Name a folder: node examples/face-study/make-stand-in.mjs FOLDER');
  process.exit(2);
}
const photos = fileURLToPath(new URL('photos/', import.meta.url));
await mkdir(join(folder, 'images'), { recursive: true });
const rows = [`image_name,${COLUMN}`];
for (const file of (await readdir(photos)).filter((name) => name.endsWith('.jpg')).sort()) {
  for (const [version, score, change] of versions) {
    const name = `${basename(file, '.jpg')}_${version}.jpg`;
    await change(sharp(join(photos, file))).toFile(join(folder, 'images', name));
    rows.push(`${name},${score}`);
  }
}
await writeFile(join(folder, 'stand-in.csv'), `${rows.join('\n')}\n`);
console.log(
  `${rows.length - 1} images in ${join(folder, 'images')}; stand-in scores, which no human gave, in stand-in.csv`,
);
