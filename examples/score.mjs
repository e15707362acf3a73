// One photograph: its score, how sure it is, and where in the picture the quality lies.
//   node examples/score.mjs PHOTO [MODEL]
import { HyperIQA } from 'hyperiqa';

const [photo, model] = process.argv.slice(2);
const iqa = await HyperIQA.load(model);
const { score, standardError, spread, crops, warnings } = await iqa.score(photo);

const { minimum, maximum } = iqa.info.model.score;
console.log(`${photo}: ${score.toFixed(1)} on a scale of ${minimum} to ${maximum}`);
if (standardError !== null) console.log(`standard error of the mean over random crops: ${standardError.toFixed(2)}`);
if (spread !== null) console.log(`standard deviation between parts of the picture: ${spread.toFixed(2)}`);
const [best] = crops.toSorted((a, b) => b.score - a.score);
console.log(`best part: ${best.width}×${best.height} pixels at ${best.x}, ${best.y} (${best.score.toFixed(1)})`);
for (const { message } of warnings) console.log(`note: ${message}`);

await iqa.dispose();
