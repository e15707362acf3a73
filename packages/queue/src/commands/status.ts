/** `hyperiqa status`: how far a queue is. */
import type { InferredOptionTypes } from 'yargs';
import { count, printable, type AddOnCommand, type AddOnKit } from 'hyperiqa/add-on';
import { status, type QueueStatus } from '../operations/status.js';
import { queueOptions, text, toQueueOptions } from './options.js';

const statusOptions = {
  ...queueOptions,
  'dead-letters': { ...text, group: 'Output:', default: '20', describe: 'Dead letters to list' },
  json: { type: 'boolean', group: 'Output:', describe: 'As JSON' },
} as const;

type Arguments = InferredOptionTypes<typeof statusOptions>;

export function statusCommand(kit: AddOnKit): AddOnCommand<Arguments> {
  return {
    command: 'status',
    describe: 'Show how far a queue is',
    options: statusOptions,
    builder: (yargs) =>
      yargs
        .usage(
          '$0 status\n\nProgress of a queue: images, rate, time left, failures by code, dead letters with reasons.',
        )
        .options(statusOptions)
        .strict()
        .example('$0 status', 'For people')
        .example('$0 status --json', 'For programs: complete, images, chunks, rate, secondsLeft, failures, deadLetters')
        .epilogue(
          'Exit codes: 0 shown; 2 wrong usage, no such queue, or Redis cannot be used.\n\nMore: docs/scale.md.',
        ),
    handler: async (args) => {
      const letters = args['dead-letters'] === '0' ? 0 : kit.flags.integer('dead-letters', args['dead-letters']);
      const found = await status({ ...toQueueOptions(args), ...kit.flags.defined({ deadLetters: letters }) });
      await kit.outputs.stdout().write(args.json ? `${JSON.stringify(found, null, 2)}\n` : asText(found));
      kit.exit(0);
    },
  };
}

function asText(found: QueueStatus): string {
  const { images, chunks, rate, secondsLeft, failures, settings } = found;
  const share = images.total === 0 ? '' : ` (${((100 * images.done) / images.total).toFixed(1)} %)`;
  const state = found.complete ? 'complete' : found.paused ? 'paused' : found.workers === 0 ? 'no workers' : 'running';
  const lines = [
    `queue      ${found.queue}: ${state}`,
    `results    ${printable(settings.results)}`,
    `images     ${images.done} of ${images.total}${share}; ${images.scored} scored, ${images.failed} failed`,
    `chunks     ${chunks.done} of ${chunks.total} done; ${chunks.waiting} waiting, ${chunks.active} active, ` +
      `${chunks.delayed} to be tried again, ${chunks.dead} given up`,
    `workers    ${found.workers}${found.enqueuing > 0 ? `; ${count(found.enqueuing, 'enqueue')} under way` : ''}`,
    `rate       ${rate === null ? 'unknown' : `${rate.toFixed(1)} images a second`}`,
    ...(secondsLeft === null || found.complete ? [] : [`time left  ${duration(secondsLeft)}`]),
    ...Object.entries(failures).map(([code, number]) => `failed     ${number} ${code}`),
    ...found.deadLetters.map(
      ({ chunk, images: names, reason }) =>
        `given up   ${chunk}, ${count(names.length, 'image')} from ${printable(names[0] ?? '')} on: ${printable(reason)}`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function duration(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (minutes < 2) return `${Math.round(seconds)} s`;
  if (minutes < 120) return `${minutes} min`;
  return `${(minutes / 60).toFixed(1)} h`;
}
