/** `hyperiqa doctor`: is everything there that scoring needs, and if not, what is to be done? */
import type { CommandModule, InferredOptionTypes } from 'yargs';
import { doctor, type DoctorCheck, type DoctorReport } from '../../index.js';
import { loadOptions, reportOptions } from '../flags.js';
import { StdoutSink } from '../output/sink.js';
import { printable } from '../terminal/text.js';

const options = {
  ...reportOptions,
  json: { type: 'boolean', group: 'Output:', describe: 'The same as --format json' },
  libtorch: loadOptions.libtorch,
} as const;

/** For suggestions. */
export const doctorOptions = { json: options.json };

export const doctorCommand = (
  exit: (code: number) => void,
): CommandModule<object, InferredOptionTypes<typeof options>> => ({
  command: 'doctor',
  describe: 'Examine the installation and say what is missing',
  builder: (yargs) =>
    yargs
      .usage(
        '$0 doctor\n\nLooks at Node.js, the system, LibTorch (every place where it is looked for), the addon, CUDA and ' +
          "NVIDIA's driver, sharp, the model with its self-check, and the installed runtimes. Libraries are tried in a " +
          'process of their own, so that a broken one is reported like anything else.',
      )
      .options(options)
      .strict()
      .example('$0 doctor', 'What works, and what to do about what does not')
      .example('$0 doctor --json', 'For programs and bug reports')
      .epilogue('Exit codes: 0 images can be scored; 1 there is a problem; 2 wrong usage. docs/runtime.md'),
  handler: async ({ format, json, libtorch }) => {
    const report = await doctor(libtorch === undefined ? {} : { libtorch });
    await new StdoutSink().write(json || format === 'json' ? `${JSON.stringify(report, null, 2)}\n` : describe(report));
    exit(report.ok ? 0 : 1);
  },
});

const marks: Record<DoctorCheck['status'], string> = {
  ok: 'ok',
  warning: 'WARNING',
  problem: 'PROBLEM',
  skipped: '-',
};

function describe({ ok, checks, libtorch }: DoctorReport): string {
  const lines = checks.flatMap(({ id, status, message, remedy }) => [
    `${marks[status].padEnd(9)}${id.padEnd(16)}${message
      .split('\n')
      .map(printable)
      .join(`\n${' '.repeat(25)}`)}`,
    ...(remedy === null ? [] : [`${' '.repeat(25)}→ ${printable(remedy)}`]),
    ...(id === 'libtorch' ? places(libtorch) : []),
  ]);
  return `${lines.join('\n')}\n${ok ? 'Images can be scored.' : 'There is a problem: images cannot be scored.'}\n`;
}

/** Where it was looked for, in order. */
function places({ chosen, candidates }: DoctorReport['libtorch']): string[] {
  return candidates.map(
    ({ source, path, note }) =>
      `${' '.repeat(25)}${source === chosen?.source ? '*' : ' '} ${source.padEnd(18)}` +
      printable(path === null ? note : `${path}: ${note}`),
  );
}
