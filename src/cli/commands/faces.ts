/** `hyperiqa faces`: the command, and its arguments as a plan. */
import type { InferredOptionTypes } from 'yargs';
import type { LoadedCommand } from './command.js';
import { runFaces, type FacesPlan } from '../run/faces-run.js';
import { checkArguments } from '../input/inputs.js';
import {
  checkOutput,
  checkResume,
  defined,
  detectorLoadOptions,
  faceOptions,
  facesOptions,
  images,
  imagesOf,
  integer,
  recordsFormat,
  toDetectOptions,
  toInputLimits,
  toDetectorOptions,
  type ImageArguments,
} from '../flags.js';

const options = { ...faceOptions, ...facesOptions, ...detectorLoadOptions };
type Arguments = InferredOptionTypes<typeof options> & ImageArguments;

export const facesCommand = (exit: (code: number) => void): LoadedCommand<Arguments> => ({
  builder: (yargs) =>
    images(yargs)
      .usage(
        '$0 faces <files, folders, patterns, or - for a list on standard input>\n\n' +
          'Finds the faces of photographs (MTCNN) and writes one record for each photograph, in the order of the input, ' +
          'with boxes, landmarks, confidences and a status: ok, no-face, too-small, several or error.',
      )
      .options(options)
      .example('$0 faces photos', 'Which images of a folder show faces, as a table')
      .example('$0 faces photos --crops faces', 'Cut every face out into a folder')
      .example('$0 faces photos --exactly-one --min-face-size 64 --crops faces', 'Only photographs of one person')
      .example('$0 faces photos -o faces.jsonl --resume', 'A long run that can be stopped and continued')
      .example('$0 faces photos --format csv > faces.csv', 'One row a face, for a table')
      .example('$0 score photos --faces', 'Scores of faces beside those of the images')
      .epilogue(
        'Exit codes: 0 all images were looked at, whatever was found; 1 some failed (see "error" in their records); 2 ' +
          'wrong usage, or the run could not be set up or its output not written; 130, 143 interrupted (continue with ' +
          '--resume).\n\nRecords, and how good the detector is: docs/faces.md.',
      ),
  handler: async (args) => {
    exit(await runFaces(planOf(imagesOf(args), args)));
  },
});

/** @throws HyperIQAError ERR_INVALID_ARGUMENT */
function planOf(paths: string[], args: Arguments): FacesPlan {
  checkArguments(paths);
  const { output, resume = false } = args;
  const format = recordsFormat(args);
  checkOutput(output);
  if (resume) checkResume(output, format, ['jsonl']);
  return {
    paths,
    format,
    resume,
    provenance: args.provenance ?? false,
    output,
    crops: args.crops,
    recursive: args.recursive ?? false,
    quiet: args.quiet ?? false,
    model: args['face-model'],
    loading: toDetectorOptions(args),
    detecting: {
      ...toDetectOptions(args),
      ...toInputLimits(args),
    },
    concurrency: defined({ concurrency: integer('concurrency', args.concurrency) }),
  };
}
