/** Records as text: one writer a format. Every piece of text ends where a reader may stop. */
import { basename } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import type { Info } from '../../index.js';
import { describeCrops, type FaceOfRecord, type ScoreRecord } from './records.js';
import { inert } from './spreadsheet.js';
import { printable } from '../terminal/text.js';

export type Format = 'table' | 'csv' | 'json' | 'jsonl' | 'study';

/** Turns records into the text of a file: `head`, then a `row` for each, then `tail`. */
export interface Writer<R = ScoreRecord> {
  head: string;
  row(record: R): string;
  tail: string;
}

/** What a writer must know beforehand. */
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
      return csv(csvColumns(context));
    case 'study':
      return csv(studyColumns(context));
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

export type Cell = string | number | null | undefined;
type Columns = Record<string, (record: ScoreRecord) => Cell>;

function csv(columns: Columns): Writer {
  return {
    head: csvLine(Object.keys(columns)),
    row: (record) => csvLine(Object.values(columns).map((cell) => cell(record))),
    tail: '',
  };
}

/** A row of CSV. */
export const csvLine = (cells: Cell[]) =>
  stringify([cells.map((cell) => (typeof cell === 'string' ? inert(cell) : cell))]);

function csvColumns({ provenance, resumable, faces }: WriterContext): Columns {
  const result =
    (cell: (record: Exclude<ScoreRecord, { error: unknown }>) => Cell) =>
    (record: ScoreRecord): Cell =>
      'error' in record ? null : cell(record);
  const origin = (cell: (p: NonNullable<Exclude<ScoreRecord, { error: unknown }>['provenance']>) => Cell) =>
    result((record) => record.provenance && cell(record.provenance));
  return {
    file: (record) => record.file,
    score: result((record) => record.score),
    standardError: result((record) => record.standardError),
    spread: result((record) => record.spread),
    crops: result((record) => record.crops.length),
    width: result((record) => record.width),
    height: result((record) => record.height),
    warnings: result((record) => record.warnings.map(({ code }) => code).join(' ')),
    ...(faces && faceColumns),
    errorCode: (record) => ('error' in record ? record.error.code : null),
    errorMessage: (record) => ('error' in record ? record.error.message : null),
    ...(provenance && {
      model: origin((p) => p.model.name),
      modelVersion: origin((p) => p.model.version),
      modelSha256: origin((p) => p.model.sha256),
      weightsSha256: origin((p) => p.model.weightsSha256),
      trainedOn: origin((p) => p.model.trainedOn),
      protocol: origin((p) => p.protocol.name),
      cropPlan: origin((p) => describeCrops(p.protocol.crops)),
      seed: origin((p) => p.seed),
      maxStandardError: origin((p) => p.maxStandardError),
      maxCrops: origin((p) => p.maxCrops),
      device: origin((p) => p.device.join(' ')),
      dtype: origin((p) => p.dtype),
      graphMode: origin((p) => p.graphMode),
      hyperiqa: origin((p) => p.versions.hyperiqa),
      libtorch: origin((p) => p.versions.libtorch),
      sharp: origin((p) => p.versions.sharp),
      libvips: origin((p) => p.versions.libvips),
      node: origin((p) => p.versions.node),
    }),
    ...(resumable && {
      size: (record) => record.source?.size,
      mtimeMs: (record) => record.source?.mtimeMs,
      run: (record) => record.run,
    }),
  };
}

/** The face whose score goes into a table: the largest that is kept. */
function mainFace(record: ScoreRecord): FaceOfRecord | undefined {
  return 'error' in record ? undefined : record.faces?.faces.find(({ kept }) => kept);
}

/** What a table says of the faces of an image. */
const faceColumns: Columns = {
  faceStatus: (record) => ('error' in record ? null : record.faces?.status),
  faces: (record) => ('error' in record ? null : record.faces?.faces.length),
  facesKept: (record) => ('error' in record ? null : record.faces?.faces.filter(({ kept }) => kept).length),
  faceScore: (record) => mainFace(record)?.score,
  faceStandardError: (record) => mainFace(record)?.standardError,
  faceSpread: (record) => mainFace(record)?.spread,
  faceEnlarged: (record) => mainFace(record)?.enlarged.toString(),
  faceConfidence: (record) => mainFace(record)?.confidence,
  faceX: (record) => mainFace(record)?.crop.x,
  faceY: (record) => mainFace(record)?.crop.y,
  faceWidth: (record) => mainFace(record)?.crop.width,
  faceHeight: (record) => mainFace(record)?.crop.height,
};

/** The columns of the study's tables; an image without a score keeps its row, with the score left empty. */
const studyColumns = ({ model, faces }: WriterContext): Columns => ({
  Model_name: () => model.name,
  filename: (record) => basename(record.file),
  [faces ? 'Image_predic_score' : 'score']: (record) => ('error' in record ? null : record.score),
  ...(faces && { Face_predic_score: (record) => mainFace(record)?.score }),
});

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
