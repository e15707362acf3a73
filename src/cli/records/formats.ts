/** Records as text: one writer a format. Every piece of text ends where a reader may stop. */
import { stringify } from 'csv-stringify/sync';
import type { Info } from '../../index.js';
import { columns, mainFace, studyColumns, type Cell } from './columns.js';
import type { ScoreRecord } from './records.js';
import { inert } from './spreadsheet.js';
import { printable } from '../terminal/text.js';

export type Format = 'table' | 'csv' | 'json' | 'jsonl' | 'study';

/** Turns records into the text of a file: `head`, then a `row` for each, then `tail`. */
export interface Writer<R = ScoreRecord> {
  head: string;
  row(record: R): string;
  tail: string;
}

/** Facts that a writer needs before the first record. */
export interface WriterContext {
  model: Info['model'];
  provenance: boolean;
  /** The records carry `source` and `run`. */
  resumable: boolean;
  /** The records carry faces. */
  faces: boolean;
}

export function writerFor(format: Format, context: WriterContext): Writer {
  switch (format) {
    case 'jsonl':
      return { head: '', row: (record) => `${JSON.stringify(record)}\n`, tail: '' };
    case 'json':
      return jsonArray();
    case 'csv':
      return csvOf(context);
    case 'study':
      return studyOf(context);
    case 'table':
      return table(context);
  }
}

/** An array that grows by an element a record. */
export function jsonArray<R>(): Writer<R> {
  let separator = '';
  return {
    head: '[',
    row(record) {
      const text = `${separator}\n${JSON.stringify(record)}`;
      separator = ',';
      return text;
    },
    tail: '\n]\n',
  };
}

function csv<C>(columns: [name: string, column: C][], cell: (column: C, record: ScoreRecord) => Cell): Writer {
  return {
    head: csvLine(columns.map(([name]) => name)),
    row: (record) => csvLine(columns.map(([, column]) => cell(column, record))),
    tail: '',
  };
}

/** A row of CSV. */
export const csvLine = (cells: Cell[]) =>
  stringify([cells.map((cell) => (typeof cell === 'string' ? inert(cell) : cell))]);

function csvOf({ provenance, resumable, faces }: WriterContext): Writer {
  const there = { provenance, output: resumable, faces };
  return csv(
    Object.entries(columns).filter(([, column]) => column.with === undefined || there[column.with]),
    ({ cell }, record) => cell(record),
  );
}

const studyOf = ({ model, faces }: WriterContext): Writer =>
  csv(
    Object.entries(studyColumns).filter(([, column]) => (column.faces ?? faces) === faces),
    ({ cell }, record) => cell(record, model),
  );

/** Rows of fixed width, so that each can be shown as soon as it is there; the name comes last, being of any length. */
function table({ model, faces }: WriterContext): Writer {
  const { minimum, maximum, higherIsBetter } = model.score;
  // Scores on 0..1 need more places than scores on 0..100.
  const places = maximum - minimum > 10 ? 2 : 4;
  const line = (
    score: string,
    face: string,
    ...[error, spread, crops, size, file]: [string, string, string, string, string]
  ) =>
    [
      score.padStart(8),
      ...(faces ? [face.padStart(9)] : []),
      error.padStart(8),
      spread.padStart(8),
      crops.padStart(6),
      size.padStart(12),
      ` ${file}`,
    ].join(' ') + '\n';
  const number = (value: number | null) => (value === null ? '-' : value.toFixed(places));
  return {
    head:
      printable(`${model.name} ${model.version}: ${minimum} to ${maximum}, ${higherIsBetter ? 'higher' : 'lower'} is`) +
      ` better\n` +
      line('SCORE', 'FACE', 'STD.ERR', 'SPREAD', 'CROPS', 'SIZE', 'FILE'),
    row(record) {
      const file = printable(record.file);
      if ('error' in record) {
        const { code, message } = record.error;
        return line('failed', '-', '-', '-', '-', '-', `${file}: ${printable(message)} (${code})`);
      }
      const { score, standardError, spread, crops, width, height, warnings } = record;
      const main = mainFace(record);
      // Without a face the status says why.
      const face = main ? number(main.score) : (record.faces?.status ?? '-');
      const notes = warnings.map(({ code }) => ` (${code})`).join('') + (main?.enlarged ? ' (face enlarged)' : '');
      const size = `${width}x${height}`;
      return line(number(score), face, number(standardError), number(spread), String(crops.length), size, file + notes);
    },
    tail: '',
  };
}
