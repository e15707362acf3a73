// Writes packages/evaluation/src/evaluation/koniq-split.json from KonIQ-10k's official split.
//   node packages/evaluation/scripts/koniq-split.mjs koniq10k_distributions_sets.csv
// The table (columns image_name and set) is in the folder metadata/ of the repository subpic/koniq.
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('Name the table: koniq10k_distributions_sets.csv');
const rows = parse(readFileSync(file, 'utf8'), { columns: true });

/** Names are numbers followed by .jpg: sorted, and each written in base 36 as its distance from the one before. */
function packed(set) {
  const ids = rows.filter((row) => row.set === set).map(({ image_name }) => Number(/^(\d+)\.jpg$/.exec(image_name)[1]));
  const sorted = ids.sort((a, b) => a - b);
  return sorted.map((id, i) => (id - (sorted[i - 1] ?? 0)).toString(36)).join(' ');
}

const content = {
  source:
    'KonIQ-10k, official split: metadata/koniq10k_distributions_sets.csv of https://github.com/subpic/koniq; V. Hosu, H. Lin, ' +
    'T. Sziranyi, D. Saupe: KonIQ-10k: An ecologically valid database for deep learning of blind image quality assessment, ' +
    'IEEE Transactions on Image Processing 29, 2020',
  licence: 'MIT (repository subpic/koniq)',
  encoding: 'numbers of the file names, ascending, each as its distance from the one before, base 36',
  training: packed('training'),
  validation: packed('validation'),
  test: packed('test'),
};
writeFileSync(new URL('../src/evaluation/koniq-split.json', import.meta.url), `${JSON.stringify(content, null, 2)}\n`);
