// The images of a folder, best first. Files that cannot be scored are named and stop nothing.
//   node examples/rank-folder.mjs FOLDER [MODEL]
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { HyperIQA, imageExtensions } from 'hyperiqa';

const [folder, model] = process.argv.slice(2);
const names = await readdir(folder);
const photos = names.filter((name) => imageExtensions.includes(extname(name).toLowerCase())).sort();

const iqa = await HyperIQA.load(model);
const ranked = [];
for await (const { input, result, error } of iqa.scoreAll(photos.map((name) => join(folder, name)))) {
  if (error) console.error(`${input}: ${error.code}: ${error.message}`);
  else ranked.push({ photo: input, score: result.score });
}
ranked.sort((a, b) => b.score - a.score);
for (const { photo, score } of ranked) console.log(score.toFixed(1).padStart(5), photo);

await iqa.dispose();
