/** `hyperiqa runtime`: installs, chooses, checks and removes LibTorch builds. */
import type { Argv, CommandModule } from 'yargs';
import type { Exit, LoadedCommand } from './command.js';
import { HyperIQAError } from '../../index.js';
import {
  installRuntime,
  listRuntimes,
  removeRuntime,
  useRuntime,
  verifyRuntime,
  type InstalledRuntime,
  type RuntimeKind,
  type RuntimeList,
  type RuntimeVerification,
} from '../../runtime/index.js';
import { megabytes } from '../../support/megabytes.js';
import { Interrupt } from '../terminal/interrupt.js';
import { reportOptions, wantsJson } from '../flags.js';
import { StdoutSink } from '../output/sink.js';
import { suggestion } from '../../support/suggest.js';
import { printable, tell } from '../terminal/text.js';
import { Transfer } from '../terminal/transfer.js';

const actions = ['list', 'install', 'use', 'verify', 'remove'];
const kinds = ['cpu', 'cuda'] as const;

/** Options of `install` beyond those of reports. */
const runtimeOptions = {
  sha256: {
    type: 'string',
    requiresArg: true,
    group: 'Files:',
    describe: 'SHA-256 that the one wheel or archive must have',
  },
  force: { type: 'boolean', group: 'Files:', describe: 'Install anew what is installed already' },
  quiet: { type: 'boolean', alias: 'q', group: 'Output:', describe: 'No progress on stderr' },
} as const;

const quiet = { quiet: runtimeOptions.quiet } as const;

export const runtimeCommand = (exit: Exit): LoadedCommand => ({
  builder: (yargs) =>
    yargs
      .usage(
        '$0 runtime <list | install | use | verify | remove>\n\n' +
          'LibTorch builds in the cache folder. The one in use goes before the LibTorch that npm installed.',
      )
      .command(list)
      .command(install(exit))
      .command(use)
      .command(verify(exit))
      .command(remove)
      .example('$0 runtime install cuda', 'The build for NVIDIA GPUs, with its libraries')
      .example('$0 runtime list', 'What is installed, and what can be')
      .example('$0 doctor', 'Whether it works, and what is missing')
      .epilogue(
        'Exit codes: 0 done; 1 verify found damage; 2 wrong usage or failed; 130, 143 interrupted. docs/runtime.md',
      ),
  handler: ({ _ }) => {
    const [, name] = (_ as unknown[]).map(String);
    if (name === undefined) throw usage(`Say what to do: ${actions.join(', ')}.`);
    const hint = suggestion(name, actions);
    throw usage(`There is no runtime ${name}: ${hint ? `did you mean ${hint}?` : `there are ${actions.join(', ')}.`}`);
  },
});

const list: CommandModule<object, { format: string; json: boolean | undefined }> = {
  command: 'list',
  describe: 'Show what is installed, and what can be',
  builder: (yargs) =>
    yargs
      .usage('$0 runtime list\n\nThe installed LibTorch builds, and those that can be installed on this platform.')
      .options(reportOptions)
      .strict(),
  handler: async ({ format, json: asJson }) => {
    const runtimes = await listRuntimes();
    await write(wantsJson({ format, json: asJson }) ? json(runtimes) : describeList(runtimes));
  },
};

interface InstallArguments {
  kind: string;
  sha256: string | undefined;
  force: boolean | undefined;
  quiet: boolean | undefined;
  format: string;
  json: boolean | undefined;
  from: string[] | undefined;
}

const install = (exit: Exit): CommandModule<object, InstallArguments> => ({
  command: 'install <kind> [from..]',
  describe: 'Install a LibTorch build and use it',
  builder: (yargs) =>
    positional(yargs, kinds)
      .usage(
        '$0 runtime install <cpu | cuda> [wheels, archive, folder or addresses]\n\n' +
          'Puts LibTorch into the cache folder and uses it from then on. Without files: with pip, from the ' +
          'package index that it is set to. Every file is checked by SHA-256. An interrupted installation ' +
          'leaves nothing behind, and an installed build is not downloaded again.',
      )
      .options({ ...runtimeOptions, ...reportOptions })
      .positional('from', {
        type: 'string',
        array: true,
        describe: 'Wheels, an archive, a folder or addresses (default: with pip)',
      })
      .strict()
      .example('$0 runtime install cuda', 'With pip')
      .example('$0 runtime install cuda /mnt/wheels', 'From a folder of wheels, without a network')
      .example('$0 runtime install cpu libtorch.zip --sha256 HASH', 'From a LibTorch archive')
      .example('$0 runtime install cpu venv/lib/python3.11/site-packages', 'From a PyTorch that is there')
      .epilogue(
        'pip uses its own settings (PIP_INDEX_URL, proxy, certificates). CUDA has no build for macOS and Windows.' +
          '\n\nExit codes: 0 installed; 2 wrong usage or failed; 130, 143 interrupted. docs/runtime.md',
      ),
  handler: async ({ kind, sha256, force, quiet, format, json: asJson, from = [] }) => {
    const interrupt = new Interrupt();
    const transfer = new Transfer(process.stderr, quiet ?? false);
    try {
      const runtime = await installRuntime(kind as RuntimeKind, {
        ...(from.length > 0 && { from }),
        ...(sha256 !== undefined && { sha256 }),
        ...(force !== undefined && { force }),
        signal: interrupt.signal,
        onProgress: transfer.report,
      });
      transfer.stop();
      await write(wantsJson({ format, json: asJson }) ? json(runtime) : describeInstalled(runtime));
    } catch (error) {
      transfer.stop();
      if (interrupt.exitCode === undefined || !isAborted(error)) throw error;
      tell('interrupted; nothing was installed');
      exit(interrupt.exitCode);
    } finally {
      transfer.stop();
    }
  },
});

