/** `hyperiqa queue`: pause, resume, drain, retry. */
import type { CommandModule, InferredOptionTypes } from 'yargs';
import { count, type AddOnCommand, type AddOnKit } from 'hyperiqa/add-on';
import { drain, pause, resume, retry } from '../operations/control.js';
import type { QueueOptions } from '../settings/options.js';
import { queueOptions, toQueueOptions, usage } from './options.js';

type Arguments = InferredOptionTypes<typeof queueOptions>;

interface Action {
  readonly describe: string;
  /** Gives the line that is shown. */
  readonly act: (options: QueueOptions) => Promise<string>;
}

const actions: Readonly<Record<string, Action>> = {
  pause: {
    describe: 'Let workers finish what they have, and take nothing more',
    act: async (options) => {
      await pause(options);
      return 'paused: workers finish the chunks that they have';
    },
  },
  resume: {
    describe: 'Let workers take chunks again',
    act: async (options) => {
      await resume(options);
      return 'resumed';
    },
  },
  drain: {
    describe: 'Take out what waits and what was given up; it can be enqueued again',
    act: async (options) => {
      const { chunks, images } = await drain(options);
      return `${count(chunks, 'chunk')} with ${count(images, 'image')} taken out`;
    },
  },
  retry: {
    describe: 'Put what was given up back into the queue',
    act: async (options) => {
      const { chunks, images } = await retry(options);
      return `${count(chunks, 'chunk')} with ${count(images, 'image')} put back`;
    },
  },
};

export function queueCommand(kit: AddOnKit): AddOnCommand<Arguments> {
  const names = Object.keys(actions).join(', ');
  return {
    command: 'queue',
    describe: 'Pause, resume or drain a queue, or retry what was given up',
    options: queueOptions,
    builder: (yargs) => {
      for (const [name, action] of Object.entries(actions)) yargs.command(module(name, action, kit));
      return yargs
        .usage(
          `$0 queue <pause | resume | drain | retry>\n\nWhat operators do with a queue that workers are busy with.`,
        )
        .command({
          command: '$0',
          describe: false,
          handler: ({ _ }) => {
            throw usage(`Say what to do with the queue: ${names}${_.length > 1 ? `, not ${_[1] ?? ''}` : ''}.`);
          },
        })
        .options(queueOptions)
        .strictOptions()
        .example('$0 queue pause', 'Before Redis is moved, for example')
        .example('$0 queue retry', 'When the reason of dead letters is mended')
        .epilogue('Exit codes: 0 done; 2 wrong usage, no such queue, or Redis cannot be used.\n\nMore: docs/scale.md.');
    },
    handler: () => undefined,
  };
}

const module = (name: string, { describe, act }: Action, kit: AddOnKit): CommandModule<object, Arguments> => ({
  command: name,
  describe,
  builder: (yargs) => yargs.usage(`$0 queue ${name}\n\n${describe}.`).options(queueOptions).strict(),
  handler: async (args) => {
    kit.terminal.tell(await act(toQueueOptions(args)));
    kit.exit(0);
  },
});
