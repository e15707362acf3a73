/** `hyperiqa map`: the command, and one run of it. */
import type { InferredOptionTypes } from 'yargs';
import type { LoadedCommand } from './command.js';
import { HyperIQA, HyperIQAError, type BatchItem, type ErrorCode } from '../../index.js';
import { qualityMap, type MapOptions, type MapPictureOptions, type QualityMap } from '../../maps/index.js';
import { isAborted, outcomes, startEntries, startProgress, type InputPlan } from '../input/entries.js';
import { checkArguments } from '../input/inputs.js';
import { inFlags } from '../terminal/in-flags.js';
import { Interrupt } from '../terminal/interrupt.js';
import { MapFiles } from '../output/map-files.js';
import { mapOptions, mapRange } from './map-options.js';
import {
  defined,
  images,
  imagesOf,
  integer,
  real,
  recordsFormat,
  toInputLimits,
  toLoadOptions,
  type ImageArguments,
} from '../flags.js';
import { OutputFolder } from '../output/output-folder.js';
import { jsonArray, type Writer } from '../records/formats.js';
import { StdoutSink } from '../output/sink.js';
import { count, printable, tell } from '../terminal/text.js';

type Arguments = InferredOptionTypes<typeof mapOptions> & ImageArguments;

export const mapCommand = (exit: (code: number) => void): LoadedCommand<Arguments> => ({
  builder: (yargs) =>
    images(yargs)
      .usage(
        '$0 map <files, folders, patterns, or - for a list on standard input> -o FOLDER\n\n' +
          'Scores overlapping patches all over each image, and writes FOLDER/NAME-map.png (colours over the photograph, ' +
          'with the scale) and FOLDER/NAME-map.json (the patches).',
      )
      .options(mapOptions)
      .example('$0 map photos -o maps', 'The images of a folder')
      .example('$0 map photo.jpg -o maps --stride 16', 'Finer, four times as many patches')
      .example('$0 map photo.jpg -o maps --range auto --colors cividis', 'Differences inside one image')
      .epilogue(
        'Exit codes: 0 all images were mapped; 1 some failed; 2 wrong usage, or the run could not be set up or its output ' +
          'not written; 130, 143 interrupted.\n\nWhat a map shows: docs/maps.md.',
      ),
  handler: async (args) => {
    exit(await run(imagesOf(args), args));
  },
});

/** Output record of an image. */
type MapRecord =
  | {
      file: string;
      score: number;
      lowest: number;
      highest: number;
      rows: number;
      columns: number;
      map?: string;
      json: string;
    }
  | { file: string; error: { code: ErrorCode; message: string } };

/** @throws HyperIQAError where the run cannot be set up or its output not written; ClosedPipe */
async function run(paths: string[], args: Arguments): Promise<number> {
  checkArguments(paths);
  if (args.output === undefined) {
    throw new HyperIQAError('ERR_INVALID_ARGUMENT', 'Name a folder for the maps: --output FOLDER.');
  }
  const plan: InputPlan = { paths, recursive: args.recursive ?? false, quiet: args.quiet ?? false };
  const limits = toInputLimits(args);
  const mapping: MapOptions = {
    ...defined({ protocol: args.protocol, stride: integer('stride', args.stride) }),
    ...limits,
  };
  const interrupt = new Interrupt();
  const { signal } = interrupt;
  const drawing: MapPictureOptions = {
    ...defined({
      colors: args.colors,
      range: mapRange(args.range),
      opacity: real('opacity', args.opacity),
      limitInputBytes: limits.limitInputBytes,
    }),
    signal,
  };
  const writer = writerFor(recordsFormat({ format: args.format, json: args.json }));
  const loading = toLoadOptions(args);
  const done = { mapped: 0, failed: 0 };
  let folder: OutputFolder | undefined;
  try {
    const entries = await startEntries(plan, signal);
    await using iqa = await HyperIQA.load(args.model, { ...loading, signal });
    folder = await OutputFolder.open(args.output, plan);
    const files = new MapFiles(folder);
    const sink = new StdoutSink();
    if (writer.head !== '') await sink.write(writer.head);
    const progress = startProgress(plan, signal);
    try {
      for await (const { file, result, error } of outcomes(entries, signal, (inputs) =>
        maps(iqa, inputs, { ...mapping, signal }),
      )) {
        if (signal.aborted) break;
        const record: MapRecord = result
          ? { file, ...summary(result), ...(await files.write(file, result, args['no-picture'] ? undefined : drawing)) }
          : { file, error: { code: error.code, message: inFlags(error.message) } };
        done[result ? 'mapped' : 'failed']++;
        progress?.advance();
        if (process.stdout.isTTY) progress?.clear();
        await sink.write(writer.row(record));
      }
    } finally {
      progress?.stop();
    }
    if (writer.tail !== '') await sink.write(writer.tail);
  } catch (error) {
    if (interrupt.exitCode === undefined || !isAborted(error)) throw error;
  } finally {
    interrupt.stop();
    await folder?.release();
  }
  if (interrupt.exitCode !== undefined) {
    tell(`interrupted after ${count(done.mapped + done.failed, 'image')}`);
    return interrupt.exitCode;
  }
  if (!plan.quiet && done.failed > 0) tell(`${count(done.mapped + done.failed, 'image')}: ${done.failed} failed`);
  return done.failed > 0 ? 1 : 0;
}

/** One after the other: the patches of a map keep the engine busy. */
async function* maps(
  iqa: HyperIQA,
  inputs: AsyncIterable<string>,
  options: MapOptions,
): AsyncGenerator<BatchItem<string, QualityMap>, void, undefined> {
  let index = 0;
  for await (const input of inputs) {
    try {
      const result = await qualityMap(iqa, input, options);
      yield { input, index: index++, result };
    } catch (error) {
      // Rethrow errors that every further image would cause, too.
      if (!(error instanceof HyperIQAError) || error.code === 'ERR_ABORTED' || error.code === 'ERR_INVALID_ARGUMENT') {
        throw error;
      }
      yield { input, index: index++, error };
    }
  }
}

function summary({ score, rows, columns, patches }: QualityMap) {
  const scores = patches.map((patch) => patch.score);
  const lowest = scores.reduce((least, value) => Math.min(least, value), Infinity);
  const highest = scores.reduce((most, value) => Math.max(most, value), -Infinity);
  return { score, lowest, highest, rows, columns };
}

function writerFor(format: 'table' | 'json' | 'jsonl'): Writer<MapRecord> {
  switch (format) {
    case 'table':
      return { head: tableLine('MEAN', 'LOWEST', 'HIGHEST', 'PATCHES', 'FILE'), row, tail: '' };
    case 'json':
      return jsonArray();
    case 'jsonl':
      return { head: '', row: (record) => `${JSON.stringify(record)}\n`, tail: '' };
  }
}

const tableLine = (mean: string, lowest: string, highest: string, patches: string, file: string) =>
  `${mean.padStart(8)} ${lowest.padStart(8)} ${highest.padStart(8)} ${patches.padStart(8)}  ${file}\n`;

function row(record: MapRecord): string {
  const file = printable(record.file);
  if ('error' in record) {
    return tableLine('failed', '-', '-', '-', `${file}: ${printable(record.error.message)} (${record.error.code})`);
  }
  const { score, lowest, highest, rows, columns, map, json } = record;
  const places = (value: number) => (Math.abs(highest) > 10 ? value.toFixed(2) : value.toFixed(4));
  return tableLine(
    places(score),
    places(lowest),
    places(highest),
    `${rows}x${columns}`,
    `${file} -> ${printable(map ?? json)}`,
  );
}
