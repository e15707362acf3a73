/** `hyperiqa merge`: results of many machines into one file. */
import type { InferredOptionTypes } from 'yargs';
import { count, HyperIQAError, type AddOnCommand, type AddOnKit, type FlagsKit } from 'hyperiqa/add-on';
import { findFiles } from '../merge/sources.js';
import { mergeResults, type MergeSummary } from '../merge/merge.js';

const mergeOptions = ({ score }: FlagsKit) =>
  ({
    output: { ...score.output, describe: 'Write to this file: .jsonl, .csv or .parquet' },
    expect: {
      type: 'string',
      requiresArg: true,
      group: 'Input:',
      describe: 'List of images that must have a result, one a line; those without go to standard output',
    },
    quiet: { type: 'boolean', alias: 'q', group: 'Output:', describe: 'No summary on stderr' },
  }) as const;

type Arguments = InferredOptionTypes<ReturnType<typeof mergeOptions>>;

export function mergeCommand(kit: AddOnKit): AddOnCommand<Arguments> {
  const options = mergeOptions(kit.flags);
  return {
    command: 'merge',
    options,
    builder: (yargs) =>
      yargs
        .usage(
          '$0 merge RESULTS... -o FILE\n\n' +
            'Joins results of one model and one set of options: shards of hyperiqa score --shard, or any other files of ' +
            'results. Checks that no shard and no image is missing or there twice, and writes each image once, sorted by ' +
            'name. RESULTS are files (.jsonl, .csv, .parquet) and folders with such files.',
        )
        .options(options)
        .example('$0 merge shards/*.jsonl -o scores.jsonl', 'The records of all shards in one file')
        .example('$0 merge shards -o scores.parquet', 'All files of a folder as a table for DuckDB and others')
        .example('$0 merge shards -o scores.csv --expect images.txt > missing.txt', 'What has no result, to score it')
        .epilogue(
          'Exit codes: 0 joined; 1 shards or images are missing; 2 wrong usage, results that contradict each other or ' +
            'cannot be read, or an output that cannot be written; 130, 143 interrupted. Nothing is written but with 0.' +
            '\n\nGuide: docs/scale.md.',
        ),
    handler: async (args) => {
      kit.exit(await run(args._.slice(1).map(String), args, kit));
    },
  };
}

async function run(paths: readonly string[], args: Arguments, { outputs, terminal }: AddOnKit): Promise<number> {
  const { output, expect } = args;
  if (paths.length === 0 || paths.includes('')) throw usage('Name the results: files, or folders with such files.');
  if (output === undefined) throw usage('Name the file to write: --output FILE.');
  const guard = await outputs.guard([output]);
  await guard.refuse([...(await findFiles(paths)), ...(expect === undefined ? [] : [expect])]);
  return outputs.inOnePiece(undefined, async ({ signal }) => {
    const stdout = outputs.stdout();
    let listening = true;
    try {
      const summary = await mergeResults({
        ...{ inputs: paths, output, expect, signal },
        onMissing: async (file) => {
          // A reader of the list that goes away (`| head`) changes nothing about what is missing.
          if (listening) await stdout.write(`${file}\n`).catch(() => (listening = false));
        },
      });
      if (!args.quiet) terminal.tell(inWords(summary, expect !== undefined));
      return 0;
    } catch (error) {
      if (!(error instanceof HyperIQAError) || error.code !== 'ERR_RESULTS_INCOMPLETE') throw error;
      terminal.tell(`${error.message} (${error.code})`);
      return 1;
    }
  });
}

/** `4000 images from 4 files: 3 failed, 2 repeated, 1 not in the list` */
function inWords({ images, files, failed, repeated, unexpected }: MergeSummary, listed: boolean): string {
  const notes = [
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(repeated > 0 ? [`${repeated} repeated`] : []),
    ...(listed && unexpected > 0 ? [`${unexpected} not in the list`] : []),
  ];
  return `${count(images, 'image')} from ${count(files, 'file')}${notes.length > 0 ? `: ${notes.join(', ')}` : ''}`;
}

const usage = (message: string) => new HyperIQAError('ERR_INVALID_ARGUMENT', message);
