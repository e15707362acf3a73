/** `hyperiqa score`: images in, records out. */
import type { InferredOptionTypes } from 'yargs';
import { HyperIQAError } from '../../index.js';
import { checkArguments } from '../input/inputs.js';
import {
  checkOutput,
  checkResume,
  checkShard,
  crops,
  defined,
  faceOptions,
  images,
  imagesOf,
  integer,
  loadOptions,
  real,
  recordsFormat,
  scoreOptions,
  seed,
  shard,
  toDetectOptions,
  toInputLimits,
  toLoadOptions,
  type ImageArguments,
} from '../flags.js';
import { resumableFormats } from '../records/resume.js';
import type { LoadedCommand } from './command.js';
import type { FacesPart, Plan } from '../run/plan.js';
import { run } from '../run/run.js';

const options = { ...scoreOptions, ...faceOptions, ...loadOptions };
type Arguments = InferredOptionTypes<typeof options> & ImageArguments;

export const scoreCommand = (exit: (code: number) => void): LoadedCommand<Arguments> => ({
  builder: (yargs) =>
    images(yargs)
      .usage(
        '$0 score <files, folders, patterns, or - for a list on standard input>\n\n' +
          'Scores photographs without a reference and writes one record for each, in the order of the input.',
      )
      .options(options)
      .example('$0 score photos', 'The images of a folder, as a table')
      .example("$0 score 'photos/**/*.jpg' --format csv > scores.csv", 'A pattern, as CSV')
      .example('find . -name "*.png" -print0 | $0 score -', 'A list of paths, one a line or NUL-separated')
      .example('$0 score photos -o scores.jsonl --resume', 'A long run that can be stopped and continued')
      .example('$0 score photos -o 2.jsonl --shard 2/8', 'One of eight shares, for hyperiqa merge')
      .example('$0 score a.jpg --protocol official --crops 10 --seed 7', "The reference's protocol, repeatable")
      .example('$0 score a.jpg --crops 10 --max-standard-error 0.5', 'More crops until the standard error is below 0.5')
      .example('$0 score photos --faces --exactly-one', 'The score of the face beside that of the image')
      .example('$0 score upload.jpg --fail-below 40 --quiet', 'A gate: exit code 3 below 40')
      .epilogue(
        'Exit codes: 0 all images scored; 1 some failed (see "error" in their records); 2 wrong usage, or the run could ' +
          'not be set up or its output not written; 3 an image is below the gate; 130, 143 interrupted (continue with ' +
          '--resume).\n\nRecords: docs/cli.md, and the schema hyperiqa/schema/record.json.',
      ),
  handler: async (args) => {
    exit(await run(planOf(imagesOf(args), args)));
  },
});

/**
 * The arguments as one consistent plan.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT
 */
function planOf(paths: string[], args: Arguments): Plan {
  checkArguments(paths);
  const { output, columns, resume = false, provenance = false } = args;
  if (columns !== undefined && (args.json || (args.format !== undefined && args.format !== 'csv'))) {
    throw usage('--columns study is a CSV table: leave --format and --json out, or use csv.');
  }
  if (columns !== undefined && provenance) throw usage('--columns study has no room for --provenance.');
  const format = columns ?? recordsFormat(args);
  checkOutput(output);
  if (output?.toLowerCase().endsWith('.parquet')) {
    throw usage(
      `--output ${output}: score writes JSON lines or CSV, which --resume can continue. Write scores.jsonl, then run ` +
        `hyperiqa merge scores.jsonl -o ${output}`,
    );
  }
  if (resume) checkResume(output, format, resumableFormats);
  const share = shard(args.shard);
  if (share) checkShard(output, format, resumableFormats);
  const maxStandardError = real('max-standard-error', args['max-standard-error'], true);
  const maxCrops = integer('max-crops', args['max-crops']);
  if (maxCrops !== undefined && maxStandardError === undefined) throw usage('--max-crops needs --max-standard-error.');
  return {
    paths,
    format,
    provenance,
    output,
    resume,
    shard: share,
    recursive: args.recursive ?? false,
    quiet: args.quiet ?? false,
    gate: real('fail-below', args['fail-below']),
    model: args.model,
    loading: toLoadOptions(args),
    faces: facesPart(args),
    scoring: {
      seed: seed(args.seed),
      ...defined({
        protocol: args.protocol,
        crops: crops(args.crops),
        maxStandardError,
        maxCrops,
        concurrency: integer('concurrency', args.concurrency),
      }),
      ...toInputLimits(args),
    },
  };
}

/** Settings of `--faces`. Options about faces without it are refused, because they would have no effect. */
function facesPart(args: Arguments): FacesPart | undefined {
  if (args.faces) {
    return {
      model: args['face-model'],
      loading: defined({
        trustModel: args['trust-model'],
        libtorch: args.libtorch,
        threads: integer('threads', args.threads),
      }),
      detecting: toDetectOptions(args),
    };
  }
  const lost = Object.keys(faceOptions).find((name) => args[name as keyof typeof faceOptions] !== undefined);
  if (lost !== undefined) throw usage(`--${lost} is about faces: add --faces, or use hyperiqa faces.`);
  return undefined;
}

const usage = (message: string) => new HyperIQAError('ERR_INVALID_ARGUMENT', message);