const use: CommandModule<object, { kind: string }> = {
  command: 'use <kind>',
  describe: 'Choose the build to use',
  builder: (yargs) =>
    positional(yargs, [...kinds, 'none'])
      .usage(
        '$0 runtime use <cpu | cuda | none>\n\n' +
          'Chooses among the installed builds; none: LibTorch is found as if no build were installed.',
      )
      .strict(),
  handler: async ({ kind }) => {
    await useRuntime(kind === 'none' ? null : (kind as RuntimeKind));
    await write(kind === 'none' ? 'no runtime is in use\n' : `${kind} is in use\n`);
  },
};

const verify = (
  exit: Exit,
): CommandModule<
  object,
  { kind: string | undefined; quiet: boolean | undefined; format: string; json: boolean | undefined }
> => ({
  command: 'verify [kind]',
  describe: 'Compare every file with what was installed',
  builder: (yargs) =>
    positional(yargs, kinds)
      .usage(
        '$0 runtime verify [cpu | cuda]\n\n' +
          'Reads every file of the build (default: all that are installed) and compares it by SHA-256.',
      )
      .options({ ...quiet, ...reportOptions })
      .strict()
      .epilogue('Exit codes: 0 intact; 1 damaged; 2 wrong usage, or not installed.'),
  handler: async ({ kind, quiet, format, json: asJson }) => {
    const interrupt = new Interrupt();
    const transfer = new Transfer(process.stderr, quiet ?? false);
    try {
      const wanted = kind === undefined ? (await listRuntimes()).installed.map((runtime) => runtime.kind) : [kind];
      const results: RuntimeVerification[] = [];
      for (const each of wanted) {
        results.push(
          await verifyRuntime(each as RuntimeKind, { signal: interrupt.signal, onProgress: transfer.report }),
        );
      }
      transfer.stop();
      await write(wantsJson({ format, json: asJson }) ? json(results) : describeVerified(results));
      exit(results.every(({ intact }) => intact) ? 0 : 1);
    } catch (error) {
      if (interrupt.exitCode === undefined || !isAborted(error)) throw error;
      exit(interrupt.exitCode);
    } finally {
      transfer.stop();
    }
  },
});

const remove: CommandModule<object, { kind: string }> = {
  command: 'remove <kind>',
  describe: 'Delete an installed build',
  builder: (yargs) =>
    positional(yargs, kinds)
      .usage('$0 runtime remove <cpu | cuda>\n\nDeletes the build. If it is in use, none is in use afterwards.')
      .strict(),
  handler: async ({ kind }) => {
    await removeRuntime(kind as RuntimeKind);
    await write(`${kind} is removed\n`);
  },
};

const positional = (yargs: Argv, choices: readonly string[]) =>
  yargs.positional('kind', { type: 'string', choices, describe: 'The build' }) as Argv<{ kind: string }>;

function describeList({ folder, installed, available, inUse }: RuntimeList): string {
  const rows = installed.map(
    ({ kind, version, bytes, path, problem }) =>
      `${kind === inUse ? '*' : ' '} ${kind.padEnd(6)}${version.padEnd(16)}${megabytes(bytes).padStart(9)}  ` +
      `${printable(path)}${problem === null ? '' : `  DAMAGED: ${printable(problem)}`}\n`,
  );
  const more = available
    .filter(({ kind }) => !installed.some((runtime) => runtime.kind === kind))
    .map(
      ({ kind, version, downloadBytes, wheels }) =>
        `  ${kind.padEnd(6)}${version.padEnd(16)}${megabytes(downloadBytes).padStart(9)}  ` +
        `to download (${wheels.length} ${wheels.length === 1 ? 'wheel' : 'wheels'}): hyperiqa runtime install ${kind}\n`,
    );
  const none = inUse === null ? ['No runtime is in use.\n'] : [];
  const place = folder === null ? 'There is no cache folder.\n' : `In ${printable(folder)} (* in use):\n`;
  return [place, ...rows, ...more, ...none].join('');
}

function describeInstalled({ kind, version, bytes, files, path, origins }: InstalledRuntime): string {
  const from = origins.map(({ name, verified }) => `  ${printable(name)}  ${vouchers[verified]}\n`);
  return `${kind}: LibTorch ${version}, ${files} files, ${megabytes(bytes)}, in use\n${printable(path)}\nfrom\n${from.join('')}`;
}

const vouchers = {
  release: 'SHA-256 as this version of hyperiqa knows it',
  caller: 'SHA-256 as given',
  none: 'not compared with a known SHA-256',
};

function describeVerified(results: RuntimeVerification[]): string {
  if (results.length === 0) return 'nothing is installed\n';
  return results
    .map(({ kind, intact, files, bytes, problems }) =>
      intact
        ? `${kind}: intact (${files} files, ${megabytes(bytes)})\n`
        : `${kind}: DAMAGED; "hyperiqa runtime install ${kind} --force" repairs it\n` +
          problems.map(({ file, problem }) => `  ${problem.padEnd(8)}${printable(file)}\n`).join(''),
    )
    .join('');
}

const write = (text: string) => new StdoutSink().write(text);
const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
const usage = (message: string) => new HyperIQAError('ERR_INVALID_ARGUMENT', message);
const isAborted = (error: unknown) => error instanceof HyperIQAError && error.code === 'ERR_ABORTED';
