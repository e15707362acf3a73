#!/usr/bin/env node
/** The command line: commands, help, and the one place where an error becomes a message and an exit code. */
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { HyperIQAError } from '../index.js';
import type { AddOnCommand } from '../add-on.js';
import { addOnCommand } from './add-ons.js';
import { doctorCommand, doctorOptions } from './commands/doctor.js';
import { packageVersion } from '../support/package.js';
import { suggestion } from '../support/suggest.js';
import { exportCommand, exportOptions } from './commands/export.js';
import { facesCommand } from './commands/faces.js';
import { infoCommand } from './commands/info.js';
import { mapCommand } from './commands/map.js';
import { mapOptions } from './commands/map-options.js';
import { modelsCommand, modelsOptions } from './commands/models.js';
import { faceOptions, facesOptions, loadOptions, reportOptions, scoreOptions } from './flags.js';
import { runtimeCommand, runtimeOptions } from './commands/runtime.js';
import { scoreCommand } from './commands/score.js';
import { selfCheckCommand } from './commands/self-check.js';
import { ClosedPipe } from './output/sink.js';
import { tell } from './terminal/text.js';

const commands = [
  'score',
  'eval',
  'report',
  'faces',
  'map',
  'info',
  'self-check',
  'runtime',
  'doctor',
  'export',
  'models',
];

const exit = (code: number): void => {
  process.exitCode = code;
};

function cli(args: string[]) {
  const parser = yargs(args);
  return (
    parser
      .scriptName('hyperiqa')
      .locale('en')
      .usage('$0 <command>\n\nScores the quality of photographs without a reference (HyperIQA).')
      .command(scoreCommand(exit))
      .command(addOnCommand('eval', exit, useAddOn))
      .command(addOnCommand('report', exit, useAddOn))
      .command(facesCommand(exit))
      .command(mapCommand(exit))
      .command(infoCommand)
      .command(selfCheckCommand(exit))
      .command(runtimeCommand(exit))
      .command(doctorCommand(exit))
      .command(exportCommand(exit))
      .command(modelsCommand(exit))
      .example('$0 score photos', 'Score the images of a folder')
      .example('$0 score --help', 'All options, with examples')
      .command({
        command: '$0',
        describe: false,
        handler: ({ _ }) => {
          throw new HyperIQAError('ERR_INVALID_ARGUMENT', wrongCommand(_.map(String)));
        },
      })
      .strictOptions()
      .help()
      .alias('help', 'h')
      .version(packageVersion)
      .alias('version', 'V')
      .wrap(Math.min(100, process.stdout.columns || 100))
      // Names stay text: a photograph may be called 10009096245.
      .parserConfiguration({
        'parse-numbers': false,
        'parse-positional-numbers': false,
        'camel-case-expansion': false,
        'dot-notation': false,
        'boolean-negation': false,
        'short-option-groups': false,
      })
      .exitProcess(false)
      .check(refuseRepeats)
      .fail((message, error) => {
        // yargs' own errors come with or without an Error object; both are about the command line.
        if (error instanceof HyperIQAError) throw error;
        if ((error as Error | undefined) && error.name !== 'YError') throw error;
        throw new HyperIQAError('ERR_INVALID_ARGUMENT', explain(message || error.message));
      })
  );
}

/** yargs' words for a wrong command line, with the option that was probably meant. */
function explain(message: string): string {
  const choice = /^Invalid values:\s+Argument: (\S+), Given: (.*), Choices: (.*)$/.exec(message);
  if (choice) {
    const [, name, given, choices] = choice.map(String);
    return `${name === 'kind' ? 'The kind' : `--${name}`} must be one of ${choices}, not ${given}.`;
  }
  const unknown = /^Unknown arguments?: (.*)$/.exec(message)?.[1]?.split(', ') ?? [];
  const options = Object.keys({
    ...scoreOptions,
    ...fromAddOn,
    ...faceOptions,
    ...facesOptions,
    ...mapOptions,
    ...loadOptions,
    ...reportOptions,
    ...runtimeOptions,
    ...doctorOptions,
    ...exportOptions,
    ...modelsOptions,
  });
  const hints = unknown
    .flatMap((name) => suggestion(name, options) ?? [])
    .filter((name) => !unknown.includes(name))
    .map((name) => `--${name}`);
  const text = message.replace(/\s*\n\s*/g, ' ').replace(/\.?$/, '.');
  return hints.length > 0 ? `${text} Did you mean ${hints.join(', ')}?` : text;
}

function wrongCommand([name]: string[]): string {
  if (name === undefined) return `Name a command: ${commands.join(', ')}.`;
  const hint = suggestion(name, commands);
  return `There is no command ${name}: ${hint ? `did you mean ${hint}?` : `there are ${commands.join(', ')}.`}`;
}

/** The options of the add-on's command that is used, if one is. */
let fromAddOn: AddOnCommand['options'] = {};

function useAddOn({ options }: AddOnCommand): void {
  fromAddOn = options;
}

/** An option given twice has two values, of which none is more right than the other. */
function refuseRepeats(args: Record<string, unknown>): true {
  for (const [name, value] of Object.entries(args)) {
    if (Array.isArray(value) && name !== '_' && fromAddOn[name]?.array !== true) {
      throw new HyperIQAError('ERR_INVALID_ARGUMENT', `--${name} is given more than once.`);
    }
  }
  return true;
}

/** The stack and the causes are for developers: HYPERIQA_DEBUG=1 shows them. */
function report(error: unknown): void {
  if (process.env.HYPERIQA_DEBUG) console.error(error);
  const { message, code } =
    error instanceof HyperIQAError
      ? error
      : { message: error instanceof Error ? error.message : String(error), code: 'ERR_INTERNAL' };
  tell(`${message} (${code})`);
  if (code !== 'ERR_INVALID_ARGUMENT') return;
  const [command = ''] = hideBin(process.argv);
  tell(
    commands.includes(command)
      ? `hyperiqa ${command} --help lists what there is`
      : 'hyperiqa --help lists the commands',
  );
}

// A reader that has gone is told by the write that fails; stderr without a reader is no reason to stop.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

try {
  await cli(hideBin(process.argv)).parseAsync();
} catch (error) {
  // Whoever read our output has had enough of it (`| head`): that is no failure.
  if (error instanceof ClosedPipe) {
    exit(0);
  } else {
    report(error);
    exit(2);
  }
}
