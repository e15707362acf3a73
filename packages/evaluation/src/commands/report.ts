/** `hyperiqa report`: a page for people. */
import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import type { InferredOptionTypes } from 'yargs';
import { evaluate, joinScores, readHumanScores, type Evaluation } from '../evaluation/index.js';
import {
  count,
  HyperIQAError,
  type AddOnCommand,
  type AddOnKit,
  type FlagsKit,
  type Interruption,
  type OutputGuard,
  type OutputsKit,
} from 'hyperiqa/add-on';
import { createReport, picturePng, type Picture, type ReportInput } from '../report/index.js';
import {
  figureOptions,
  joinOptions,
  toEvaluationOptions,
  toHumanScoresOptions,
  toPredictionsOptions,
} from './eval-options.js';
import { checkPaths, isIncomplete, sayWarnings } from './eval.js';
import { predictionsFrom, spotOptions } from './predictions.js';

const text = { type: 'string', requiresArg: true, group: 'Page:' } as const;

const pageOptions = {
  title: { ...text, describe: 'Heading (default: Image quality report)' },
  images: { ...text, describe: 'Folder with the images (default: the paths that the predictions name)' },
  maps: { ...text, describe: 'Folder with patch-score maps, called as the images' },
  gallery: { ...text, describe: 'Images in each list of the gallery, 0 to 100 (default: 8)' },
  pictures: { ...text, describe: 'Write the pictures into this folder, too' },
  'picture-format': { ...text, choices: ['svg', 'png'], default: 'svg', describe: 'What kind of pictures' },
} as const;

/** The page does not show the analyses of pairs. */
const shownFigures = omit(figureOptions, ['pairs']);

const reportOptions = (flags: FlagsKit) =>
  ({
    ...joinOptions,
    ...shownFigures,
    output: {
      ...flags.score.output,
      group: 'Page:',
      default: 'report.html',
      describe: 'Write the page to this file',
    },
    ...pageOptions,
    quiet: { type: 'boolean', alias: 'q', group: 'Page:', describe: 'No warnings and no progress on stderr' },
    ...spotOptions(flags),
  }) as const;

function omit<T extends object, K extends keyof T>(object: T, names: readonly K[]): Omit<T, K> {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name as K))) as Omit<T, K>;
}

type Arguments = InferredOptionTypes<ReturnType<typeof reportOptions>>;

export function reportCommand(kit: AddOnKit): AddOnCommand<Arguments> {
  const options = reportOptions(kit.flags);
  return {
    command: 'report',
    options,
    builder: (yargs) =>
      yargs
        .usage(
          '$0 report PREDICTIONS [--mos FILE] [-o report.html]\n\n' +
            'Makes one HTML file without references to anything outside: histogram, scores against human scores with the ' +
            'fit, images sorted by human score, the gap between both, the best, worst and most disputed images, and all ' +
            'figures. Without --mos: scores and images only.\n\n' +
            'PREDICTIONS are tables or images, as for hyperiqa eval.',
        )
        .options(options)
        .example('$0 report photos', 'Images, scored now')
        .example('$0 report scores.jsonl --mos koniq.csv --images 512x384', 'Records, with the images from a folder')
        .example(
          '$0 report faces.csv --mos koniq.csv --predictor Image_predic_score Face_predic_score',
          "The study's plots",
        )
        .example(
          '$0 report s.csv --mos mos.csv --pictures plots --picture-format png',
          'The pictures on their own, too',
        )
        .epilogue(
          'Exit codes: 0 written; 1 written, but a predictor has no image with a human score; 2 wrong usage, a table that ' +
            'cannot be read, nothing to evaluate, or a file that cannot be written; 130, 143 interrupted.\n\n' +
            'What the pictures show: docs/report.md.',
        ),
    handler: async (args) => {
      kit.exit(await run(args._.slice(1).map(String), args, kit));
    },
  };
}

