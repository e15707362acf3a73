/** Commands of other packages: which there are, where their package is, and how they come in. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Argv, CommandModule } from 'yargs';
import type { AddOn, AddOnCommand } from '../add-on.js';
import { HyperIQAError } from '../errors.js';
import { PACKAGE_ROOT, packageVersion } from '../support/package.js';

/** The commands of add-ons, with the package that each comes from. Listed in `--help` whether it is installed or not. */
export const addOnCommands = {
  eval: { addOn: '@hyperiqa/evaluation', describe: 'Evaluate predictions against human scores' },
  report: {
    addOn: '@hyperiqa/evaluation',
    describe: 'Make a page with pictures, figures and the best and worst images',
  },
  merge: {
    addOn: '@hyperiqa/results',
    describe: 'Join results of several machines, as JSON lines, CSV or Parquet',
  },
  enqueue: { addOn: '@hyperiqa/queue', describe: 'Put images into a queue for workers' },
  worker: { addOn: '@hyperiqa/queue', describe: 'Score the images of a queue; one process a machine' },
  status: { addOn: '@hyperiqa/queue', describe: 'Show how far a queue is' },
  queue: { addOn: '@hyperiqa/queue', describe: 'Pause, resume or drain a queue, or retry what was given up' },
  serve: { addOn: '@hyperiqa/service', describe: 'Score images over HTTP, with a page for people' },
} as const satisfies Record<string, { addOn: string; describe: string }>;

export type AddOnCommandName = keyof typeof addOnCommands;

/**
 * A command whose package is loaded when the command is used, also for its `--help`.
 */
export function addOnCommand(
  name: AddOnCommandName,
  exit: (code: number) => void,
): Required<Pick<CommandModule, 'builder' | 'handler'>> {
  const { addOn } = addOnCommands[name];
  let command: AddOnCommand | undefined;
  return {
    builder: async (yargs: Argv) => {
      command = await loadCommand(name, addOn, exit);
      return typeof command.builder === 'function' ? command.builder(yargs) : yargs.options(command.options);
    },
    handler: (args) => command?.handler(args),
  };
}

async function loadCommand(name: string, addOn: string, exit: (code: number) => void): Promise<AddOnCommand> {
  const entry = findAddOn(addOn, [PACKAGE_ROOT, ...projectFolders()]);
  let loaded: { addOn?: AddOn };
  try {
    loaded = (await import(pathToFileURL(entry).href)) as { addOn?: AddOn };
  } catch (error) {
    if (error instanceof HyperIQAError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new HyperIQAError('ERR_ADD_ON_LOAD', `${addOn} cannot be loaded: ${reason} ${again(addOn)}`, {
      cause: error,
    });
  }
  // Only for `hyperiqa eval` and the like, which is why it is not loaded with this file.
  const { addOnKit } = await import('./add-on-kit.js');
  const command = loaded.addOn?.commands(addOnKit(exit)).find((one) => one.command === name);
  if (command === undefined) {
    throw new HyperIQAError('ERR_ADD_ON_LOAD', `${addOn} has no command ${name}. ${again(addOn)}`);
  }
  return command;
}

/**
 * Path of the module with an add-on's commands.
 *
 * @param folders - Where packages are looked for, as Node.js does from a file in each of them; the first that has it counts.
 * @throws HyperIQAError ERR_ADD_ON_NOT_FOUND; ERR_ADD_ON_VERSION for one of another version than this package
 */
function findAddOn(addOn: string, folders: readonly string[]): string {
  for (const folder of folders) {
    const { resolve } = createRequire(join(folder, 'package.json'));
    const manifest = attempt(() => resolve(`${addOn}/package.json`));
    if (manifest === undefined) continue;
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
    if (version !== packageVersion) {
      throw new HyperIQAError(
        'ERR_ADD_ON_VERSION',
        `${addOn} in ${dirname(manifest)} has version ${version}, and hyperiqa ${packageVersion}: they work together only ` +
          `in the same version. ${again(addOn)}`,
      );
    }
    const entry = attempt(() => resolve(`${addOn}/commands`));
    if (entry !== undefined) return entry;
    throw new HyperIQAError('ERR_ADD_ON_LOAD', `${addOn} in ${dirname(manifest)} is incomplete. ${again(addOn)}`);
  }
  throw new HyperIQAError(
    'ERR_ADD_ON_NOT_FOUND',
    `This command is in the package ${addOn}, which is not installed. Install it: ${installation(addOn)}`,
  );
}

function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}

/**
 * The working folder, where the package manager hides a project's packages from each other: Plug'n'Play, and pnpm with its
 * store elsewhere. Not otherwise: a folder that somebody looks at must not decide what code runs.
 */
const projectFolders = (): string[] =>
  process.versions.pnp !== undefined || /[\\/](?:\.pnpm|pnpm)[\\/]/.test(PACKAGE_ROOT) ? [process.cwd()] : [];

const again = (addOn: string) => `Install it anew: ${installation(addOn)}`;

/** The command that installs an add-on beside this package. */
function installation(addOn: string, root = PACKAGE_ROOT): string {
  if (existsSync(join(root, 'packages'))) return 'npm ci (in the checkout)';
  const packages = dirname(root);
  // A project has a package.json beside node_modules; npm's global folder has none.
  const global = basename(packages) === 'node_modules' && !existsSync(join(dirname(packages), 'package.json'));
  return `npm install ${global ? '-g ' : ''}${addOn}@${packageVersion}`;
}
