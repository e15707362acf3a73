/** `hyperiqa eval`: predictions against human scores. */
import type { InferredOptionTypes } from 'yargs';
import { droppedByReason, evaluate, joinScores, readHumanScores, type Evaluation } from '../evaluation/index.js';
import {
  count,
  HyperIQAError,
  type AddOnCommand,
  type AddOnKit,
  type FlagsKit,
  type TerminalKit,
} from 'hyperiqa/add-on';
import {
  figureOptions,
  joinOptions,
  toEvaluationOptions,
  toHumanScoresOptions,
  toPredictionsOptions,
} from './eval-options.js';
import { evaluationCsv, evaluationJson, evaluationTable } from './eval-text.js';
import { predictionsFrom, spotOptions } from './predictions.js';

const evalOptions = (flags: FlagsKit) =>
  ({
    ...joinOptions,
    ...figureOptions,
    format: {
      type: 'string',
      requiresArg: true,
      group: 'Output:',
      choices: ['table', 'json', 'csv'],
      default: 'table',
      describe: 'A table, or all unrounded: JSON, or CSV with one figure a row',
    },
    output: flags.score.output,
    strict: {
      type: 'boolean',
      group: 'Output:',
      describe: 'Exit with 1 where rows were dropped or there are warnings',
    },
    quiet: { type: 'boolean', alias: 'q', group: 'Output:', describe: 'No warnings and no progress on stderr' },
    ...spotOptions(flags),
  }) as const;

type Arguments = InferredOptionTypes<ReturnType<typeof evalOptions>>;

export function evalCommand(kit: AddOnKit): AddOnCommand<Arguments> {
  const options = evalOptions(kit.flags);
  return {
    command: 'eval',
    options,
    builder: (yargs) =>
      yargs
        .usage(
          '$0 eval PREDICTIONS --mos FILE\n\n' +
            'Says how well predictions agree with human scores: SRCC, KRCC, PLCC, RMSE, MAE and MSE with intervals, raw and ' +
            'after a logistic fit, by group, and whether one predictor is better than another.\n\n' +
            'PREDICTIONS are tables (CSV, TSV, JSON lines, JSON; - for standard input), of hyperiqa score or of anything ' +
            'else, or images and folders that are scored now.',
        )
        .options(options)
        .example('$0 eval scores.jsonl --mos koniq10k_scores.csv', 'Records of hyperiqa score')
        .example('$0 eval all.csv --mos mos.csv --predictor a b --lower-better b', 'Two columns, compared')
        .example('$0 eval all.csv --mos koniq.csv --group-by split', "KonIQ-10k's official split")
        .example('$0 eval photos --mos mos.csv', 'Images, scored now')
        .example('$0 eval s.csv --mos mos.csv --format json > evaluation.json', 'For programs')
        .epilogue(
          'Exit codes: 0 evaluated, also with dropped rows and warnings; 1 a predictor has no image with a human score ' +
            '(the others are evaluated), or with --strict dropped rows or warnings; 2 wrong usage, a table that cannot be ' +
            'read, or nothing to evaluate; 130, 143 interrupted.\n\nFormats, figures and what they mean: docs/evaluation.md.',
        ),
    handler: async (args) => {
      kit.exit(await run(args._.slice(1).map(String), args, kit));
    },
  };
}

async function run(paths: readonly string[], args: Arguments, kit: AddOnKit): Promise<number> {
  const { flags, outputs } = kit;
  checkPaths(paths, args.predictor ?? args['lower-better'] ?? args.scale);
  const { mos } = args;
  if (mos === undefined) throw new HyperIQAError('ERR_INVALID_ARGUMENT', 'Name the human scores: --mos FILE.');
  outputs.check(args.output);
  const options = toEvaluationOptions(args, flags);
  const humanOptions = toHumanScoresOptions(args, flags);
  const predictionsOptions = toPredictionsOptions(args, flags);
  const guard = await outputs.guard([args.output ?? '-']);
  await guard.refuse([mos, ...paths]);
  return outputs.inOnePiece(args.output, async (interrupt, file) => {
    // Before images are scored, which takes longer.
    const human = await readHumanScores(mos, humanOptions);
    const predictions = await predictionsFrom(paths, predictionsOptions, args, kit, interrupt, guard);
    const data = joinScores(predictions, human);
    const evaluation = await evaluate(data, { ...options, signal: interrupt.signal });
    const sink = file ?? outputs.stdout();
    for (const text of textOf(evaluation, args.format)) await sink.write(text);
    await sink.close();
    if (!args.quiet) sayWarnings(evaluation, kit.terminal, args.format !== 'table' || file !== undefined);
    const wanting = args.strict && (evaluation.dropped.length > 0 || evaluation.warnings.length > 0);
    return wanting || isIncomplete(evaluation) ? 1 : 0;
  });
}

/** @throws HyperIQAError ERR_INVALID_ARGUMENT where there are none, with a hint if an option has swallowed them */
export function checkPaths(paths: readonly string[], swallowed: readonly string[] | undefined): void {
  if (paths.includes('')) throw new HyperIQAError('ERR_INVALID_ARGUMENT', 'A file name is empty.');
  if (paths.length > 0) return;
  const hint =
    swallowed !== undefined && swallowed.length > 1 ? ' Put it before options that take several values.' : '';
  throw new HyperIQAError('ERR_INVALID_ARGUMENT', `Name the predictions: a table, or images.${hint}`);
}

/** Tests whether a predictor has no figures at all, which is a failure even if others have some. */
export const isIncomplete = ({ predictors }: Evaluation): boolean => predictors.some(({ overall }) => overall.n === 0);

function textOf(evaluation: Evaluation, format: Arguments['format']): Iterable<string> {
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
