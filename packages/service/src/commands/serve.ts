/** `hyperiqa serve`: scores over HTTP. */
import { readFileSync } from 'node:fs';
import type { FastifyServerOptions } from 'fastify';
import type { InferredOptionTypes } from 'yargs';
import { HyperIQAError, toHyperIQAError, type AddOnCommand, type AddOnKit, type FlagsKit } from 'hyperiqa/add-on';
import type { ModelToLoad, ServiceOptions } from '../settings/options.js';
import { createServer } from '../server/server.js';
import { untilShutDown } from '../server/shutdown.js';

const text = { type: 'string', requiresArg: true } as const;
const several = { ...text, array: true } as const;

const serveOptions = ({ load }: FlagsKit) =>
  ({
    host: { ...text, group: 'Server:', default: '127.0.0.1', describe: 'Address to listen on' },
    port: { ...text, group: 'Server:', default: '8080', describe: 'Port to listen on; 0 for a free one' },
    prefix: { ...text, group: 'Server:', describe: 'Path in front of all routes, such as /quality' },
    'token-file': {
      ...text,
      group: 'Server:',
      describe: 'Accept the bearer tokens of this file, one a line (default: those of HYPERIQA_TOKEN, if it is set)',
    },
    cors: { ...several, group: 'Server:', describe: 'Origins whose pages may call (default: none)' },
    'log-level': {
      ...text,
      group: 'Server:',
      choices: ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
      default: 'info',
      describe: 'What to log, as JSON lines on standard output',
    },
    grace: { ...text, group: 'Server:', default: '25', describe: 'Seconds to answer accepted requests after SIGTERM' },
    'without-page': { type: 'boolean', group: 'Server:', describe: 'No page for people at /' },
    'without-docs': { type: 'boolean', group: 'Server:', describe: 'No description of the API at /docs' },
    'max-body': { ...text, group: 'Limits:', describe: 'Bytes of a request (default 33554432)' },
    'max-images': { ...text, group: 'Limits:', describe: 'Images of a request (default 64)' },
    'max-pixels': { ...text, group: 'Limits:', describe: 'Pixels of an image (default 100000000)' },
    'max-crops': { ...text, group: 'Limits:', describe: 'Crops that a request may ask for (default 100)' },
    'max-active': { ...text, group: 'Limits:', describe: 'Requests worked on at a time (default 16)' },
    'max-waiting': { ...text, group: 'Limits:', describe: 'Requests that wait; further ones get 429 (default 256)' },
    timeout: { ...text, group: 'Limits:', describe: 'Seconds to the answer of a request (default 60)' },
    'body-timeout': { ...text, group: 'Limits:', describe: 'Seconds to receive a body (default 30)' },
    'url-host': { ...several, group: 'URLs:', describe: 'Fetch images of these hosts (default: no URLs)' },
    'url-network': {
      ...several,
      group: 'URLs:',
      describe: 'Networks beside the public internet that they may be in, such as 10.20.0.0/16',
    },
    ...load,
    model: {
      ...several,
      group: 'Model and machine:',
      describe: 'Models as NAME=FILE or NAME=REGISTERED, or one without NAME=; the first is the default',
    },
    'without-faces': { type: 'boolean', group: 'Model and machine:', describe: 'Load no face detector' },
    'face-model': { ...text, group: 'Model and machine:', describe: "Face detector's model file" },
  }) as const;

type Arguments = InferredOptionTypes<ReturnType<typeof serveOptions>>;

export function serveCommand(kit: AddOnKit): AddOnCommand<Arguments> {
  const options = serveOptions(kit.flags);
  return {
    command: 'serve',
    describe: 'Score images over HTTP, with a page for people',
    options,
    builder: (yargs) =>
      yargs
        .usage(
          '$0 serve\n\nAnswers POST /v1/score with the records of hyperiqa score. / is a page for people, /docs describes ' +
            'the API, /healthz, /readyz and /metrics are for operators.',
        )
        .options(options)
        .strict()
        .example('$0 serve', 'On http://127.0.0.1:8080/')
        .example('$0 serve --host 0.0.0.0 --token-file tokens.txt', 'For other machines, with tokens')
        .example('$0 serve --model lite0=lite0.pt koniq=koniq.pt', 'Two models; ?model=koniq chooses')
        .example('$0 serve --url-host images.example.org', 'Also {"url": "https://images.example.org/…"}')
        .epilogue(
          'Exit codes: 0 shut down by SIGINT or SIGTERM, every accepted request answered; 1 shut down with requests left; ' +
            '2 wrong usage, a port that cannot be opened, or a model that cannot be loaded.\n\nMore: docs/service.md.',
        ),
    handler: async (args) => {
      kit.exit(await serve(args, kit));
    },
  };
}

