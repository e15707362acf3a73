/** `hyperiqa worker`: scores the chunks of a queue. */
import type { InferredOptionTypes } from 'yargs';
import { count, HyperIQAError, type AddOnCommand, type AddOnKit, type FlagsKit } from 'hyperiqa/add-on';
import type { WorkerEvent, WorkerOptions } from '../settings/options.js';
import { Worker } from '../worker/worker.js';
import { queueOptions, storageOptions, text, toQueueOptions, toStorageOptions } from './options.js';
import { nextSignal } from './signals.js';

const workerOptions = ({ load, score }: FlagsKit) =>
  ({
    ...queueOptions,
    ...storageOptions,
    root: { ...text, group: 'Queue:', describe: 'Folder that relative names of images start from (default: here)' },
    chunks: { ...text, group: 'Queue:', describe: 'Chunks that are scored at a time (default 2)' },
    'take-over': {
      ...text,
      group: 'Queue:',
      describe: 'Seconds without a sign of life after which others take a chunk over (default 30)',
    },
    'max-take-overs': {
      ...text,
      group: 'Queue:',
      describe: 'Times that a chunk is taken over before it goes to the dead letters (default 5)',
    },
    'until-done': { type: 'boolean', group: 'Queue:', describe: 'End when nothing is left to do' },
    grace: {
      ...text,
      group: 'Queue:',
      default: '20',
      describe: 'Seconds to finish chunks after SIGTERM; what is not done by then goes back to the queue',
    },
    quiet: { ...score.quiet, describe: 'No line for each chunk on stderr' },
    ...load,
  }) as const;

type Arguments = InferredOptionTypes<ReturnType<typeof workerOptions>>;

export function workerCommand(kit: AddOnKit): AddOnCommand<Arguments> {
  const options = workerOptions(kit.flags);
  return {
    command: 'worker',
    describe: 'Score the images of a queue; one process a machine',
    options,
    builder: (yargs) =>
      yargs
        .usage(
          '$0 worker\n\nScores the chunks of a queue, and writes the results where enqueue said. One process a machine ' +
            'keeps its processors or its GPU full. Waits for a queue that is not there yet.',
        )
        .options(options)
        .strict()
        .example('$0 worker --redis redis://queue.internal:6379', 'Until it is stopped')
        .example('$0 worker --until-done', 'Until the queue is empty and no enqueue is under way')
        .epilogue(
          'Exit codes: 0 stopped by SIGINT or SIGTERM, or done; 1 stopped, and a chunk could not be given back (another ' +
            'worker takes it over); 2 wrong usage, or Redis, the model or the queue cannot be used.\n\nMore: docs/scale.md.',
        ),
    handler: async (args) => {
      kit.exit(await run(args, kit));
    },
  };
}

/** @returns the exit code */
async function run(args: Arguments, kit: AddOnKit): Promise<number> {
  const { tell } = kit.terminal;
  const starting = new AbortController();
  const signalled = nextSignal();
  void signalled.then(() => {
    starting.abort();
  });
  const grace = (kit.flags.real('grace', args.grace) ?? 20) * 1000;
  if (grace < 0) throw new HyperIQAError('ERR_INVALID_ARGUMENT', '--grace must be 0 or more seconds.');
  let worker;
  try {
    const onEvent = (event: WorkerEvent) => {
      if (!args.quiet || event.type !== 'chunk') tell(describe(event));
    };
    worker = await Worker.start({ ...toWorkerOptions(args, kit.flags), signal: starting.signal, onEvent });
  } catch (error) {
    if ((error as Error).name !== 'AbortError') throw error;
    return 0;
  }
  if (!args.quiet) tell(`working on the queue ${args.queue ?? 'scores'}, results in ${worker.settings.results}`);
  const by = await Promise.race([signalled, worker.ended]);
  if (by === undefined) return 0;
  tell('finishing');
  // A second signal ends the process at once: others take the chunks over.
  return (await worker.stop({ grace })) ? 0 : 1;
}

function describe(event: WorkerEvent): string {
  switch (event.type) {
    case 'waiting':
      return `nothing was enqueued yet in the queue ${event.queue}; waiting for it`;
    case 'chunk': {
      const failed = event.failed > 0 ? `, ${event.failed} failed` : '';
      const rate = ((event.images * 1000) / Math.max(1, event.milliseconds)).toFixed(1);
      return `chunk ${event.chunk}: ${count(event.images, 'image')}${failed}, ${rate} a second`;
    }
    case 'failed':
      return `chunk ${event.chunk} ${event.dead ? 'was given up' : 'will be tried again'}: ${event.message}`;
    case 'trouble':
      return event.message;
  }
}

function toWorkerOptions(args: Arguments, flags: FlagsKit): WorkerOptions {
  const { defined, integer, real, toLoadOptions } = flags;
  const takeOver = real('take-over', args['take-over'], true);
  return {
    ...toQueueOptions(args),
    ...toStorageOptions(args['s3-endpoint']),
    load: toLoadOptions(args),
    ...defined({
      model: args.model,
      root: args.root,
      chunks: integer('chunks', args.chunks),
      takeOverAfter: takeOver === undefined ? undefined : Math.round(takeOver * 1000),
      maxTakeOvers: args['max-take-overs'] === '0' ? 0 : integer('max-take-overs', args['max-take-overs']),
      untilDone: args['until-done'],
    }),
  };
}
