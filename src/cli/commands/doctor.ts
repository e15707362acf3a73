/** `hyperiqa doctor`: is everything there that scoring needs, and if not, what is to be done? */
import type { InferredOptionTypes } from 'yargs';
import type { LoadedCommand } from './command.js';
import { doctor, type DoctorCheck, type DoctorReport } from '../../runtime/index.js';
import { loadOptions, reportOptions, wantsJson } from '../flags.js';
import { StdoutSink } from '../output/sink.js';
import { printable } from '../terminal/text.js';

const options = {
  ...reportOptions,
  libtorch: loadOptions.libtorch,
} as const;

export const doctorCommand = (exit: (code: number) => void): LoadedCommand<InferredOptionTypes<typeof options>> => ({
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
  handler: async ({ libtorch, ...args }) => {
    const report = await doctor(libtorch === undefined ? {} : { libtorch });
    await new StdoutSink().write(wantsJson(args) ? `${JSON.stringify(report, null, 2)}\n` : describe(report));
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

/** Lists the places that were searched, in order. */
function places({ chosen, candidates }: DoctorReport['libtorch']): string[] {
  return candidates.map(
    ({ source, path, note }) =>
      `${' '.repeat(25)}${source === chosen?.source ? '*' : ' '} ${source.padEnd(18)}` +
      printable(path === null ? note : `${path}: ${note}`),
  );
}
