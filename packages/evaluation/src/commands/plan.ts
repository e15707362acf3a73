/** The beginning that `eval` and `report` share: checks before anything is read, then tables that are read, joined and evaluated. */
import { HyperIQAError, type AddOnKit, type Interruption, type OutputGuard } from 'hyperiqa/add-on';
import {
  evaluate,
  joinScores,
  readHumanScores,
  type Evaluation,
  type EvaluationOptions,
  type HumanScoresOptions,
  type Predictions,
  type PredictionsOptions,
  type RatedImages,
} from '../evaluation/index.js';
import {
  toEvaluationOptions,
  toHumanScoresOptions,
  toPredictionsOptions,
  type FigureArguments,
  type JoinArguments,
} from './eval-options.js';
import { predictionsFrom, type SpotArguments } from './predictions.js';

/** The arguments that both commands have. */
export type SharedArguments = JoinArguments &
  FigureArguments &
  SpotArguments & {
    _: (string | number)[];
    predictions?: string[] | undefined;
    output?: string | undefined;
    quiet?: boolean | undefined;
  };

/** Arguments that have passed the checks. */
export interface Plan {
  /** Tables or images with the predictions. */
  readonly paths: readonly string[];
  readonly humanScores: HumanScoresOptions;
  readonly predictions: PredictionsOptions;
  readonly evaluation: EvaluationOptions;
  /** Refuses outputs that are inputs. */
  readonly guard: OutputGuard;
}

/**
 * Checks the arguments, and that no input is the output.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT, ERR_OUTPUT
 */
export async function planOf(args: SharedArguments, { flags, outputs }: AddOnKit): Promise<Plan> {
  const paths = flags.positionalsOf(args, 'predictions');
  checkPaths(paths, args.predictor ?? args['lower-better'] ?? args.scale);
  outputs.check(args.output);
  const options = {
    humanScores: toHumanScoresOptions(args, flags),
    predictions: toPredictionsOptions(args, flags),
    evaluation: toEvaluationOptions(args, flags),
  };
  const guard = await outputs.guard([args.output ?? '-']);
  await guard.refuse([...(args.mos === undefined ? [] : [args.mos]), ...paths]);
  return { paths, ...options, guard };
}

/** @throws HyperIQAError ERR_INVALID_ARGUMENT where there are none, with a hint if an option has swallowed them */
function checkPaths(paths: readonly string[], swallowed: readonly string[] | undefined): void {
  if (paths.includes('')) throw new HyperIQAError('ERR_INVALID_ARGUMENT', 'A file name is empty.');
  if (paths.length > 0) return;
  const hint =
    swallowed !== undefined && swallowed.length > 1 ? ' Put it before options that take several values.' : '';
  throw new HyperIQAError('ERR_INVALID_ARGUMENT', `Name the predictions: a table, or images.${hint}`);
}

/** Reads the tables of predictions, or scores the images. @throws HyperIQAError */
export const predictionsOf = (
  plan: Plan,
  args: SharedArguments,
  kit: AddOnKit,
  interruption: Interruption,
): Promise<Predictions> => predictionsFrom(plan.paths, plan.predictions, args, kit, interruption, plan.guard);

/**
 * Evaluates the predictions against human scores.
 *
 * @param mos - The table of human scores.
 * @throws HyperIQAError
 */
export async function evaluated(
  plan: Plan,
  mos: string,
  args: SharedArguments,
  kit: AddOnKit,
  interruption: Interruption,
): Promise<{ data: RatedImages; evaluation: Evaluation }> {
  // Human scores come first, because scoring images takes longer.
  const human = await readHumanScores(mos, plan.humanScores);
  const data = joinScores(await predictionsOf(plan, args, kit, interruption), human);
  return { data, evaluation: await evaluate(data, { ...plan.evaluation, signal: interruption.signal }) };
}
