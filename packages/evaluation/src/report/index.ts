/**
 * `@hyperiqa/evaluation/report`: an evaluation as a page for people. Needs Node.js and sharp, but not LibTorch.
 *
 * @module @hyperiqa/evaluation/report
 */
export { picturePng } from './picture.js';
export { createReport } from './report.js';
export type { Picture, Report, ReportInput, ReportOptions } from './types.js';
