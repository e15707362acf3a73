/** One result as it is read from a file of any format. */
import type { ScoreRecord } from 'hyperiqa/add-on';
import type { Row } from '../table/table.js';

/** The result of one image. */
export interface StoredResult {
  /** The image's name in the record. Of CSV, with the apostrophe that a name like a formula has there. */
  readonly file: string;
  /** The whole record; undefined where a table has only a part of it. */
  readonly record: ScoreRecord | undefined;
  /** The part of it that tables have. */
  readonly row: Row;
}
