/** `hyperiqa models`: models by name. */
import type { Argv, CommandModule, InferredOptionTypes, Options } from 'yargs';
import type { Exit, LoadedCommand } from './command.js';
import { defaultModelPath, HyperIQAError } from '../../index.js';
import {
  addModel,
  listModels,
  removeModel,
  verifyModel,
  type ListedModel,
  type RegisteredModel,
} from '../../models/index.js';
import { megabytes } from '../../support/megabytes.js';
import { Interrupt } from '../terminal/interrupt.js';
import { defined, loadOptions, reportOptions, wantsJson } from '../flags.js';
import { StdoutSink } from '../output/sink.js';
import { printable, tell } from '../terminal/text.js';

const addOptions = {
  name: { type: 'string', requiresArg: true, describe: 'What it is to be called' },
  replace: { type: 'boolean', describe: 'Take the place of a model of this name' },
  'trust-model': loadOptions['trust-model'],
  libtorch: loadOptions.libtorch,
  ...reportOptions,
} as const satisfies Record<string, Options>;

export const modelsCommand = (exit: Exit): LoadedCommand => ({
  builder: (yargs) =>
    yargs
      .usage(
        '$0 models <list | add FILE --name NAME | show NAME | remove NAME>\n\n' +
          'Models that are known by name: --model NAME finds them in every command, HyperIQA.load(NAME) in every program ' +
          'of this user. They are copies in the cache folder, verified by SHA-256 whenever they are loaded.',
      )
      .command(listCommand)
      .command(addCommand(exit))
      .command(showCommand)
      .command(removeCommand)
      .command({
        command: '$0',
        describe: false,
        handler: ({ _ }) => {
          throw usage(
            `Say what to do with models: list, add, show or remove${_.length > 1 ? `, not ${_[1] ?? ''}` : ''}.`,
          );
        },
      })
      .strictOptions()
      .example('$0 models add koniq.pt --name koniq', 'A copy of the file under a name')
      .example('$0 score photos --model koniq', 'The name in use')
      .epilogue(
        'A text with / or \\ or the ending .pt is always a file; anything else is a name first. "default" is the model of ' +
          'the package.\n\nExit codes: 0 done; 2 wrong usage, or it could not be done. More: docs/models.md.',
      ),
  handler: () => undefined,
});

const listCommand: CommandModule<object, InferredOptionTypes<typeof reportOptions>> = {
  command: 'list',
  describe: 'All registered models',
  builder: (yargs) => yargs.usage('$0 models list\n\nAll registered models.').options(reportOptions).strictOptions(),
  handler: async (args) => {
    refuseFurther(args, 0, 'nothing else');
    const items = await listModels();
    await new StdoutSink().write(
      wantsJson(args)
        ? `${JSON.stringify(items.map(asJson), null, 2)}\n`
        : `${asTable(items)}default is the model of the package, ${printable(defaultModelPath())}\n`,
    );
  },
};

const addCommand = (
  exit: Exit,
): CommandModule<object, InferredOptionTypes<typeof addOptions> & { file?: string | undefined }> => ({
  command: 'add [file]',
  describe: 'Copy a model file into the registry, after its self-check',
  builder: (yargs) =>
    yargs
      .usage(
        '$0 models add <file> --name <name>\n\nCopies a model file into the registry, after it has passed its self-check.\n\n' +
          'A model file is a program. Unless you say --trust-model, its code may only compute what models of hyperiqa do, ' +
          'and it is loaded in a process of its own first. With --trust-model nothing of it is looked at, now and ' +
          'whenever it is loaded under its name: it can then do whatever you can. Only for files whose maker you know.',
      )
      .positional('file', { type: 'string', describe: 'A model file' })
      .options(addOptions)
      .demandOption('name')
      .strictOptions(),
  handler: async (args) => {
    const file = only(args, args.file, 'one model file');
    const interrupt = new Interrupt();
    try {
      const options = defined({
        replace: args.replace,
        trustModel: args['trust-model'],
        libtorch: args.libtorch,
        signal: interrupt.signal,
      });
      const model = await addModel(file, { name: args.name ?? '', ...options });
      await new StdoutSink().write(
        wantsJson(args)
          ? `${JSON.stringify(model, null, 2)}\n`
          : `${asText(model)}use it as       --model ${model.name}\n`,
      );
    } catch (error) {
      if (interrupt.exitCode === undefined) throw error;
      tell('interrupted; nothing was added');
      exit(interrupt.exitCode);
    }
  },
});

