/** The JSON Schema that the package publishes as `hyperiqa/schema/record.json`; the build writes it to dist/schema. */
import { columns, studyColumns } from './columns.js';
import { definitions } from './definitions.js';

type Entries<T> = [name: string, column: T][];
type Column = (typeof columns)[string];

const all: Entries<Column> = Object.entries(columns);

const properties = (columns: Entries<{ schema: object }>) =>
  Object.fromEntries(columns.map(([name, { schema }]) => [name, schema]));

/** Narrower types of the cells of some rows. */
const narrowed = (rows: 'scored' | 'failed') => ({
  properties: Object.fromEntries(all.flatMap(([name, { [rows]: schema }]) => (schema ? [[name, schema]] : []))),
});

function csvRow(): object {
  const [face, ...faces] = all.filter(([, column]) => column.with === 'faces').map(([name]) => name);
  return {
    type: 'object',
    required: all.filter(([, column]) => column.with === undefined).map(([name]) => name),
    additionalProperties: false,
    oneOf: [narrowed('scored'), narrowed('failed')],
    properties: properties(all),
    ...(face !== undefined && { dependentRequired: { [face]: faces } }),
  };
}

function studyRow(faces: boolean): object {
  const there = Object.entries(studyColumns).filter(([, column]) => (column.faces ?? faces) === faces);
  return {
    type: 'object',
    ...(faces && { description: 'With --faces.' }),
    required: there.map(([name]) => name),
    additionalProperties: false,
    properties: properties(there),
  };
}

export const recordSchema: object = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:hyperiqa:record:1',
  title: 'A record of `hyperiqa score`',
  description:
    'One line of --format jsonl, one element of --format json. $defs/csvRow and $defs/studyRow describe rows of the CSV ' +
    'formats, read as objects of strings; $defs/facesRecord a record of `hyperiqa faces`.',
  oneOf: [{ $ref: '#/$defs/scored' }, { $ref: '#/$defs/failed' }],
  $defs: { ...definitions, csvRow: csvRow(), studyRow: { oneOf: [studyRow(false), studyRow(true)] } },
};
