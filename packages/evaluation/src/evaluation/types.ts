/** Types of the evaluation: what goes in, what comes out. */
import type { LogisticModel, UndefinedReason } from '../metrics/index.js';
import type { MatchedBy } from './names.js';

/** File that numbers were read from. */
export interface SourceFile {
  /** Path or name as given. */
  readonly source: string;
  readonly sha256: string;
}

/** A scale, and how it is known: from the data set's format, from an option, or as smallest and largest value there. */
export interface Scale {
  readonly minimum: number;
  readonly maximum: number;
  readonly from: 'format' | 'option' | 'model' | 'observed';
}

/** A row that is not evaluated, and why. */
export interface DroppedRow {
  /** The file that the row stands in. */
  readonly source: string;
  /** Line of that file; null for an image that was scored on the spot. */
  readonly line: number | null;
  /** The image as the row names it. */
  readonly file: string;
  readonly reason: DropReason;
  /** The predictor that has no value; null where the whole row is dropped. */
  readonly predictor: string | null;
  readonly message: string;
}

/**
 * - `no-match`: no human score has this name; `ambiguous`: several could be meant, or several rows mean the same one;
 * - `duplicate`: the image was there before, or another row matches the human score better;
 * - `unreadable`: the image could not be scored;
 * - `no-value`: the cell of a prediction is empty or NaN; `no-human-score`: that of the human score is.
 */
export type DropReason = 'no-match' | 'ambiguous' | 'duplicate' | 'unreadable' | 'no-value' | 'no-human-score';

/** Something a reader of the figures should know. */
export interface EvaluationWarning {
  readonly code:
    | 'WARN_TRAINING_IMAGES'
    | 'WARN_TRAINING_DATASET'
    | 'WARN_SPLIT_GAP'
    | 'WARN_DIRECTION'
    | 'WARN_FIT'
    | 'WARN_NO_IMAGES'
    | 'WARN_SEVERAL_MODELS';
  readonly message: string;
}

/** Human scores of a data set. */
export interface HumanScores extends SourceFile {
  /** The data set, where its format says so: `koniq10k`, `kadid10k`, `tid2013`, `spaq`; else null. */
  readonly dataset: string | null;
  /** The column that was taken, and the others that could have been. */
  readonly column: string;
  readonly otherColumns: readonly string[];
  /** True for a MOS, false for a DMOS (0: no visible difference). */
  readonly higherIsBetter: boolean;
  readonly scale: Scale;
  /** Source of the standard deviations, and their factor; null without deviations. */
  readonly deviations: {
    readonly column: string;
    readonly factor: number;
    readonly opinions: string | number | null;
  } | null;
  readonly rows: readonly HumanRow[];
  readonly dropped: readonly DroppedRow[];
}

export interface HumanRow {
  readonly file: string;
  readonly line: number;
  /** Null where the cell is empty. */
  readonly score: number | null;
  /** Standard deviation of the opinions in units of `score`; null where it is not known. */
  readonly deviation: number | null;
  /** Number of opinions; null where it is not known. */
  readonly opinions: number | null;
  /** All columns, as text. */
  readonly fields: Readonly<Record<string, string>>;
}

/** A column of predictions. */
export interface Predictor {
  readonly name: string;
  /** The table that has it; rows of other tables say nothing about it. */
  readonly source: string;
  readonly higherIsBetter: boolean;
  /** Null where only the values say something about it. */
  readonly scale: Scale | null;
}

/** The model behind predictions, as far as their provenance tells. */
export interface PredictionModel {
  readonly name: string;
  readonly sha256: string | null;
  /** Data set it was trained on, such as `koniq10k`; null if unknown. */
  readonly trainedOn: string | null;
}

/** Predictions of one or several predictors for images. */
export interface Predictions {
  readonly sources: readonly SourceFile[];
  readonly predictors: readonly Predictor[];
  readonly models: readonly PredictionModel[];
  readonly rows: readonly PredictionRow[];
  readonly dropped: readonly DroppedRow[];
}

export interface PredictionRow {
  readonly source: string;
  readonly file: string;
  readonly line: number | null;
  /** Scores in the order of the predictors that have the same `source`; null without a score. */
  readonly scores: readonly (number | null)[];
  readonly fields: Readonly<Record<string, string>>;
}

