/** What a command's module gives beside the name and description that src/cli/commands.ts has. */
import type { CommandModule } from 'yargs';

export type LoadedCommand<T = object> = Required<Pick<CommandModule<object, T>, 'builder' | 'handler'>>;
