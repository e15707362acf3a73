/** `hyperiqa enqueue`: images into a queue. */
import type { InferredOptionTypes } from 'yargs';
import { count, type AddOnCommand, type AddOnKit, type FlagsKit } from 'hyperiqa/add-on';
import { enqueue, type EnqueueSummary } from '../enqueue/enqueue.js';
import { bucketImages, type NamedImage } from '../enqueue/images.js';
import type { EnqueueOptions } from '../settings/options.js';
import { objectName } from '../storage/names.js';
import { readManifest } from './manifest.js';
import { queueOptions, storageOptions, text, toQueueOptions, toStorageOptions, usage } from './options.js';
import { nextSignal } from './signals.js';

const enqueueOptions = ({ load, score }: FlagsKit) =>
  ({
    results: {
      ...text,
      alias: 'o',
      group: 'Output:',
      describe: 'Folder that all workers see under this path, or s3://BUCKET/PREFIX',
    },
    format: {
      ...text,
      group: 'Output:',
      choices: ['jsonl', 'parquet'],
      describe: 'Format of the results, one file a chunk (default: jsonl)',
    },
    provenance: score.provenance,
    quiet: score.quiet,
    json: { type: 'boolean', group: 'Output:', describe: 'Write what was done as JSON' },
    manifest: {
      ...text,
      group: 'Input:',
      describe: 'Images of a .csv or .jsonl with "file" (and "version"), or of a list with one a line',
    },
    recursive: score.recursive,
    identity: {
      ...text,
      group: 'Input:',
      choices: ['path', 'content'],
      describe: 'What tells images apart: their names (default), or their bytes, in buckets their ETags',
    },
    ...queueOptions,
    ...storageOptions,
    'chunk-size': { ...text, group: 'Queue:', describe: 'Images that a worker takes at a time (default 128)' },
    'max-waiting': { ...text, group: 'Queue:', describe: 'Chunks that may wait; beyond that, wait (default 1000)' },
    attempts: { ...text, group: 'Queue:', describe: 'Attempts of a chunk that fails as a whole (default 5)' },
    model: load.model,
    protocol: score.protocol,
    crops: score.crops,
    seed: score.seed,
    'max-standard-error': score['max-standard-error'],
    'max-crops': score['max-crops'],
    'max-pixels': score['max-pixels'],
    'max-bytes': score['max-bytes'],
  }) as const;

type Arguments = InferredOptionTypes<ReturnType<typeof enqueueOptions>> & { images?: string[] | undefined };

export function enqueueCommand(kit: AddOnKit): AddOnCommand<Arguments> {
  const options = enqueueOptions(kit.flags);
  return {
    command: 'enqueue',
    describe: 'Put images into a queue for workers',
    options,
    builder: (yargs) =>
      yargs
        .positional('images', {
          type: 'string',
          array: true,
          describe: 'Files, folders, patterns, s3://BUCKET/PREFIX, or - for a list on standard input',
        })
        .usage(
          '$0 enqueue <files, folders, patterns, s3://BUCKET/PREFIX, or -> --results <folder or s3://BUCKET/PREFIX>\n\n' +
            'Puts images into a queue, each image once: to repeat the command adds what is new. The first call gives the ' +
            'queue its model, its options of scoring and the place of its results.',
        )
        .options(options)
        .strictOptions()
        .example('$0 enqueue /data/photos --recursive -o /data/scores', 'The images of a folder')
        .example('$0 enqueue s3://photos/2026/ -o s3://scores/2026', 'From bucket to bucket')
        .example('$0 enqueue --manifest images.csv -o /data/scores --queue july', 'A queue of its own')
        .epilogue(
          'Exit codes: 0 enqueued; 1 some inputs could not be looked into; 2 wrong usage, Redis or the storage cannot be ' +
            'used, or the queue was begun otherwise; 130, 143 interrupted (repeat the command).\n\nMore: docs/scale.md.',
        ),
    handler: async (args) => {
      kit.exit(await run(args, kit));
    },
  };
}