/** @returns the exit code */
async function serve(args: Arguments, kit: AddOnKit): Promise<number> {
  const port = portOf(args.port);
  const grace = seconds(kit.flags, 'grace', args.grace) ?? 25_000;
  const app = await createServer({ ...toServiceOptions(args, kit.flags), logger: loggerOf(args['log-level']) });
  try {
    await app.listen({ host: args.host, port });
  } catch (error) {
    await app.close();
    throw usage(`${args.host}:${port} cannot be listened on: ${(error as Error).message}.`, error);
  }
  const stopped = untilShutDown(app, grace);
  const failed = await Promise.race([
    app.hyperiqa.loaded.then(
      () => undefined,
      (error: unknown) => error,
    ),
    stopped.then(() => undefined),
  ]);
  if (failed !== undefined) {
    app.log.fatal({ err: failed }, 'a model cannot be loaded');
    await app.close();
    throw toHyperIQAError(failed);
  }
  if (app.hyperiqa.state === 'ready') app.log.info({ models: [...app.hyperiqa.models.keys()] }, 'ready');
  return stopped;
}

function toServiceOptions(args: Arguments, flags: FlagsKit): ServiceOptions {
  const { model, ...rest } = args;
  const loading = flags.toLoadOptions(rest);
  const { defined, integer } = flags;
  const { trustModel, libtorch } = loading;
  return defined({
    prefix: args.prefix,
    models: modelsOf(model, loading),
    faces: args['without-faces']
      ? (false as const)
      : defined({ model: args['face-model'], options: defined({ trustModel, libtorch }) }),
    limits: defined({
      bodyBytes: integer('max-body', args['max-body']),
      images: integer('max-images', args['max-images']),
      pixels: integer('max-pixels', args['max-pixels']),
      crops: integer('max-crops', args['max-crops']),
      active: integer('max-active', args['max-active']),
      waiting: args['max-waiting'] === '0' ? 0 : integer('max-waiting', args['max-waiting']),
      requestMs: seconds(flags, 'timeout', args.timeout),
      bodyMs: seconds(flags, 'body-timeout', args['body-timeout']),
    }),
    tokens: tokensOf(args['token-file']),
    cors: args.cors,
    urls: urlsOf(args),
    page: args['without-page'] !== true,
    docs: args['without-docs'] !== true,
  });
}

function urlsOf({ 'url-host': hosts, 'url-network': networks = [] }: Arguments): ServiceOptions['urls'] {
  if (hosts !== undefined) return { hosts, networks };
  if (networks.length > 0) throw usage('--url-network has a meaning only together with --url-host.');
  return undefined;
}

/** `NAME=FILE`, or one model without a name. */
function modelsOf(given: readonly string[] = [], options: ModelToLoad['options']): Record<string, ModelToLoad> {
  const models: Record<string, ModelToLoad> = {};
  const shared = options && { options };
  for (const one of given) {
    const [, name = 'default', model = one] = /^([\w.-]+)=(.+)$/s.exec(one) ?? [];
    if (name in models) {
      throw usage(
        name === 'default'
          ? 'Of several --model, each needs a name: NAME=FILE.'
          : `--model has the name ${name} more than once.`,
      );
    }
    models[name] = { model, ...shared };
  }
  return given.length === 0 ? { default: { ...shared } } : models;
}

function tokensOf(file: string | undefined): string[] {
  if (file === undefined) return lines(process.env.HYPERIQA_TOKEN ?? '');
  let content;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    throw usage(`--token-file ${file} cannot be read: ${(error as Error).message}.`, error);
  }
  const tokens = lines(content);
  // An empty file is more likely a mistake than the wish for an open server.
  if (tokens.length === 0) throw usage(`--token-file ${file} has no token.`);
  return tokens;
}

const lines = (content: string): string[] =>
  content
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

function portOf(value: string): number {
  const port = /^\d{1,5}$/.test(value) ? Number(value) : NaN;
  if (!(port <= 65_535)) throw usage(`--port must be a whole number from 0 to 65535, not "${value}".`);
  return port;
}

/** Seconds as milliseconds. */
function seconds({ real }: FlagsKit, name: string, value: string | undefined): number | undefined {
  const number = real(name, value, true);
  return number === undefined ? undefined : Math.ceil(number * 1000);
}

/** Tokens stand in a header that is not logged. */
const loggerOf = (level: string): FastifyServerOptions['logger'] => (level === 'silent' ? false : { level });

const usage = (message: string, cause?: unknown) => new HyperIQAError('ERR_INVALID_ARGUMENT', message, { cause });
