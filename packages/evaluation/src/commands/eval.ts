/** `hyperiqa eval`: predictions against human scores. */
import type { ArgumentsCamelCase, InferredOptionTypes } from 'yargs';
import { droppedByReason, type Evaluation } from '../evaluation/index.js';
import {
  count,
  HyperIQAError,
  type AddOnCommand,
  type AddOnKit,
  type FlagsKit,
  type TerminalKit,
} from 'hyperiqa/add-on';
import { figureOptions, joinOptions } from './eval-options.js';
import { evaluationCsv, evaluationJson, evaluationTable } from './eval-text.js';
import { evaluated, planOf } from './plan.js';
import { PREDICTIONS, spotOptions } from './predictions.js';

const evalOptions = (flags: FlagsKit) =>
  ({
    ...joinOptions,
    ...figureOptions,
    format: {
      type: 'string',
      requiresArg: true,
      group: 'Output:',
      choices: ['table', 'json', 'csv'],
      describe: 'A table (default), or all unrounded: JSON, or CSV with one figure a row',
    },
    json: flags.score.json,
    output: flags.score.output,
    strict: {
      type: 'boolean',
      group: 'Output:',
      describe: 'Exit with 1 where rows were dropped or there are warnings',
    },
    quiet: { type: 'boolean', alias: 'q', group: 'Output:', describe: 'No warnings and no progress on stderr' },
    ...spotOptions(flags),
  }) as const;

type Arguments = InferredOptionTypes<ReturnType<typeof evalOptions>> & { predictions?: string[] | undefined };

export function evalCommand(kit: AddOnKit): AddOnCommand<Arguments> {
  const options = evalOptions(kit.flags);
  return {
    command: 'eval',
    options,
    builder: (yargs) =>
      kit.flags
        .positionals(yargs, 'predictions', PREDICTIONS)
        .usage(
          '$0 eval <predictions> --mos <file>\n\n' +
            'Says how well predictions agree with human scores: SRCC, KRCC, PLCC, RMSE, MAE and MSE with intervals, raw and ' +
            'after a logistic fit, by group, and whether one predictor is better than another.',
        )
        .options(options)
        .example('$0 eval scores.jsonl --mos koniq10k_scores.csv', 'Records of hyperiqa score')
        .example('$0 eval all.csv --mos mos.csv --predictor a b --lower-better b', 'Two columns, compared')
        .example('$0 eval all.csv --mos koniq.csv --group-by split', "KonIQ-10k's official split")
        .example('$0 eval photos --mos mos.csv', 'Images, scored now')
        .example('$0 eval s.csv --mos mos.csv --json > evaluation.json', 'For programs')
        .epilogue(
          'Exit codes: 0 evaluated, also with dropped rows and warnings; 1 a predictor has no image with a human score ' +
            '(the others are evaluated), or with --strict dropped rows or warnings; 2 wrong usage, a table that cannot be ' +
            'read, or nothing to evaluate; 130, 143 interrupted.\n\nFormats, figures and what they mean: docs/evaluation.md.',
        ),
    handler: async (args) => {
      kit.exit(await run(args, kit));
    },
  };
}

async function run(args: ArgumentsCamelCase<Arguments>, kit: AddOnKit): Promise<number> {
  const { flags, outputs } = kit;
  const { mos } = args;
  const format = flags.formatOf(args) ?? 'table';
  const plan = await planOf(args, kit);
  if (mos === undefined) throw new HyperIQAError('ERR_INVALID_ARGUMENT', 'Name the human scores: --mos FILE.');
  return outputs.inOnePiece(args.output, async (interrupt, file) => {
    const { evaluation } = await evaluated(plan, mos, args, kit, interrupt);
    const sink = file ?? outputs.stdout();
    for (const text of textOf(evaluation, format)) await sink.write(text);
    await sink.close();
    if (!args.quiet) sayWarnings(evaluation, kit.terminal, format !== 'table' || file !== undefined);
    const wanting = args.strict && (evaluation.dropped.length > 0 || evaluation.warnings.length > 0);
    return wanting || isIncomplete(evaluation) ? 1 : 0;
  });
}

/** Tests whether a predictor has no figures at all, which is a failure even if others have some. */
export const isIncomplete = ({ predictors }: Evaluation): boolean => predictors.some(({ overall }) => overall.n === 0);

function textOf(evaluation: Evaluation, format: 'table' | 'json' | 'csv'): Iterable<string> {
  switch (format) {
    case 'json':
      return evaluationJson(evaluation);
    case 'csv':
      return [evaluationCsv(evaluation)];
    case 'table':
      return [evaluationTable(evaluation)];
  }
}

/** Warnings, and what the table would have told of dropped rows. */
export function sayWarnings(
  { warnings, dropped, humanScores }: Evaluation,
  { tell }: TerminalKit,
  unseen: boolean,
): void {
  if (unseen) {
    const others = humanScores.otherColumns.length > 0 ? ` (before ${humanScores.otherColumns.join(', ')})` : '';
    tell(`human scores are taken from the column ${humanScores.column}${others}`);
    if (dropped.length > 0)
      tell(
        `${count(dropped.length, 'row')} dropped (${droppedByReason(dropped)}); ` +
          `${dropped[0]?.file ?? ''}: ${dropped[0]?.message ?? ''}`,
      );
  }
  for (const { code, message } of warnings) tell(`${message} (${code})`);
}
