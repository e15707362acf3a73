/**
 * The public API of making model files: `hyperiqa/export`.
 *
 * @module hyperiqa/export
 */
export { exportDatasets, type ExportDataset } from './datasets.js';
export { exportModel } from './export-model.js';
export type { CheckpointLayout } from './layouts.js';
export type * from './types.js';
