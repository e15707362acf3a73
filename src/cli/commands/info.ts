/** `hyperiqa info`: what would score, on what. */
import type { InferredOptionTypes } from 'yargs';
import type { LoadedCommand } from './command.js';
import { HyperIQA, type Info } from '../../index.js';
import { probeRuntime, type RuntimeProbe } from '../../runtime/index.js';
import { loadOptions, reportOptions, toLoadOptions, wantsJson } from '../flags.js';
import { describeCrops } from '../records/records.js';
import { StdoutSink } from '../output/sink.js';
import { printable } from '../terminal/text.js';

const options = { ...reportOptions, ...loadOptions };

export const infoCommand = (): LoadedCommand<InferredOptionTypes<typeof options>> => ({
  builder: (yargs) =>
    yargs
      .usage('$0 info\n\nLoads the model and shows it with LibTorch, the devices and all versions.')
      .options(options)
      .strict()
      .example('$0 info', 'The model of the package on this machine')
      .example('$0 info --model FILE --format json', 'Another model, for programs')
      .epilogue('Exit codes: 0 shown; 2 wrong usage, or LibTorch or the model cannot be loaded.'),
  handler: async (args) => {
    const loading = toLoadOptions(args);
    // Probe in another process first: a broken LibTorch ends that process, and becomes an error with a message here.
    const probe = await probeRuntime(loading.libtorch === undefined ? {} : { libtorch: loading.libtorch });
    await using iqa = await HyperIQA.load(args.model, loading);
    const { info } = iqa;
    const { cuda, driver, addon } = probe;
    const json = {
      ...info,
      libtorch: { ...info.libtorch, candidates: probe.libtorch.candidates },
      cuda,
      driver,
      addon,
    };
    await new StdoutSink().write(wantsJson(args) ? `${JSON.stringify(json, null, 2)}\n` : describe(info, probe));
  },
});

/** Words for the origin of graph mode, workers and batches. */
export function describeTuning(tuning: Info['tuning']): string {
  switch (tuning) {
    case 'cached':
      return 'measured before, taken from the cache';
    case 'measured':
      return 'measured now and stored in the cache';
    case 'not-stored':
      return 'measured now, and the cache could not be written';
    case 'default':
      return 'nothing to measure';
  }
}

function describe(info: Info, { cuda, driver, addon, libtorch: { candidates } }: RuntimeProbe): string {
  const { model, libtorch, versions, selfCheck } = info;
  const { score, protocol } = model;
  const rows: [string, string][] = [
    ['model', `${model.name} ${model.version}`],
    ['file', model.path],
    ['SHA-256', model.sha256],
    ['weights SHA-256', model.weightsSha256],
    ['network', `${model.architecture}, ${model.backbone}, patches of ${model.patchSize} pixels`],
    ['trained on', `${model.training.dataset}: ${model.training.description}`],
    ['license', model.license],
    [
      'score',
      `${score.minimum} to ${score.maximum}${score.bounded ? '' : ' (nominal)'}, ` +
        `${score.higherIsBetter ? 'higher' : 'lower'} is better: ${score.meaning}`,
    ],
    ['protocol', `${protocol.name}, crops ${describeCrops(protocol.crops)}`],
    ['self-check', selfCheck ? describeCheck(selfCheck) : 'not done'],
    ['device', info.devices.map(({ id, name }) => `${id} (${name})`).join(', ')],
    ['CUDA', cuda.available ? cuda.devices.map(({ id, name }) => `${id} (${name})`).join(', ') : `no: ${cuda.reason}`],
    ['driver', driver ? `NVIDIA ${driver.version}, ${driver.gpus.map(({ name }) => name).join(', ')}` : 'none'],
    ['computation', `${info.dtype}, graph mode ${info.graphMode}, batches of ${info.batchSize} patches at most`],
    ['workers', `${info.workers}, ${info.threadsPerWorker} threads each`],
    ['tuning', describeTuning(info.tuning)],
    ['LibTorch', `${libtorch.version}, ${libtorch.path} (${libtorch.source})`],
    ...passedOver(candidates, libtorch.source),
    ['addon', addon],
    ['hyperiqa', versions.hyperiqa],
    ['sharp', `${versions.sharp}, libvips ${versions.libvips}`],
    ['Node.js', versions.node],
  ];
  return rows.map(([name, value]) => `${name.padEnd(16)}${printable(value)}\n`).join('');
}

/** The places that come before the one in use: why it is that one. */
function passedOver(candidates: RuntimeProbe['libtorch']['candidates'], source: string): [string, string][] {
  const before = candidates.slice(
    0,
    candidates.findIndex((candidate) => candidate.source === source),
  );
  return before.map((candidate) => ['  not from', `${candidate.source}: ${candidate.note}`]);
}

const describeCheck = ({ passed, largestDifference, tolerance }: NonNullable<Info['selfCheck']>) =>
  `${passed ? 'passed' : 'failed'}, largest difference ${largestDifference.toExponential(1)} of ${tolerance} accepted`;
