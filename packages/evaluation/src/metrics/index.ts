/**
 * `@hyperiqa/evaluation/metrics`: how well predictions agree with human scores. Needs neither LibTorch nor Node.js.
 *
 * @module @hyperiqa/evaluation/metrics
 */
export { epsilonInsensitiveRmse, mae, mse, opinionHalfWidth95, outlierRatio, rmse } from './accuracy.js';
export {
  applyLinear,
  bias,
  gapSlope,
  leastSquaresMap,
  mapScale,
  shareInBand,
  type GapSlope,
  type LinearMap,
} from './bias.js';
export { bootstrap, type BootstrapOptions, type BootstrapResult } from './bootstrap.js';
export {
  compareCorrelations,
  pairedBootstrap,
  pairedBootstraps,
  type DependentCorrelations,
  type PairedBootstrap,
} from './comparison.js';
export { plcc, srcc } from './correlation.js';
export { MetricsError } from './error.js';
export { explainUndefined, type Figure, type Interval, type UndefinedFigure, type UndefinedReason } from './figure.js';
export { fisherInterval } from './fisher.js';
export type { Values } from './input.js';
export { krcc } from './kendall.js';
export { analysePairs, type PairAnalysis, type PairAnalysisOptions } from './krasula.js';
export {
  applyLogistic,
  fitLogistic,
  fittedFigures,
  type FitOptions,
  type FittedFigures,
  type LogisticFit,
  type LogisticModel,
  type UndefinedFit,
} from './logistic.js';
export { midRanks } from './ranks.js';
export {
  resampledBias,
  resampledKrcc,
  resampledMae,
  resampledMse,
  resampledPlcc,
  resampledRefitted,
  resampledRmse,
  resampledSrcc,
  type Resampled,
} from './resampled.js';
