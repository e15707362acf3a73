/**
 * `hyperiqa/add-on`: what packages beside hyperiqa are made with. A package that adds commands exports `addOn` from its
 * subpath `commands`; the command line loads it and hands over an `AddOnKit`.
 *
 * @module hyperiqa/add-on
 */
import type { Argv, CommandModule, Options } from 'yargs';
import type { FormatArguments, loadOptions, LimitArguments, LoadArguments, scoreOptions } from './cli/flags.js';
import type { ErrorCode } from './errors.js';
import type { Crops, InputLimits, LoadOptions } from './types.js';

export { readList } from './cli/input/list.js';
export { describeShard, shardOf, type Shard } from './cli/input/shard.js';
export { columns as resultColumns, type Cell, type CellSchema, type Column } from './cli/records/columns.js';
export { csvLine } from './cli/records/formats.js';
export {
  describeRun,
  differences,
  failed as failedRecord,
  scored as scoredRecord,
  sourceOf,
  splitRun,
} from './cli/records/records.js';
export { readShardMark, type ShardMark } from './cli/records/shard-mark.js';
export { inert } from './cli/records/spreadsheet.js';
export { count, printable } from './cli/terminal/text.js';
export { HyperIQAError, toHyperIQAError, type ErrorCode } from './errors.js';
export { AtomicFile, writeWhole } from './files/atomic-file.js';
export { makeFolder } from './files/make-folder.js';
export { writing } from './files/output-error.js';
export { imageExtensions, SNIFF_BYTES, sniffFormat, type ImageFormat } from './image/formats.js';
export { loadSharp } from './image/sharp.js';
export { modelSha256 } from './model-file/identity.js';
export { abortedError } from './support/abort.js';
export { packageVersion } from './support/package.js';
export {
  checkBoolean,
  checkFunction,
  checkInteger,
  checkNumber,
  checkObject,
  checkOneOf,
  checkPath,
  checkSignal,
  checkString,
  invalid,
} from './support/validate.js';
export type { FailedRecord, RunOptions, ScoredRecord, ScoreRecord } from './cli/records/records.js';
export type { FormatArguments, LimitArguments, LoadArguments } from './cli/flags.js';

/** Export of an add-on under the name `addOn`. */
export interface AddOn {
  /** The commands that it adds, all of those that hyperiqa lists for its package. */
  commands(kit: AddOnKit): readonly AddOnCommand[];
}

/** A command for yargs, with the options it declares: for hints at misspelt ones, and for refusing repeated ones. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- commands with arguments of their own are kept in one list
export interface AddOnCommand<Arguments = any> extends CommandModule<object, Arguments> {
  readonly command: string;
  readonly options: Readonly<Record<string, Options>>;
}

/** The parts of the command line that every command shares, so that all look and behave alike. */
export interface AddOnKit {
  /** Sets the exit code of the process. */
  readonly exit: (code: number) => void;
  readonly terminal: TerminalKit;
  readonly flags: FlagsKit;
  readonly inputs: InputsKit;
  readonly outputs: OutputsKit;
}

/** Text for people. */
export interface TerminalKit {
  /** Writes one line to stderr, beginning with `hyperiqa: `, with control characters as escapes. */
  readonly tell: (message: string) => void;
  /** Starts a progress line over so many images; undefined where stderr is no terminal. */
  readonly progress: (total: number) => ProgressLine | undefined;
}

/** One progress line on a terminal. */
export interface ProgressLine {
  /** Counts one image as done. */
  advance(): void;
  /** Takes the line away. */
  stop(): void;
}

