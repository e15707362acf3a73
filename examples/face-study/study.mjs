// Do scores of faces follow human scores of whole photographs? From a folder of photographs to the figures:
// detection, photographs of exactly one person, both scores, join with human scores, evaluation, report.
//   node examples/face-study/study.mjs IMAGES --mos FILE --output FOLDER [OPTIONS] [-- SCORE OPTIONS]
// OPTIONS: --mos-column NAME, --min-face-size PIXELS of a face (60), --title TEXT of the report.
// SCORE OPTIONS go to `hyperiqa score`, for example: -- --model koniq.pt --protocol official
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';

const args = process.argv.slice(2);
const end = args.includes('--') ? args.indexOf('--') : args.length;
const scoreOptions = args.slice(end + 1);
const { values, positionals } = parseArgs({
  args: args.slice(0, end),
  allowPositionals: true,
  options: {
    mos: { type: 'string' },
    'mos-column': { type: 'string' },
    output: { type: 'string' },
    'min-face-size': { type: 'string', default: '60' },
    title: { type: 'string', default: 'Scores of photographs and of the faces in them' },
  },
});
const { mos, output } = values;
if (positionals.length === 0 || mos === undefined || output === undefined) {
  console.error('usage: study.mjs IMAGES --mos FILE --output FOLDER [OPTIONS] [-- SCORE OPTIONS]');
  process.exit(2);
}
mkdirSync(output, { recursive: true });
const inOutput = (name) => join(output, name);

/** The command line of the installed package. */
const cli = fileURLToPath(new URL('cli/main.js', import.meta.resolve('hyperiqa')));
/** @param {number[]} accepted exit codes that are no failure */
function hyperiqa(commandLine, accepted = [0]) {
  console.log(`\n$ hyperiqa ${commandLine.join(' ')}`);
  const { status } = spawnSync(process.execPath, [cli, ...commandLine], { stdio: 'inherit' });
  if (!accepted.includes(status)) process.exit(status ?? 1);
}

const oneFace = ['--exactly-one', '--min-face-size', values['min-face-size']];
const humanScores = ['--mos', mos, ...(values['mos-column'] ? ['--mos-column', values['mos-column']] : [])];
const predictors = ['Image_predic_score', 'Face_predic_score'];

// 1. Faces, and the crops of photographs that show exactly one. An unreadable file is a row of the table (exit code 1).
const faces = ['--crops', inOutput('faces'), '--format', 'csv', '--output', inOutput('faces.csv')];
hyperiqa(['faces', ...positionals, ...oneFace, ...faces], [0, 1]);

// 2. Both scores.
const both = ['--faces', ...oneFace, '--columns', 'study', '--output', inOutput('scores.csv')];
hyperiqa(['score', ...positionals, ...both, ...scoreOptions], [0, 1]);

// 3. The photographs that have both: the two scores are compared on the same ones.
const scored = parse(readFileSync(inOutput('scores.csv')), { columns: true });
const pairs = scored.filter((row) => predictors.every((name) => row[name] !== ''));
writeFileSync(inOutput('pairs.csv'), stringify(pairs, { header: true }));
console.log(
  `\n${scored.length} photographs, ${pairs.length} of them with exactly one face of ${values['min-face-size']} pixels or more`,
);

// 4. The table: PLCC, SRCC, MSE and more with intervals, and the test of two correlations on the same photographs.
const evaluation = ['eval', inOutput('pairs.csv'), ...humanScores, '--predictor', ...predictors];
hyperiqa([...evaluation, '--format', 'table']);
hyperiqa([...evaluation, '--format', 'json', '--output', inOutput('evaluation.json')]);

// 5. The report: plots sorted by human score, the best and the worst photographs, and the pictures on their own.
const report = ['report', inOutput('pairs.csv'), ...humanScores, '--predictor', ...predictors, '--title', values.title];
hyperiqa([...report, '--output', inOutput('report.html'), ...images(), '--pictures', inOutput('pictures')]);

/** Folder in which the report finds the photographs: the study's table has their base names only. */
function images() {
  return positionals.length === 1 ? ['--images', folderOf(positionals[0])] : [];
}

function folderOf(path) {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? path : dirname(path);
}
