/** The columns of the CSV formats, each described once: when it is there, what its cells hold, and their JSON Schema. */
import { basename } from 'node:path';
import type { Info } from '../../index.js';
import { definitions } from './definitions.js';
import { describeCrops, type FaceOfRecord, type ScoredRecord, type ScoreRecord } from './records.js';

/** Content of a cell; null or undefined where it is empty. */
export type Cell = string | number | null | undefined;
/** JSON Schema of a cell's text. */
export type CellSchema = Readonly<Record<string, unknown>>;

/** A column of the tables of results. */
export interface Column {
  /** The cell of a record. */
  readonly cell: (record: ScoreRecord) => Cell;
  /** JSON Schema of the cell's text. */
  readonly schema: CellSchema;
  /** Type in tables that have types; text where there is none. A boolean's cell is `true` or `false` in letters. */
  readonly type?: 'double' | 'int32' | 'int64' | 'boolean';
  /** Option that brings the column; without one the column is always there. */
  readonly with?: 'faces' | 'provenance' | 'output';
  /** Narrower where the image has a score. */
  readonly scored?: CellSchema;
  /** Narrower where it has none. */
  readonly failed?: CellSchema;
}

const text = { type: 'string' };
const someText = { type: 'string', minLength: 1 };
const empty = { const: '' };
const count = { type: 'string', pattern: '^[1-9][0-9]*$' };
const naturalOrEmpty = { type: 'string', pattern: '^[0-9]*$' };
const sha256OrEmpty = { type: 'string', pattern: '^([0-9a-f]{64})?$' };
const number = { $ref: '#/$defs/csvNumber' };
const numberOrEmpty = { $ref: '#/$defs/csvOptionalNumber' };
const orEmpty = ({ enum: values }: { readonly enum: readonly string[] }) => ({ enum: [...values, ''] });

/** A cell about the image, empty where it has no score. */
const result =
  (cell: (record: ScoredRecord) => Cell) =>
  (record: ScoreRecord): Cell =>
    'error' in record ? null : cell(record);

/** The face whose score goes into a table: the largest that is kept. */
export const mainFace = (record: ScoreRecord): FaceOfRecord | undefined =>
  'error' in record ? undefined : record.faces?.faces.find(({ kept }) => kept);

/** A column about the largest face that is kept. */
const ofMainFace = (
  type: NonNullable<Column['type']>,
  cell: (face: FaceOfRecord) => Cell,
  schema: CellSchema = numberOrEmpty,
): Column => ({
  type,
  with: 'faces',
  cell: (record) => {
    const face = mainFace(record);
    return face && cell(face);
  },
  schema,
});

/** A number about all faces of an image. */
const ofFaces = (cell: (faces: NonNullable<ScoredRecord['faces']>) => Cell): Column => ({
  type: 'int32',
  with: 'faces',
  cell: result(({ faces }) => faces && cell(faces)),
  schema: numberOrEmpty,
});

const origin = (
  cell: (provenance: NonNullable<ScoredRecord['provenance']>) => Cell,
  schema: CellSchema = text,
  type?: Column['type'],
): Column => ({
  ...(type && { type }),
  with: 'provenance',
  cell: result(({ provenance }) => provenance && cell(provenance)),
  schema,
});

