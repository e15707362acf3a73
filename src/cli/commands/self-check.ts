/** `hyperiqa self-check`: does the model compute here what it computed where it was made? */
import type { InferredOptionTypes } from 'yargs';
import type { LoadedCommand } from './command.js';
import { HyperIQA, type Info, type SelfCheckResult } from '../../index.js';
import { loadOptions, reportOptions, toLoadOptions, wantsJson } from '../flags.js';
import { StdoutSink } from '../output/sink.js';
import { printable } from '../terminal/text.js';

const options = { ...reportOptions, ...loadOptions };

export const selfCheckCommand = (exit: (code: number) => void): LoadedCommand<InferredOptionTypes<typeof options>> => ({
  builder: (yargs) =>
    yargs
      .usage(
        '$0 self-check\n\nA model file carries the scores of four generated patches. They are computed again here, ' +
          'on this device and in this number format, and compared.',
      )
      .options(options)
      .strict()
      .example('$0 self-check', 'The model of the package')
      .example('$0 self-check --model FILE --device cuda --dtype bf16', 'Another model, on a GPU, in bf16')
      .epilogue('Exit codes: 0 passed; 1 failed; 2 wrong usage, or LibTorch or the model cannot be loaded.'),
  handler: async (args) => {
    // Without the check at load, which would refuse the model instead of showing the differences.
    await using iqa = await HyperIQA.load(args.model, { ...toLoadOptions(args), selfCheck: false });
    const result = await iqa.selfCheck();
    await new StdoutSink().write(
      wantsJson(args) ? `${JSON.stringify(asJson(iqa.info, result), null, 2)}\n` : asText(iqa.info, result),
    );
    exit(result.passed ? 0 : 1);
  },
});

const asJson = ({ model, devices, dtype, graphMode, versions }: Info, result: SelfCheckResult) => ({
  passed: result.passed,
  largestDifference: result.largestDifference,
  tolerance: result.tolerance,
  expected: result.expected,
  actual: result.actual,
  model: { name: model.name, version: model.version, path: model.path, sha256: model.sha256 },
  device: devices.map(({ id }) => id),
  dtype,
  graphMode,
  versions,
});

function asText({ model, devices, dtype, graphMode }: Info, result: SelfCheckResult): string {
  const cells = (...texts: string[]) => `${texts.map((text) => text.padStart(14)).join('')}\n`;
  const { expected, actual, largestDifference, tolerance, passed } = result;
  return (
    printable(`${model.name} ${model.version} on ${devices.map(({ id }) => id).join(', ')}, ${dtype}, ${graphMode}`) +
    '\n' +
    cells('PATCH', 'EXPECTED', 'HERE', 'DIFFERENCE') +
    expected
      .map((value, i) => {
        const here = actual[i] ?? NaN;
        return cells(String(i), value.toFixed(6), here.toFixed(6), Math.abs(here - value).toExponential(2));
      })
      .join('') +
    `${passed ? 'passed' : 'FAILED'}: largest difference ${largestDifference.toExponential(2)}, ` +
    `${tolerance} accepted\n`
  );
}
