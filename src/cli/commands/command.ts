/** What the module of a command gives, and what it is given. */
import type { CommandModule } from 'yargs';

/** Sets the exit code of the process. */
export type Exit = (code: number) => void;

/** What a command has beside the name and description of src/cli/commands.ts. */
export type LoadedCommand<T = object> = Required<Pick<CommandModule<object, T>, 'builder' | 'handler'>>;