/** An image with its human score and its predictions. */
export interface RatedImage {
  /** Name in the first table of predictions that has it. */
  readonly file: string;
  /** Name in the human scores. */
  readonly humanFile: string;
  /** Way in which that table's name was matched. */
  readonly matchedBy: MatchedBy;
  /** The human score. */
  readonly mos: number;
  readonly deviation: number | null;
  readonly opinions: number | null;
  /** Scores in the order of the predictors; null without a score. */
  readonly scores: readonly (number | null)[];
  /** Columns of all tables, as text. Of the same name, those of the human scores count, then those of the first table. */
  readonly fields: Readonly<Record<string, string>>;
}

/** Predictions joined with human scores: what an evaluation and a report are made from. */
export interface RatedImages {
  readonly human: Omit<HumanScores, 'rows' | 'dropped'>;
  readonly predictions: Omit<Predictions, 'rows' | 'dropped'>;
  readonly images: readonly RatedImage[];
  /** Number of rows of predictions matched in each way, over all tables. */
  readonly matching: Readonly<Record<MatchedBy, number>>;
  /** Account of the rows of each table of predictions. */
  readonly tables: readonly TableAccount[];
  /** Dropped rows, by file and line. */
  readonly dropped: readonly DroppedRow[];
  /** Human scores without a prediction: how many, and the first few names. */
  readonly unpredicted: { readonly count: number; readonly examples: readonly string[] };
}

/** Account of the rows of a table of predictions: `rows` is the sum of `matched` and all of `dropped`. */
export interface TableAccount {
  readonly source: string;
  /** Rows, or images where a table has a row for each model and image; those that were dropped count, too. */
  readonly rows: number;
  /** Rows that are evaluated, by at least one predictor. */
  readonly matched: number;
  readonly matching: Readonly<Record<MatchedBy, number>>;
  /** Rows that are not evaluated at all, by reason. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** Human scores without a row that is evaluated. */
  readonly unpredicted: number;
}

/** The figures of the field; null where a figure is undefined. */
export interface Figures {
  readonly srcc: number | null;
  readonly krcc: number | null;
  readonly plcc: number | null;
  readonly rmse: number | null;
  readonly mae: number | null;
  readonly mse: number | null;
  /** Only with standard deviations of the opinions. */
  readonly outlierRatio?: number | null;
  /** Only with standard deviations and numbers of the opinions. */
  readonly epsilonInsensitiveRmse?: number | null;
}

export type FigureName = keyof Figures;

/** Ends of a confidence interval. */
export interface Bounds {
  readonly lower: number;
  readonly upper: number;
}

/** A number with its interval; null, with the reason, where it is undefined. */
export interface Estimate {
  readonly value: number | null;
  readonly interval: Bounds | null;
  readonly undefinedBecause?: UndefinedReason;
}

/** One predictor on one group of images. */
export interface GroupResult {
  /** The value of the group-by column; `overall` for all images. */
  readonly name: string;
  readonly n: number;
  /** Figures of the predictions as they are; correlations are positive if the predictor agrees with people. */
  readonly raw: Figures;
  /** Figures of the predictions mapped to the scale of the human scores by the logistic fit of this group. */
  readonly fitted: Figures;
  readonly intervals: {
    readonly raw: Partial<Record<FigureName | 'plccFisher', Bounds | null>>;
    readonly fitted: Partial<Record<FigureName | 'plccFisher', Bounds | null>>;
  };
  /** Reasons for figures that are null: `raw.srcc` → `constant-predictions`. */
  readonly undefined: Readonly<Record<string, UndefinedReason>>;
  readonly fit: {
    readonly model: LogisticModel;
    /** [β1, …]; null where there is no fit. */
    readonly parameters: readonly number[] | null;
    readonly converged: boolean;
  };
  /** Mean of prediction − human score; `scaled`: after the linear map to the scale of the human scores. */
  readonly bias: { readonly raw: Estimate; readonly scaled: Estimate };
  /** Change of that gap per unit of the human score. */
  readonly gapSlope: { readonly raw: Estimate; readonly scaled: Estimate };
  /** Share, 0 to 1, of predictions (as they are) and of human scores in the band; null where no band was asked for. */
  readonly band: { readonly predictions: number | null; readonly humanScores: number | null } | null;
  /** Krasula's analyses; null where they were not asked for. */
  readonly pairs: {
    readonly aucDifferentSimilar: number | null;
    readonly aucBetterWorse: number | null;
    readonly correctBetterWorse: number | null;
    readonly differentPairs: number;
    readonly similarPairs: number;
  } | null;
}

