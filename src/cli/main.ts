#!/usr/bin/env node
/** The command line: commands, help, and the one place where an error becomes a message and an exit code. */
import { readFileSync } from 'node:fs';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { HyperIQAError } from '../index.js';
import { infoCommand } from './info.js';
import { loadOptions, reportOptions, scoreOptions } from './options.js';
import { scoreCommand } from './score.js';
import { selfCheckCommand } from './self-check.js';
import { suggestion } from './suggest.js';
import { tell } from './text.js';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

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
      .command(infoCommand)
      .command(selfCheckCommand(exit))
      .example('$0 score photos', 'Score the images of a folder')
      .example('$0 score --help', 'All options, with examples')
      .demandCommand(1, 'Name a command: score, info or self-check.')
      .strict()
      .recommendCommands()
      .help()
      .alias('help', 'h')
      .version(version)
      .alias('version', 'V')
      .wrap(Math.min(100, parser.terminalWidth()))
      // Names stay text (a photograph may be called 10009096245), and an option given twice counts once, the last time.
      .parserConfiguration({
        'parse-numbers': false,
        'parse-positional-numbers': false,
        'camel-case-expansion': false,
        'dot-notation': false,
        'boolean-negation': false,
        'duplicate-arguments-array': false,
        'greedy-arrays': false,
      })
      .exitProcess(false)
      .fail((message, error) => {
        throw (error as Error | undefined) ?? new HyperIQAError('ERR_INVALID_ARGUMENT', explain(message));
      })
  );
}

/** yargs' words for a wrong command line, with the option that was probably meant. */
function explain(message: string): string {
  if (message.startsWith('Not enough non-option arguments')) {
    return 'Name the images: files, folders, patterns, or - for a list on standard input.';
  }
  const unknown = /^Unknown arguments?: (.*)$/.exec(message)?.[1]?.split(', ') ?? [];
  const known = Object.keys({ ...scoreOptions, ...loadOptions, ...reportOptions });
  const hints = unknown.flatMap((name) => suggestion(name, known) ?? []).map((name) => `--${name}`);
  const text = message.replace(/\s*\n\s*/g, ' ').replace(/\.?$/, '.');
  return hints.length > 0 ? `${text} Did you mean ${hints.join(', ')}?` : text;
}

/** The stack and the causes are for developers: HYPERIQA_DEBUG=1 shows them. */
function report(error: unknown): void {
  if (process.env.HYPERIQA_DEBUG) console.error(error);
  const { message, code } =
    error instanceof HyperIQAError
      ? error
      : { message: error instanceof Error ? error.message : String(error), code: 'ERR_INTERNAL' };
  tell(`${message} (${code})`);
  if (code === 'ERR_INVALID_ARGUMENT') tell('see hyperiqa --help, hyperiqa score --help');
}

// A reader that has gone is told by the write that fails; stderr without a reader is no reason to stop.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

try {
  await cli(hideBin(process.argv)).parseAsync();
} catch (error) {
  report(error);
  exit(2);
}