async function run(paths: readonly string[], args: Arguments, kit: AddOnKit): Promise<number> {
  const { flags, outputs, terminal } = kit;
  checkPaths(paths, args.predictor ?? args['lower-better'] ?? args.scale);
  const { output, mos } = args;
  outputs.check(output);
  await checkPictures(args);
  if (mos === undefined) refuseWithoutMos(args);
  const gallery = args.gallery === '0' ? 0 : flags.integer('gallery', args.gallery);
  const guard = await outputs.guard([output]);
  await guard.refuse([...(mos === undefined ? [] : [mos]), ...paths]);
  return outputs.inOnePiece(output, async (interrupt, file) => {
    const { input, evaluation } = await inputOf(paths, args, kit, interrupt, guard);
    const report = await createReport(input, {
      folder: dirname(output),
      signal: interrupt.signal,
      ...flags.defined({ title: args.title, images: args.images, maps: args.maps, gallery }),
    });
    if (args.pictures !== undefined) {
      const inputs = [...(mos === undefined ? [] : [mos]), ...paths, output, ...imagesOf(input)];
      await writePictures(report.pictures, args.pictures, inputs, args['picture-format'], outputs);
    }
    await file.write(report.html);
    await file.close();
    if (!args.quiet) {
      if (evaluation) sayWarnings(evaluation, terminal, true);
      const more =
        args.pictures === undefined ? '' : `, and ${count(report.pictures.length, 'picture')} to ${args.pictures}`;
      terminal.tell(`the report was written to ${output}${more}`);
    }
    return evaluation && isIncomplete(evaluation) ? 1 : 0;
  });
}

/** Options that mean nothing without human scores: a misunderstanding, not a wish. */
function refuseWithoutMos(args: Arguments): void {
  const human = omit(joinOptions, ['mos', 'predictor', 'lower-better', 'name-column', 'scale', 'trained-on']);
  const given = Object.keys({ ...human, ...shownFigures }).find(
    (name) => (args as Record<string, unknown>)[name] !== undefined,
  );
  if (given !== undefined) throw new HyperIQAError('ERR_INVALID_ARGUMENT', `--${given} needs --mos.`);
}

async function inputOf(
  paths: readonly string[],
  args: Arguments,
  kit: AddOnKit,
  interruption: Interruption,
  guard: OutputGuard,
): Promise<{ input: ReportInput; evaluation?: Evaluation }> {
  const evaluationOptions = toEvaluationOptions({ ...args, pairs: undefined }, kit.flags);
  const human =
    args.mos === undefined ? undefined : await readHumanScores(args.mos, toHumanScoresOptions(args, kit.flags));
  const predictions = await predictionsFrom(
    paths,
    toPredictionsOptions(args, kit.flags),
    args,
    kit,
    interruption,
    guard,
  );
  if (human === undefined) return { input: { predictions } };
  const data = joinScores(predictions, human);
  const evaluation = await evaluate(data, { ...evaluationOptions, signal: interruption.signal });
  return { input: { data, evaluation }, evaluation };
}

/** The images as the predictions name them, which may be their paths. */
const imagesOf = (input: ReportInput): string[] =>
  ('data' in input ? input.data.images : input.predictions.rows).map(({ file }) => file);

/** @throws HyperIQAError ERR_OUTPUT for a folder of pictures that is one of images or maps, or inside it */
async function checkPictures({ pictures, images, maps }: Arguments): Promise<void> {
  if (pictures === undefined) return;
  const real = (folder: string) => realpath(folder).catch(() => resolve(folder));
  const target = await real(pictures);
  for (const folder of [images, maps]) {
    if (folder === undefined) continue;
    const path = relative(await real(folder), target);
    if (path === '../..' || path.startsWith(`..${sep}`) || isAbsolute(path)) continue;
    throw new HyperIQAError(
      'ERR_OUTPUT',
      `The pictures would lie among those of ${folder} and might overwrite one: name another folder for --pictures.`,
    );
  }
}

async function writePictures(
  pictures: readonly Picture[],
  path: string,
  inputs: readonly string[],
  format: 'svg' | 'png',
  outputs: OutputsKit,
): Promise<void> {
  const folder = await outputs.folder(path, { paths: inputs, recursive: true });
  try {
    for (const picture of pictures) {
      const content = format === 'png' ? await picturePng(picture) : Buffer.from(picture.svg);
      await folder.write(`${picture.name}.${format}`, content);
    }
  } finally {
    await folder.release();
  }
}
