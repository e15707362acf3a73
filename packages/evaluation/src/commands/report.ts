/** `hyperiqa report`: a page for people. */
import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import type { ArgumentsCamelCase, InferredOptionTypes } from 'yargs';
import {
  count,
  HyperIQAError,
  type AddOnCommand,
  type AddOnKit,
  type FlagsKit,
  type OutputsKit,
} from 'hyperiqa/add-on';
import { createReport, picturePng, type Picture, type ReportInput } from '../report/index.js';
import { figureOptions, joinOptions } from './eval-options.js';
import { isIncomplete, sayWarnings } from './eval.js';
import { evaluated, planOf, predictionsOf } from './plan.js';
import { PREDICTIONS, spotOptions } from './predictions.js';

const text = { type: 'string', requiresArg: true, group: 'Page:' } as const;

const pageOptions = {
  title: { ...text, describe: 'Heading (default: Image quality report)' },
  images: { ...text, describe: 'Folder with the images (default: the paths that the predictions name)' },
  maps: { ...text, describe: 'Folder with patch-score maps, called as the images' },
  gallery: { ...text, describe: 'Images in each list of the gallery, 0 to 100 (default: 8)' },
  pictures: { ...text, describe: 'Write the pictures into this folder, too' },
  'picture-format': { ...text, choices: ['svg', 'png'], default: 'svg', describe: 'What kind of pictures' },
  'no-picture': { type: 'boolean', group: 'Page:', describe: 'Figures and tables only, without pictures and gallery' },
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
    json: { ...flags.score.json, group: 'Page:', describe: 'Print what was written as JSON' },
    quiet: { type: 'boolean', alias: 'q', group: 'Page:', describe: 'No warnings and no progress on stderr' },
    ...spotOptions(flags),
  }) as const;

function omit<T extends object, K extends keyof T>(object: T, names: readonly K[]): Omit<T, K> {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name as K))) as Omit<T, K>;
}

type Arguments = InferredOptionTypes<ReturnType<typeof reportOptions>> & { predictions?: string[] | undefined };

export function reportCommand(kit: AddOnKit): AddOnCommand<Arguments> {
  const options = reportOptions(kit.flags);
  return {
    command: 'report',
    options,
    builder: (yargs) =>
      kit.flags
        .positionals(yargs, 'predictions', PREDICTIONS)
        .usage(
          '$0 report <predictions> [--mos <file>] [-o report.html]\n\n' +
            'Makes one HTML file without references to anything outside: histogram, scores against human scores with the ' +
            'fit, images sorted by human score, the gap between both, the best, worst and most disputed images, and all ' +
            'figures. Without --mos: scores and images only.',
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
      kit.exit(await run(args, kit));
    },
  };
}

async function run(args: ArgumentsCamelCase<Arguments>, kit: AddOnKit): Promise<number> {
  const { flags, outputs, terminal } = kit;
  const { output, mos } = args;
  const shared = { ...args, pairs: undefined };
  const plan = await planOf(shared, kit);
  await checkPictures(args);
  if (mos === undefined) refuseWithoutMos(args);
  const gallery = args.gallery === '0' ? 0 : flags.integer('gallery', args.gallery);
  return outputs.inOnePiece(output, async (interrupt, file) => {
    const input: ReportInput =
      mos === undefined
        ? { predictions: await predictionsOf(plan, shared, kit, interrupt) }
        : await evaluated(plan, mos, shared, kit, interrupt);
    const evaluation = 'evaluation' in input ? input.evaluation : undefined;
    const report = await createReport(input, {
      folder: dirname(output),
      signal: interrupt.signal,
      drawn: args['no-picture'] !== true,
      ...flags.defined({ title: args.title, images: args.images, maps: args.maps, gallery }),
    });
    const inputs = [...(mos === undefined ? [] : [mos]), ...plan.paths, output, ...imagesOf(input)];
    const pictures =
      args.pictures === undefined
        ? []
        : await writePictures(report.pictures, args.pictures, inputs, args['picture-format'], outputs);
    await file.write(report.html);
    await file.close();
    if (!args.quiet) {
      if (evaluation) sayWarnings(evaluation, terminal, true);
      const more = args.pictures === undefined ? '' : `, and ${count(pictures.length, 'picture')} to ${args.pictures}`;
      terminal.tell(`the report was written to ${output}${more}`);
    }
    if (args.json) {
      const sink = outputs.stdout();
      await sink.write(`${JSON.stringify({ output, pictures, warnings: evaluation?.warnings ?? [] }, null, 2)}\n`);
      await sink.close();
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

/** The images as the predictions name them, which may be their paths. */
const imagesOf = (input: ReportInput): string[] =>
  ('data' in input ? input.data.images : input.predictions.rows).map(({ file }) => file);

/**
 * @throws HyperIQAError ERR_OUTPUT for a folder of pictures that is one of images or maps, or inside it;
 *   ERR_INVALID_ARGUMENT beside `--no-picture`
 */
async function checkPictures({ pictures, images, maps, 'no-picture': undrawn }: Arguments): Promise<void> {
  if (pictures === undefined) return;
  if (undrawn) throw new HyperIQAError('ERR_INVALID_ARGUMENT', '--pictures and --no-picture cannot both be.');
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

/** @returns the paths of the files */
async function writePictures(
  pictures: readonly Picture[],
  path: string,
  inputs: readonly string[],
  format: 'svg' | 'png',
  outputs: OutputsKit,
): Promise<string[]> {
  const folder = await outputs.folder(path, { paths: inputs, recursive: true });
  const written: string[] = [];
  try {
    for (const picture of pictures) {
      const content = format === 'png' ? await picturePng(picture) : Buffer.from(picture.svg);
      written.push(await folder.write(`${picture.name}.${format}`, content));
    }
    return written;
  } finally {
    await folder.release();
  }
}
