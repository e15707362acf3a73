/** The options of an export: checked, with their defaults. */
import { resolve } from 'node:path';

import { checkFunction, checkObject, checkOneOf, checkSignal, checkString, invalid } from '../support/validate.js';
import { exportDatasets, type ExportDataset } from './datasets.js';
import type { ExportOptions, ExportProgress } from './types.js';

export interface CheckedExportOptions {
  dataset: ExportDataset;
  /** Absolute. */
  output: string;
  name: string;
  version: string;
  license: string;
  description: string | undefined;
  sha256: string | undefined;
  libtorch: string | undefined;
  onProgress: (progress: ExportProgress) => void;
  signal: AbortSignal | undefined;
}

const KEYS: readonly (keyof ExportOptions)[] = [
  'dataset',
  'output',
  'name',
  'version',
  'license',
  'description',
  'sha256',
  'libtorch',
  'onProgress',
  'signal',
];

/** @throws HyperIQAError ERR_INVALID_ARGUMENT */
export function checkExportOptions(value: unknown, backbone: string): CheckedExportOptions {
  const fields = checkObject('options', value, KEYS);
  const text = (key: keyof ExportOptions) => (fields[key] === undefined ? undefined : checkString(key, fields[key]));
  const dataset = checkOneOf('dataset', fields.dataset, exportDatasets);
  return {
    dataset,
    output: resolve(checkString('output', fields.output)),
    name: text('name') ?? `hyperiqa-${backbone}-${dataset}`,
    version: text('version') ?? '1',
    license: text('license') ?? 'unknown',
    description: text('description'),
    sha256: fields.sha256 === undefined ? undefined : checkSha256('sha256', fields.sha256),
    libtorch: text('libtorch'),
    onProgress:
      fields.onProgress === undefined
        ? () => undefined
        : (checkFunction('onProgress', fields.onProgress) as CheckedExportOptions['onProgress']),
    signal: fields.signal === undefined ? undefined : checkSignal('signal', fields.signal),
  };
}

function checkSha256(name: string, value: unknown): string {
  if (typeof value === 'string' && /^[0-9a-f]{64}$/i.test(value)) return value.toLowerCase();
  throw invalid(name, '64 hexadecimal digits', value);
}
