/** Options of `hyperiqa map`. */
import type { Options } from 'yargs';
import { HyperIQAError } from '../../index.js';
import { mapColors } from '../../maps/index.js';
import { loadOptions, real, scoreOptions } from '../flags.js';

const text = { type: 'string', requiresArg: true } as const satisfies Options;

export const mapOptions = {
  output: { ...text, alias: 'o', group: 'Output:', describe: 'Folder for the maps (required)' },
  format: { ...scoreOptions.format, choices: ['table', 'json', 'jsonl'] as const },
  json: scoreOptions.json,
  colors: { ...text, group: 'Output:', choices: mapColors, describe: 'Default viridis' },
  range: {
    ...text,
    group: 'Output:',
    describe: "LOW,HIGH at the ends of the colours, or auto (default: the model's scale)",
  },
  opacity: { ...text, group: 'Output:', describe: 'Of the colours over the photograph, 0 to 1 (default 0.65)' },
  'no-picture': { type: 'boolean', group: 'Output:', describe: 'Write no PNG files, only JSON' },
  quiet: scoreOptions.quiet,
  stride: { ...text, group: 'Scoring:', describe: 'Distance of patches in the resized image, 4 to 224 (default 32)' },
  protocol: scoreOptions.protocol,
  'max-pixels': scoreOptions['max-pixels'],
  'max-bytes': scoreOptions['max-bytes'],
  recursive: scoreOptions.recursive,
  ...loadOptions,
} as const satisfies Record<string, Options>;

/** `auto`, or `20,80`. @throws HyperIQAError ERR_INVALID_ARGUMENT */
export function mapRange(value: string | undefined): 'auto' | [number, number] | undefined {
  if (value === undefined || value === 'auto') return value;
  const ends = value.split(',');
  const [low, high] = ends.map((end) => real('range', end));
  if (ends.length === 2 && low !== undefined && high !== undefined && low < high) return [low, high];
  throw new HyperIQAError('ERR_INVALID_ARGUMENT', `--range must be auto, or two numbers as 20,80, not "${value}".`);
}