const showCommand: CommandModule<object, InferredOptionTypes<typeof reportOptions> & Named> = {
  command: 'show [name]',
  describe: 'What is known of a model; compares its file with its SHA-256',
  builder: (yargs) =>
    named(yargs)
      .usage('$0 models show <name>\n\nWhat is known of a model. Its file is compared with its SHA-256.')
      .options(reportOptions)
      .strictOptions(),
  handler: async (args) => {
    const name = only(args, args.name, 'one name');
    const model = await verifyModel(name);
    await new StdoutSink().write(wantsJson(args) ? `${JSON.stringify(model, null, 2)}\n` : asText(model));
  },
};

const removeCommand: CommandModule<object, Named> = {
  command: 'remove [name]',
  describe: 'Take a model out of the registry; the file it was made of stays',
  builder: (yargs) =>
    named(yargs).usage('$0 models remove <name>\n\nTakes a model out of the registry.').strictOptions(),
  handler: async (args) => {
    const name = only(args, args.name, 'one name');
    await removeModel(name);
    await new StdoutSink().write(`removed ${printable(name)}\n`);
  },
};

interface Named {
  name?: string | undefined;
}

const named = <T>(yargs: Argv<T>): Argv<T & Named> =>
  yargs.positional('name', { type: 'string', describe: 'Name of the model' });

/** The one text that follows `models <command>`. */
function only(args: { _: (string | number)[] }, value: string | undefined, what: string): string {
  if (value === undefined) throw usage(`"models ${String(args._[1])}" takes ${what}, and 0 were given.`);
  refuseFurther(args, 1, what);
  return value;
}

/** @param count - Texts that the command takes, which are no longer among the rest. */
function refuseFurther({ _ }: { _: (string | number)[] }, count: number, what: string): void {
  const further = _.length - 2;
  if (further > 0) throw usage(`"models ${String(_[1])}" takes ${what}, and ${count + further} were given.`);
}

const usage = (message: string) => new HyperIQAError('ERR_INVALID_ARGUMENT', message);

const asJson = ({ name, model, error }: ListedModel) =>
  model ?? { name, error: { code: error.code, message: error.message } };

function asTable(items: readonly ListedModel[]): string {
  if (items.length === 0) return 'no models are registered: hyperiqa models add FILE --name NAME\n';
  const width = Math.max('NAME'.length, ...items.map(({ name }) => name.length));
  const row = (name: string, size: string, rest: string) => `${name.padEnd(width)}  ${size.padStart(9)}  ${rest}\n`;
  return (
    row('NAME', 'SIZE', 'MODEL') +
    items
      .map(({ name, model, error }) =>
        model
          ? row(name, megabytes(model.size), printable(`${describe(model)}: ${model.metadata.score.meaning}`))
          : row(name, '', printable(`${error.message} (${error.code})`)),
      )
      .join('')
  );
}

const describe = ({ metadata }: RegisteredModel) => `${metadata.name} ${metadata.version}`;

function asText(model: RegisteredModel): string {
  const { metadata } = model;
  const rows: [string, string][] = [
    ['name', model.name],
    ['model', `${describe(model)}, license ${metadata.license}`],
    ['trained on', `${metadata.training.dataset}: ${metadata.training.description}`],
    ['score', metadata.score.meaning],
    ['protocol', metadata.protocol.name],
    ['file', `${model.path}, ${megabytes(model.size)}`],
    ['SHA-256', `${model.sha256} (verified)`],
    ['trusted', model.trusted ? 'yes: whatever it holds is run' : 'no: its code is checked whenever it is loaded'],
    ['added', `${model.added} from ${model.source}`],
  ];
  return rows.map(([label, value]) => `${label.padEnd(16)}${printable(value)}\n`).join('');
}