/** One predictor. */
export interface PredictorResult extends Predictor {
  readonly overall: GroupResult;
  readonly groups: readonly GroupResult[];
  /** The linear map of `bias.scaled`: by the ends of both scales where the predictor's is known, else by least squares. */
  readonly linearMap: {
    readonly method: 'scale-ends' | 'least-squares';
    readonly slope: number;
    readonly intercept: number;
  } | null;
}

/** Two predictors on the images that both have scored. */
export interface Comparison {
  readonly first: string;
  readonly second: string;
  readonly n: number;
  readonly srcc: Difference;
  readonly plcc: Difference;
  /** PLCC after each predictor's logistic fit. */
  readonly plccFitted: Difference;
}

/** The difference of a correlation, first less second. */
export interface Difference {
  readonly first: number | null;
  readonly second: number | null;
  /** Paired bootstrap: difference, its interval and two-sided p. */
  readonly bootstrap: Estimate & { readonly pValue: number | null };
  /** Meng, Rosenthal & Rubin 1992: z, two-sided p, and the interval of atanh r1 − atanh r2. */
  readonly mengRosenthalRubin: {
    readonly z: number | null;
    readonly pValue: number | null;
    readonly interval: Bounds | null;
    readonly undefinedBecause?: UndefinedReason;
  };
}

/** Options of an evaluation. */
export interface EvaluationOptions {
  /**
   * The column that tells the groups. Beside the columns of both tables there are `split` (KonIQ-10k's official split),
   * `distortion` and `reference` (read from names of TID2013 and KADID-10k), each unless a column has this name.
   */
  groupBy?: string;
  /** Logistic mapping. Default `logistic4`. */
  fit?: LogisticModel;
  /** Repeat the fit in each replicate: the honest interval of PLCC and RMSE after it, at 20 to 100 ms each. Default false. */
  refit?: boolean;
  /** Bootstrap replicates, at least 2; 0 for none. Default 1000. */
  replicates?: number;
  /** Seed of the bootstrap, a 32-bit integer. Default 1. */
  seed?: number;
  /** Coverage of all intervals. Default 0.95. */
  level?: number;
  /**
   * Unit that the bootstrap draws: `image`, or a column whose values make groups drawn as a whole. Default: the reference
   * image for TID2013 and KADID-10k, else `image`.
   */
  resampleBy?: string;
  /** Band of scores of which the share is reported: [low, high], ends included, on the scale of the predictions. */
  band?: readonly [number, number];
  /** Krasula's analyses of all pairs of images; needs standard deviations and numbers of opinions. Default false. */
  pairs?: boolean;
  /** Compare each two predictors. Default true. */
  compare?: boolean;
  /** Training data set of the predictors, if the predictions do not name it. */
  trainedOn?: string;
  signal?: AbortSignal;
}

/** The outcome. Plain data: `JSON.stringify` loses nothing. */
export interface Evaluation {
  readonly formatVersion: 1;
  /** Versions, sources and settings: what is needed to compute it again. */
  readonly provenance: {
    readonly hyperiqa: string;
    readonly predictions: readonly SourceFile[];
    readonly humanScores: SourceFile;
    readonly models: readonly PredictionModel[];
    readonly trainedOn: readonly string[];
    readonly settings: {
      readonly fit: LogisticModel;
      readonly refit: boolean;
      readonly replicates: number;
      readonly seed: number;
      readonly level: number;
      readonly interval: 'bca' | 'percentile';
      readonly resampleBy: string;
      readonly groupBy: string | null;
      readonly band: readonly [number, number] | null;
    };
  };
  readonly humanScores: Omit<HumanScores, 'rows' | 'dropped' | 'source' | 'sha256'>;
  readonly matching: RatedImages['matching'];
  readonly tables: RatedImages['tables'];
  /** Number of images with a human score and at least one prediction. */
  readonly images: number;
  readonly predictors: readonly PredictorResult[];
  readonly comparisons: readonly Comparison[];
  readonly dropped: readonly DroppedRow[];
  readonly unpredicted: RatedImages['unpredicted'];
  readonly warnings: readonly EvaluationWarning[];
}