/** Options that commands share, and values from their text. Each refusal is an ERR_INVALID_ARGUMENT that names the option. */
export interface FlagsKit {
  /** Declarations of the options about the model and the machine. */
  readonly load: typeof loadOptions;
  /** Declarations of the options of `hyperiqa score`. */
  readonly score: typeof scoreOptions;
  /** Declares positional arguments for the help; `positionalsOf` has their values. */
  readonly positionals: <T, N extends string>(
    yargs: Argv<T>,
    name: N,
    describe: string,
  ) => Argv<T & Partial<Record<N, string[] | undefined>>>;
  /** The words after the command's name. */
  readonly positionalsOf: <N extends string>(
    args: Partial<Record<N, string[] | undefined>> & { _: (string | number)[] },
    name: N,
  ) => string[];
  /** The format that `--format` or `--json` asks for, if one does. */
  readonly formatOf: <T extends string>(args: FormatArguments<T>) => T | 'json' | undefined;
  /** The object without the members that are undefined. */
  readonly defined: <T extends object>(object: T) => { [K in keyof T]: Exclude<T[K], undefined> };
  /** A whole number from 1. */
  readonly integer: (name: string, value: string | undefined) => number | undefined;
  /** Any finite number, or with `positive` one above 0. */
  readonly real: (name: string, value: string | undefined, positive?: boolean) => number | undefined;
  /** An unsigned 64-bit integer. */
  readonly seed: (value: string) => bigint;
  /** `10`, `grid`, `grid:3x4`, `center`, `pyiqa`. */
  readonly crops: (value: string | undefined) => Crops | undefined;
  /** The options about the model and the machine as `HyperIQA.load` takes them. */
  readonly toLoadOptions: (args: LoadArguments) => LoadOptions;
  /** `--max-pixels` and `--max-bytes` as the API takes them. */
  readonly toInputLimits: (args: LimitArguments) => InputLimits;
}

/** Reads and expands the inputs of a command. */
export interface InputsKit {
  /** The files that arguments name: files as they are, folders as their images, patterns as their matches. */
  readonly expand: (
    paths: readonly string[],
    options: {
      recursive: boolean;
      /** Meaning of `-`: a list of paths, as it comes. */
      list?: AsyncIterable<Uint8Array>;
    },
  ) => AsyncIterable<{ file: string; error?: { code: ErrorCode; message: string } }>;
}

/** Outputs that destroy nothing: no input is written over, and files are written whole or not at all. */
export interface OutputsKit {
  /** @throws HyperIQAError ERR_INVALID_ARGUMENT for an output file with the name of an image */
  readonly check: (output: string | undefined) => void;
  /** Guards outputs against being inputs; `-` is standard output. */
  readonly guard: (outputs: readonly string[]) => Promise<OutputGuard>;
  /**
   * Runs a command that writes all its output at the end. Its output file, if it names one, is tried before the work.
   *
   * @param work - Gives the exit code. Closing the sink writes the file.
   * @returns that, or the exit code of an interruption
   * @throws HyperIQAError ERR_OUTPUT; and what `work` throws, unless it was interrupted
   */
  readonly inOnePiece: <O extends string | undefined>(
    output: O,
    work: (interruption: Interruption, file: O extends string ? OutputSink : OutputSink | undefined) => Promise<number>,
  ) => Promise<number>;
  /** A sink on standard output. */
  readonly stdout: () => OutputSink;
  /**
   * Opens a folder of which the command chooses the names; one run at a time has it, until it is released.
   *
   * @param inputs - Images, folders and patterns that the command reads and must not replace.
   * @throws HyperIQAError ERR_OUTPUT; ERR_OUTPUT_BUSY
   */
  readonly folder: (path: string, inputs: { paths: readonly string[]; recursive: boolean }) => Promise<OutputFiles>;
}

/** Guards outputs: none replaces an input or a file that hyperiqa did not write. */
export interface OutputGuard {
  /** @throws HyperIQAError ERR_OUTPUT where one of the inputs is an output, under whatever name */
  refuse(inputs: readonly string[]): Promise<void>;
}

/** SIGINT and SIGTERM as a signal. */
export interface Interruption {
  readonly signal: AbortSignal;
}

/** An open output for records. */
export interface OutputSink {
  /** Resolves when the text has left the process. */
  write(text: string): Promise<void>;
  /** Writes what is left and closes the output. */
  close(): Promise<void>;
}

/** Writer of files whose names the command chooses. */
export interface OutputFiles {
  /**
   * Writes a file whole or not at all, over one of an earlier run only.
   *
   * @param name - Its extension says what it is: `.png`, `.json` or `.svg`.
   * @returns its path
   * @throws HyperIQAError ERR_OUTPUT
   */
  write(name: string, content: Buffer): Promise<string>;
  /** Lets other runs have the folder. */
  release(): Promise<void>;
}
