/** Records of `hyperiqa faces` as text: one record an image; in CSV one row a face. */
import type { LandmarkName } from '../../faces/index.js';
import type { Cell } from './columns.js';
import { csvLine, jsonArray, type Writer } from './formats.js';
import type { Defined } from './records.js';
import { printable } from '../terminal/text.js';

export type FacesFormat = 'table' | 'csv' | 'json' | 'jsonl';

/** A face as in `DetectResult`, with the file that its crop was written to. */
export type FaceRecord = Defined<'cutFace'>;
export type FacesRecord = Defined<'facesRecord'>;
export type FoundRecord = Exclude<FacesRecord, { error: unknown }>;

export function facesWriterFor(format: FacesFormat, provenance: boolean): Writer<FacesRecord> {
  switch (format) {
    case 'jsonl':
      return { head: '', row: (record) => `${JSON.stringify(record)}\n`, tail: '' };
    case 'json':
      return jsonArray();
    case 'csv':
      return csv(provenance);
    case 'table':
      return table();
  }
}

const landmarkNames: LandmarkName[] = ['leftEye', 'rightEye', 'nose', 'leftMouth', 'rightMouth'];

/** The columns that describe one face; empty where an image has none. */
const faceColumns: Record<string, (face: FaceRecord) => Cell> = {
  kept: ({ kept }) => String(kept),
  confidence: ({ confidence }) => confidence,
  x: ({ box }) => box.x,
  y: ({ box }) => box.y,
  boxWidth: ({ box }) => box.width,
  boxHeight: ({ box }) => box.height,
  ...Object.fromEntries(
    landmarkNames.flatMap((name) => [
      [`${name}X`, ({ landmarks }: FaceRecord) => landmarks[name].x],
      [`${name}Y`, ({ landmarks }: FaceRecord) => landmarks[name].y],
    ]),
  ),
  cropX: ({ crop }) => crop.x,
  cropY: ({ crop }) => crop.y,
  cropWidth: ({ crop }) => crop.width,
  cropHeight: ({ crop }) => crop.height,
  cropFile: ({ cropFile }) => cropFile,
};

const provenanceColumns: Record<string, (provenance: Defined<'detection'>) => Cell> = {
  model: ({ model }) => model.name,
  modelVersion: ({ model }) => model.version,
  modelSha256: ({ model }) => model.sha256,
  minConfidence: ({ minConfidence }) => minConfidence,
  minFaceSize: ({ minFaceSize }) => minFaceSize,
  searchSize: ({ searchSize }) => searchSize,
  exactlyOne: ({ exactlyOne }) => String(exactlyOne),
  margin: ({ margin }) => margin,
  device: ({ device }) => device,
  hyperiqa: ({ versions }) => versions.hyperiqa,
  libtorch: ({ versions }) => versions.libtorch,
  sharp: ({ versions }) => versions.sharp,
};

function csv(provenance: boolean): Writer<FacesRecord> {
  const row = (record: FacesRecord, face: FaceRecord | undefined, index: number) => {
    const found = 'error' in record ? undefined : record;
    return csvLine([
      record.file,
      record.status,
      found?.width,
      found?.height,
      found?.faces.length,
      face && index + 1,
      ...Object.values(faceColumns).map((cell) => face && cell(face)),
      'error' in record ? record.error.code : null,
      'error' in record ? record.error.message : null,
      ...(provenance
        ? Object.values(provenanceColumns).map((cell) => found?.provenance && cell(found.provenance))
        : []),
    ]);
  };
  return {
    head: csvLine([
      ...['file', 'status', 'width', 'height', 'faces', 'face'],
      ...Object.keys(faceColumns),
      ...['errorCode', 'errorMessage'],
      ...(provenance ? Object.keys(provenanceColumns) : []),
    ]),
    row: (record) => {
      const faces: readonly (FaceRecord | undefined)[] = 'error' in record ? [] : record.faces;
      return (faces.length > 0 ? faces : [undefined]).map((face, i) => row(record, face, i)).join('');
    },
    tail: '',
  };
}

/** Rows of fixed width, each shown as soon as it is there; sizes and confidences of the largest face. */
function table(): Writer<FacesRecord> {
  const line = (status: string, found: string, kept: string, size: string, confidence: string, file: string) =>
    [status.padEnd(9), found.padStart(5), kept.padStart(5), size.padStart(9), confidence.padStart(10), ` ${file}`].join(
      ' ',
    ) + '\n';
  return {
    head: line('STATUS', 'FOUND', 'KEPT', 'LARGEST', 'CONFIDENCE', 'FILE'),
    row(record) {
      const file = printable(record.file);
      if ('error' in record) {
        return line('error', '-', '-', '-', '-', `${file}: ${printable(record.error.message)} (${record.error.code})`);
      }
      const [largest] = record.faces;
      const size = largest ? `${Math.round(largest.box.width)}x${Math.round(largest.box.height)}` : '-';
      const kept = record.faces.filter((face) => face.kept).length;
      const confidence = largest ? largest.confidence.toFixed(3) : '-';
      return line(record.status, String(record.faces.length), String(kept), size, confidence, file);
    },
    tail: '',
  };
}
