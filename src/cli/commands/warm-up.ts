/** `hyperiqa warm-up`: fills the cache folder, so that later loads measure nothing. */
import type { InferredOptionTypes } from 'yargs';
import type { LoadedCommand } from './command.js';
import { HyperIQA, HyperIQAError, type Info } from '../../index.js';
import { requireCacheFolder } from '../../support/cache-folder.js';
import { measuringOptions, reportOptions, toLoadOptions, wantsJson } from '../flags.js';
import { StdoutSink } from '../output/sink.js';
import { printable } from '../terminal/text.js';
import { describeTuning } from './info.js';

const options = { ...reportOptions, ...measuringOptions };

export const warmUpCommand = (): LoadedCommand<InferredOptionTypes<typeof options>> => ({
  builder: (yargs) =>
    yargs
      .usage(
        '$0 warm-up\n\nLoads a model once, measures how it is computed fastest here, and keeps that in the cache folder: ' +
          'for images of containers and other places where the folder cannot be written later. What was measured holds ' +
          'for this processor and these options.',
      )
      .options(options)
      .strict()
      .example('$0 warm-up', 'The model of the package')
      .example('HYPERIQA_CACHE=/opt/hyperiqa $0 warm-up --threads 2', 'Into a folder of an image, for two threads')
      .epilogue('Exit codes: 0 the cache has what the model needs; 2 wrong usage, not loaded, or not stored.'),
  handler: async (args) => {
    // Before some seconds are spent on what cannot be kept.
    const cache = requireCacheFolder('ERR_OUTPUT');
    await using iqa = await HyperIQA.load(args.model, toLoadOptions(args));
    const lost = iqa.info.warnings.find(({ code }) => code === 'WARN_NO_CACHE');
    if (lost) throw new HyperIQAError('ERR_OUTPUT', lost.message);
    const report = wantsJson(args) ? `${JSON.stringify(asJson(iqa.info, cache), null, 2)}\n` : asText(iqa.info, cache);
    await new StdoutSink().write(report);
  },
});

const asJson = (info: Info, cache: string) => {
  const { model, devices, dtype, graphMode, workers, threadsPerWorker, batchSize, tuning } = info;
  return {
    tuning,
    cache,
    model: { name: model.name, version: model.version, path: model.path, sha256: model.sha256 },
    device: devices.map(({ id }) => id),
    dtype,
    graphMode,
    workers,
    threadsPerWorker,
    batchSize,
  };
};

function asText(info: Info, cache: string): string {
  const { model, devices, dtype, graphMode, workers, threadsPerWorker, batchSize, tuning } = info;
  const rows = [
    ['model', `${model.name} ${model.version}, ${model.path}`],
    ['device', devices.map(({ id, name }) => `${id} (${name})`).join(', ')],
    ['computation', `${dtype}, graph mode ${graphMode}, batches of ${batchSize} patches at most`],
    ['workers', `${workers}, ${threadsPerWorker} threads each`],
    ['tuning', describeTuning(tuning)],
    ['cache', cache],
  ];
  return rows.map(([name = '', value = '']) => `${name.padEnd(12)}${printable(value)}\n`).join('');
}