/** Columns of `--format csv`, in their order. */
export const columns: Readonly<Record<string, Column>> = {
  file: { cell: ({ file }) => file, schema: someText },
  score: { type: 'double', cell: result(({ score }) => score), schema: text, scored: number, failed: empty },
  standardError: {
    type: 'double',
    cell: result(({ standardError }) => standardError),
    schema: numberOrEmpty,
    failed: empty,
  },
  spread: { type: 'double', cell: result(({ spread }) => spread), schema: numberOrEmpty, failed: empty },
  crops: {
    type: 'int32',
    cell: result(({ crops }) => crops.length),
    schema: { ...text, description: 'Their number.' },
    scored: count,
    failed: empty,
  },
  width: { type: 'int32', cell: result(({ width }) => width), schema: text, scored: count, failed: empty },
  height: { type: 'int32', cell: result(({ height }) => height), schema: text, scored: count, failed: empty },
  warnings: {
    cell: result(({ warnings }) => warnings.map(({ code }) => code).join(' ')),
    schema: { type: 'string', pattern: '^(WARN_[A-Z_]+( WARN_[A-Z_]+)*)?$' },
    failed: empty,
  },

  faceStatus: {
    with: 'faces',
    cell: result(({ faces }) => faces?.status),
    schema: orEmpty(definitions.faceStatus),
  },
  faces: ofFaces(({ faces }) => faces.length),
  facesKept: ofFaces(({ faces }) => faces.filter(({ kept }) => kept).length),
  faceScore: ofMainFace('double', ({ score }) => score),
  faceStandardError: ofMainFace('double', ({ standardError }) => standardError),
  faceSpread: ofMainFace('double', ({ spread }) => spread),
  faceEnlarged: ofMainFace('boolean', ({ enlarged }) => String(enlarged), { enum: ['true', 'false', ''] }),
  faceConfidence: ofMainFace('double', ({ confidence }) => confidence),
  faceX: ofMainFace('int32', ({ crop }) => crop.x),
  faceY: ofMainFace('int32', ({ crop }) => crop.y),
  faceWidth: ofMainFace('int32', ({ crop }) => crop.width),
  faceHeight: ofMainFace('int32', ({ crop }) => crop.height),

  errorCode: {
    cell: (record) => ('error' in record ? record.error.code : null),
    schema: text,
    scored: empty,
    failed: definitions.error.properties.code,
  },
  errorMessage: {
    cell: (record) => ('error' in record ? record.error.message : null),
    schema: text,
    scored: empty,
    failed: someText,
  },

  model: origin(({ model }) => model.name),
  modelVersion: origin(({ model }) => model.version),
  modelSha256: origin(({ model }) => model.sha256, sha256OrEmpty),
  weightsSha256: origin(({ model }) => model.weightsSha256, sha256OrEmpty),
  trainedOn: origin(({ model }) => model.trainedOn),
  protocol: origin(({ protocol }) => protocol.name),
  cropPlan: origin(({ protocol }) => describeCrops(protocol.crops), {
    type: 'string',
    pattern: '^(random:[0-9]+|grid(:[0-9]+x[0-9]+)?|pyiqa|center)?$',
  }),
  seed: origin(({ seed }) => seed, naturalOrEmpty),
  maxStandardError: origin(({ maxStandardError }) => maxStandardError, numberOrEmpty, 'double'),
  maxCrops: origin(({ maxCrops }) => maxCrops, naturalOrEmpty, 'int32'),
  device: origin(({ device }) => device.join(' '), {
    type: 'string',
    pattern: '^((cpu|cuda:[0-9]+)( (cpu|cuda:[0-9]+))*)?$',
  }),
  dtype: origin(({ dtype }) => dtype, orEmpty(definitions.provenance.properties.dtype)),
  graphMode: origin(({ graphMode }) => graphMode, orEmpty(definitions.provenance.properties.graphMode)),
  hyperiqa: origin(({ versions }) => versions.hyperiqa),
  libtorch: origin(({ versions }) => versions.libtorch),
  sharp: origin(({ versions }) => versions.sharp),
  libvips: origin(({ versions }) => versions.libvips),
  node: origin(({ versions }) => versions.node),

  size: { type: 'int64', with: 'output', cell: ({ source }) => source?.size, schema: naturalOrEmpty },
  mtimeMs: {
    type: 'int64',
    with: 'output',
    cell: ({ source }) => source?.mtimeMs,
    schema: { type: 'string', pattern: '^(-?[0-9]+)?$' },
  },
  run: { with: 'output', cell: ({ run }) => run, schema: text },
};

interface StudyColumn {
  cell: (record: ScoreRecord, model: Info['model']) => Cell;
  schema: CellSchema;
  /** True: a column of runs with faces alone; false: of runs without; absent: of both. */
  faces?: boolean;
}

/** Columns of `--columns study`, in their order; an image without a score keeps its row, with the score left empty. */
export const studyColumns: Readonly<Record<string, StudyColumn>> = {
  Model_name: { cell: (_, { name }) => name, schema: someText },
  filename: { cell: ({ file }) => basename(file), schema: someText },
  score: { faces: false, cell: result(({ score }) => score), schema: numberOrEmpty },
  Image_predic_score: { faces: true, cell: result(({ score }) => score), schema: numberOrEmpty },
  Face_predic_score: { faces: true, cell: (record) => mainFace(record)?.score, schema: numberOrEmpty },
};
