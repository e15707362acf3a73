/** Types of a command's module and of its arguments. */
import type { CommandModule } from 'yargs';

/** Sets the exit code of the process. */
export type Exit = (code: number) => void;

/** Parts of a command beside the name and description in src/cli/commands.ts. */
export type LoadedCommand<T = object> = Required<Pick<CommandModule<object, T>, 'builder' | 'handler'>>;
