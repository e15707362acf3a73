/**
 * Results of `hyperiqa score` from many files: read, joined, and written as JSON lines, CSV or Parquet.
 *
 * @module @hyperiqa/results
 */
export { formatOf, type ResultFormat } from './formats/format.js';
export type { ResultMetadata } from './formats/metadata.js';
export { encodeParquet } from './formats/parquet-write.js';
export { readResults } from './formats/read.js';
export type { StoredResult } from './formats/result.js';
export { mergeResults, type MergeOptions, type MergeSummary } from './merge/merge.js';
export type { Row } from './table/table.js';
