/** The commands: names and descriptions for the help, and where each is loaded from when it is called. */
import type { CommandModule } from 'yargs';

import { addOnCommand, addOnCommands } from './add-ons.js';
import type { Exit, LoadedCommand } from './commands/command.js';

interface Command {
  name: string;
  /** Positional arguments after the name, in the notation of yargs. */
  positionals?: string;
  describe: string;
  /** A `LoadedCommand`; the types of its arguments are its own matter. */
  load: (exit: Exit) => Promise<object>;
}

const ofAddOn = (name: keyof typeof addOnCommands): Command => ({
  name,
  describe: addOnCommands[name].describe,
  load: (exit) => Promise.resolve(addOnCommand(name, exit)),
});

const commands: readonly Command[] = [
  {
    name: 'score',
    describe: 'Score images',
    load: async (exit) => (await import('./commands/score.js')).scoreCommand(exit),
  },
  ofAddOn('merge'),
  ofAddOn('eval'),
  ofAddOn('report'),
  ofAddOn('serve'),
  ofAddOn('enqueue'),
  ofAddOn('worker'),
  ofAddOn('status'),
  ofAddOn('queue'),
  {
    name: 'faces',
    describe: 'Find faces in images and cut them out',
    load: async (exit) => (await import('./commands/faces.js')).facesCommand(exit),
  },
  {
    name: 'map',
    describe: 'Show the quality of each region of images',
    load: async (exit) => (await import('./commands/map.js')).mapCommand(exit),
  },
  {
    name: 'info',
    describe: 'Show the model, LibTorch, devices and versions',
    load: async () => (await import('./commands/info.js')).infoCommand(),
  },
  {
    name: 'self-check',
    describe: "Recompute the model's own check values on this machine",
    load: async (exit) => (await import('./commands/self-check.js')).selfCheckCommand(exit),
  },
  {
    name: 'warm-up',
    describe: 'Measure and store what loads of a model need, such as in the build of an image',
    load: async () => (await import('./commands/warm-up.js')).warmUpCommand(),
  },
  {
    name: 'runtime',
    describe: 'Install and choose LibTorch builds, such as the one for CUDA',
    load: async (exit) => (await import('./commands/runtime.js')).runtimeCommand(exit),
  },
  {
    name: 'doctor',
    describe: 'Examine the installation and say what is missing',
    load: async (exit) => (await import('./commands/doctor.js')).doctorCommand(exit),
  },
  {
    name: 'export',
    positionals: '[checkpoint]',
    describe: 'Make a model file of a PyTorch checkpoint, without Python',
    load: async (exit) => (await import('./commands/export.js')).exportCommand(exit),
  },
  {
    name: 'models',
    describe: 'Give models names: list, add, show, remove',
    load: async (exit) => (await import('./commands/models.js')).modelsCommand(exit),
  },
];

export const commandNames: readonly string[] = commands.map(({ name }) => name);

/**
 * All commands for the parser. Only those whose names are among the words of the command line have options and do
 * something: none of the others can be the one that is called.
 */
export async function commandModules(words: readonly string[], exit: Exit): Promise<CommandModule[]> {
  return Promise.all(
    commands.map(async ({ name, positionals, describe, load }) => {
      const loaded = words.includes(name) ? await load(exit) : { builder: {}, handler: () => undefined };
      const command = positionals === undefined ? name : `${name} ${positionals}`;
      return { ...(loaded as LoadedCommand), command, describe };
    }),
  );
}
