#!/usr/bin/env node
/** The command line: commands, help, and the one place where an error becomes a message and an exit code. */
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { HyperIQAError } from '../errors.js';
import { skipTeardown } from '../support/teardown.js';
import { packageVersion } from '../support/package.js';
import { suggestion } from '../support/suggest.js';
import { commandModules, commandNames } from './commands.js';
import { ClosedPipe } from './output/closed-pipe.js';
import { debug } from './terminal/debug.js';
import { inFlags } from './terminal/in-flags.js';
import { tell, tellLines } from './terminal/text.js';

/** Words of the command line that commands are looked for among. */
const names = [...commandNames, 'completion'];

const exit = (code: number): void => {
  process.exitCode = code;
};

/** Properties of yargs's parsing state that its public types lack. */
interface Known {
  getOptions(): { key: Record<string, unknown>; array: string[]; alias: Record<string, string[]> };
}

async function cli(args: string[]) {
  const parser = yargs(args);
  const known = () => (parser as unknown as Known).getOptions();
  return (
    parser
      .scriptName('hyperiqa')
      .locale('en')
      .usage('$0 <command>\n\nScores the quality of photographs without a reference (HyperIQA).')
      .command(await commandModules(args, exit))
      .completion('completion', 'Print a completion script for bash or zsh (docs/cli.md)')
      .example('$0 score photos', 'Score the images of a folder')
      .example('$0 score --help', 'All options, with examples')
      .command({
        command: '$0',
        describe: false,
        handler: ({ _ }) => {
          // yargs has printed its script by now, and comes here all the same.
          if (_[0] === 'completion') return;
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
      .check((values) => refuseRepeats(values, known().array))
      .fail((message, error) => {
        // yargs' own errors come with or without an Error object; both are about the command line.
        if (error instanceof HyperIQAError) throw error;
        if ((error as Error | undefined) && error.name !== 'YError') throw error;
        throw new HyperIQAError('ERR_INVALID_ARGUMENT', explain(message || error.message, Object.keys(known().key)));
      })
  );
}

/**
 * yargs' words for a wrong command line, with the option that was probably meant.
 *
 * @param options - Those of the command.
 */
function explain(message: string, options: readonly string[]): string {
  const choice = /^Invalid values:\s+Argument: (\S+), Given: (.*), Choices: (.*)$/.exec(message);
  if (choice) {
    const [, name, given, choices] = choice.map(String);
    return `${name === 'kind' ? 'The kind' : `--${name}`} must be one of ${choices}, not ${given}.`;
  }
  const unknown = /^Unknown arguments?: (.*)$/.exec(message)?.[1]?.split(', ') ?? [];
  const hints = unknown
    .flatMap((name) => suggestion(name, options) ?? [])
    .filter((name) => !unknown.includes(name))
    .map((name) => `--${name}`);
  const text = message.replace(/\s*\n\s*/g, ' ').replace(/\.?$/, '.');
  return hints.length > 0 ? `${text} Did you mean ${hints.join(', ')}?` : text;
}

function wrongCommand([name]: string[]): string {
  if (name === undefined) return `Name a command: ${names.join(', ')}.`;
  const hint = suggestion(name, names);
  return `There is no command ${name}: ${hint ? `did you mean ${hint}?` : `there are ${names.join(', ')}.`}`;
}

/**
 * An option given twice has two values, of which none is more right than the other.
 *
 * @param lists - Options and arguments that take several values.
 */
function refuseRepeats(args: Record<string, unknown>, lists: readonly string[]): true {
  for (const [name, value] of Object.entries(args)) {
    if (Array.isArray(value) && name !== '_' && !lists.includes(name)) {
      throw new HyperIQAError('ERR_INVALID_ARGUMENT', `--${name} is given more than once.`);
    }
  }
  return true;
}

/** Errors whose messages have lines of their own: places that were looked at, flags of a host. */
const MULTILINE = ['ERR_LIBTORCH_NOT_FOUND', 'ERR_ADDON_NOT_FOUND', 'ERR_PERMISSION'];

function report(error: unknown): void {
  debug(error);
  const { message, code } =
    error instanceof HyperIQAError
      ? error
      : { message: error instanceof Error ? error.message : String(error), code: 'ERR_INTERNAL' };
  const say = MULTILINE.includes(code) ? tellLines : tell;
  say(`${inFlags(message)} (${code})`);
  if (code !== 'ERR_INVALID_ARGUMENT') return;
  const [command = ''] = hideBin(process.argv);
  tell(
    names.includes(command) ? `hyperiqa ${command} --help lists what there is` : 'hyperiqa --help lists the commands',
  );
}

// A reader that has gone is told by the write that fails; stderr without a reader is no reason to stop.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

try {
  const parser = await cli(hideBin(process.argv));
  await parser.parseAsync();
} catch (error) {
  // A reader that has had enough of the output (`| head`) is no failure.
  if (error instanceof ClosedPipe) {
    exit(0);
  } else {
    // A shell that completes a word, such as an option of a package that is not installed, would show the message at the prompt.
    if (!process.argv.includes('--get-yargs-completions')) report(error);
    exit(2);
  }
}
skipTeardown();