/** @returns the exit code */
async function run(args: Arguments & { _: (string | number)[] }, kit: AddOnKit): Promise<number> {
  const paths = [...(args.images ?? []), ...args._.slice(1).map(String)];
  const options = toEnqueueOptions(args, kit.flags);
  if (paths.length === 0 && args.manifest === undefined) {
    throw usage('Name the images: files, folders, patterns, s3://BUCKET/PREFIX, - for a list, or --manifest.');
  }
  if (paths.filter((path) => path === '-').length > 1)
    throw usage('"-" reads standard input and can be given once only.');
  const stop = new AbortController();
  const signalled = nextSignal();
  let by: string | undefined;
  void signalled.then((name) => {
    by = name;
    stop.abort();
    process.stdin.destroy();
  });
  const inputs = new Inputs(paths, args, options, kit);
  try {
    let summary: EnqueueSummary;
    let [added, chunks] = [0, 0];
    do {
      summary = await enqueue(inputs.all(stop.signal), { ...options, signal: stop.signal });
      added += summary.added;
      chunks += summary.chunks;
      if (summary.restarted) kit.terminal.tell('Redis was started anew meanwhile.');
      // Another look at the same images finds those that Redis has forgotten.
    } while (summary.restarted && !paths.includes('-'));
    const { named, restarted } = summary;
    if (args.json) {
      const known = named - added;
      await kit.outputs
        .stdout()
        .write(`${JSON.stringify({ named, added, known, chunks, unread: inputs.unread, restarted })}\n`);
    }
    if (!args.quiet) {
      const before = named > added ? `; ${count(named - added, 'image')} enqueued before` : '';
      kit.terminal.tell(`${count(added, 'image')} in ${count(chunks, 'chunk')}${before}`);
    }
    if (restarted) kit.terminal.tell('repeat the command with the same list: Redis may have forgotten some of it');
    return inputs.unread > 0 || restarted ? 1 : 0;
  } catch (error) {
    if (by === undefined || (error as Error).name !== 'AbortError') throw error;
    kit.terminal.tell('interrupted; repeat the command to go on');
    return by === 'SIGINT' ? 130 : 143;
  }
}

/** The inputs of the command, as often as they are wanted. */
class Inputs {
  /** Places that could not be looked into. */
  unread = 0;

  constructor(
    private readonly paths: readonly string[],
    private readonly args: Arguments,
    private readonly options: EnqueueOptions,
    private readonly kit: AddOnKit,
  ) {}

  async *all(signal: AbortSignal): AsyncGenerator<string | NamedImage, void, undefined> {
    this.unread = 0;
    const { manifest, recursive = false } = this.args;
    if (manifest !== undefined) yield* readManifest(manifest);
    const { s3 } = this.options;
    for (const path of this.paths) {
      if (objectName(path) !== undefined) {
        yield* bucketImages(path, { signal, ...(s3 && { s3 }) });
        continue;
      }
      for await (const { file, error } of this.kit.inputs.expand([path], { recursive, list: process.stdin })) {
        if (error === undefined) {
          yield file;
          continue;
        }
        this.unread++;
        this.kit.terminal.tell(`${file}: ${error.message} (${error.code})`);
      }
    }
  }
}

function toEnqueueOptions(args: Arguments, flags: FlagsKit): EnqueueOptions {
  const { defined, integer, real, seed, crops, toInputLimits } = flags;
  if (args.results === undefined)
    throw usage('Say where the results go: --results FOLDER or --results s3://BUCKET/PREFIX.');
  const maxStandardError = real('max-standard-error', args['max-standard-error'], true);
  const maxCrops = integer('max-crops', args['max-crops']);
  if (maxCrops !== undefined && maxStandardError === undefined) throw usage('--max-crops needs --max-standard-error.');
  return {
    ...toQueueOptions(args),
    ...toStorageOptions(args['s3-endpoint']),
    results: args.results,
    seed: seed(args.seed),
    ...toInputLimits(args),
    ...defined({
      model: args.model,
      format: args.format,
      provenance: args.provenance,
      identity: args.identity,
      protocol: args.protocol,
      crops: crops(args.crops),
      maxStandardError,
      maxCrops,
      chunkSize: integer('chunk-size', args['chunk-size']),
      maxWaiting: integer('max-waiting', args['max-waiting']),
      attempts: integer('attempts', args.attempts),
    }),
  };
}
