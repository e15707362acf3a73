/** `hyperiqa export`: a checkpoint in, a model file out. */
import type { InferredOptionTypes, Options } from 'yargs';
import type { LoadedCommand } from './command.js';
import { HyperIQAError } from '../../index.js';
import { exportDatasets, exportModel, type ExportResult, type ExportStage } from '../../export/index.js';
import { Interrupt } from '../terminal/interrupt.js';
import { checkOutput, defined, loadOptions, reportOptions, wantsJson } from '../flags.js';
import { StdoutSink } from '../output/sink.js';
import { StageLine } from '../terminal/stages.js';
import { printable, tell } from '../terminal/text.js';

const group = 'Export:';
const text = { type: 'string', requiresArg: true, group } as const satisfies Options;

const exportOptions = {
  dataset: { ...text, choices: exportDatasets, demandOption: true, describe: 'What the weights were trained on' },
  output: { ...text, alias: 'o', demandOption: true, describe: 'Model file to write; one that is there is replaced' },
  name: { ...text, describe: 'Name of the model (default: hyperiqa-resnet50-<dataset>)' },
  'model-version': { ...text, default: '1', describe: 'Version of the model' },
  license: { ...text, default: 'unknown', describe: 'License of the weights' },
  description: { ...text, describe: "One sentence on the training data (default: the dataset's)" },
  sha256: { ...text, describe: 'Refuse a checkpoint with another SHA-256' },
  libtorch: loadOptions.libtorch,
  ...reportOptions,
  quiet: { type: 'boolean', alias: 'q', group: 'Output:', describe: 'No progress on stderr' },
} as const satisfies Record<string, Options>;

const stages: Record<ExportStage, string> = {
  hash: 'hashing the checkpoint',
  read: 'reading the weights',
  write: 'writing the model',
  check: 'computing the check scores',
};

export const exportCommand = (
  exit: (code: number) => void,
): LoadedCommand<InferredOptionTypes<typeof exportOptions> & { checkpoint?: string | undefined }> => ({
  builder: (yargs) =>
    yargs
      .usage(
        '$0 export <checkpoint> --dataset <name> -o <file>\n\n' +
          "Makes a model file of a HyperIQA checkpoint: the authors' (koniq_pretrained.pkl), pyiqa's, or one trained " +
          'with their code. Only tensors are read from it; no code in it is ever run.',
      )
      .positional('checkpoint', { type: 'string', describe: 'File with the weights' })
      .options(exportOptions)
      .strictOptions()
      .example('$0 export koniq_pretrained.pkl --dataset koniq10k -o koniq.pt', "The authors' weights")
      .example('$0 models add koniq.pt --name koniq', '... registered, so that --model koniq finds them')
      .example('$0 export FILE --dataset livec -o livec.pt --sha256 HEX', 'Only if the file is the one you expect')
      .epilogue(
        'Exit codes: 0 written and checked; 2 wrong usage, or nothing was written (the reason is on standard error); ' +
          '130, 143 interrupted.\n\nDatasets, layouts and codes: docs/models.md.',
      ),
  handler: async (args) => {
    const { checkpoint } = args;
    // Count the arguments after the command's name and the first one.
    const further = args._.length - 1;
    if (checkpoint === undefined || further > 0) {
      const given = checkpoint === undefined ? 0 : 1 + further;
      throw new HyperIQAError('ERR_INVALID_ARGUMENT', `Name one checkpoint to export, not ${given}.`);
    }
    checkOutput(args.output);
    const interrupt = new Interrupt();
    const line = new StageLine(process.stderr.isTTY && !args.quiet ? process.stderr : undefined);
    try {
      const result = await exportModel(checkpoint, {
        dataset: args.dataset,
        output: args.output,
        version: args['model-version'],
        license: args.license,
        ...defined({
          name: args.name,
          description: args.description,
          sha256: args.sha256,
          libtorch: args.libtorch,
        }),
        signal: interrupt.signal,
        onProgress: ({ stage, done, total }) => {
          line.show(stages[stage], total > 0 ? done / total : 0);
        },
      });
      line.clear();
      await new StdoutSink().write(wantsJson(args) ? `${JSON.stringify(result, null, 2)}\n` : asText(result));
    } catch (error) {
      line.clear();
      if (interrupt.exitCode === undefined) throw error;
      tell('interrupted; nothing was written');
      exit(interrupt.exitCode);
    }
  },
});

function asText({ path, bytes, sha256, metadata, selfCheck, checkpoint }: ExportResult): string {
  const { score } = metadata;
  const rows: [string, string][] = [
    ['written', `${path}, ${(bytes / 1e6).toFixed(1)} MB`],
    ['model', `${metadata.name} ${metadata.version}, license ${metadata.license}`],
    ['trained on', `${metadata.training.dataset}: ${metadata.training.description}`],
    ['score', score.meaning],
    ['protocol', metadata.protocol.name],
    ['SHA-256', sha256],
    ['weights SHA-256', metadata.weightsSha256],
    ['self-check', `passed, largest difference ${selfCheck.largestDifference.toExponential(1)}`],
    ['checkpoint', `${checkpoint.path}, ${checkpoint.layout} names, ${checkpoint.format} format`],
    ['', `SHA-256 ${checkpoint.sha256}`],
    ['recognised as', checkpoint.known ?? 'no published file that hyperiqa knows'],
  ];
  return rows.map(([name, value]) => `${name.padEnd(17)}${printable(value)}\n`).join('');
}
