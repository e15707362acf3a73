/**
 * `@hyperiqa/evaluation`: predictions against human scores, from files or results to figures, and warnings where these
 * would mislead. Needs Node.js, but not LibTorch.
 *
 * @module @hyperiqa/evaluation
 */
export { HyperIQAError } from 'hyperiqa/add-on';
export { droppedByReason } from './dropped.js';
export { evaluate } from './evaluate.js';
export { readHumanScores, type HumanScoresOptions } from './human-scores.js';
export { joinScores } from './join.js';
export { koniqSplit, type Split } from './koniq-split.js';
export { datasetTitle } from './leakage.js';
export { waysOfMatching, type MatchedBy } from './names.js';
export { collectPredictions, readPredictions, type PredictionsOptions } from './predictions.js';
export type { TableSource } from './read-table.js';
export type * from './types.js';
