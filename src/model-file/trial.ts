/** Loads a model that is not known in a process of its own first, so that whatever it does there is that process's end. */
import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { abortedError, onAbort } from '../support/abort.js';
import { HyperIQAError, type ErrorCode } from '../errors.js';
import { megabytes } from '../support/megabytes.js';
import { shorten } from '../support/shorten.js';

/** The model to load and how; handed to `trial-child.ts` as JSON. */
export interface Trial {
  /** Absolute. */
  path: string;
  kind: 'quality' | 'faces';
  /** Folder of the LibTorch that is open in this process. */
  libtorch: string;
}

/** Limits of time and memory for a trial. */
export interface TrialLimits {
  milliseconds: number;
  /** Memory beyond what the libraries need, bytes. */
  memory: number;
}

/** Messages to and from `trial-child.ts`: the order, the report that it runs, and how it ended. */
export type TrialOrder = Trial & { memory: number };
export type TrialMessage =
  { state: 'started' } | { state: 'passed' } | { state: 'failed'; code: ErrorCode; message: string };

/** Opening LibTorch from a slow disk and computing ResNet-50 on a slow processor take their time. */
const PATIENCE_MS = 120_000;
/** Time limit for the process to start. A program that only bears Node's name would never answer. */
const START_MS = 60_000;
const MEMORY = 2 * 2 ** 30;
/** The weights, as they are read, converted and folded. */
const MEMORY_PER_BYTE = 8;
const LONGEST_WORDS = 2000;

/**
 * Variables that the process needs to find LibTorch and the cache; the rest, which may hold secrets, is not passed on.
 */
const ENVIRONMENT = [
  'PATH',
  'HOME',
  'USERPROFILE',
  'TMPDIR',
  'TEMP',
  'TMP',
  'SystemRoot',
  'windir',
  'LANG',
  'LC_ALL',
  'LD_LIBRARY_PATH',
  'LD_PRELOAD',
  'DYLD_LIBRARY_PATH',
  'LOCALAPPDATA',
  'XDG_CACHE_HOME',
  'HYPERIQA_CACHE',
  'HYPERIQA_LIBTORCH',
  'HYPERIQA_LIBTORCH_VERSION',
  'HYPERIQA_BUILD',
  'LIBTORCH',
];

/**
 * Loads a model in a process of its own, on the CPU, and computes its check patches there.
 *
 * @throws HyperIQAError ERR_MODEL_FORMAT where that ends the process or takes too long; ERR_MODEL_UNTRUSTED where no process
 *   can be started; ERR_ABORTED; whatever loading it threw there
 */
export async function tryModel(trial: Trial, signal?: AbortSignal, limits?: TrialLimits): Promise<void> {
  if (signal?.aborted) throw abortedError(signal);
  const { milliseconds, memory } = limits ?? (await defaultLimits(trial.path));
  const child = await start({ ...trial, memory });
  let outcome: TrialMessage | undefined;
  let words = '';
  let end: 'unanswered' | 'late' | undefined;
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-LONGEST_WORDS);
  });
  const stop = () => child.kill('SIGKILL');
  child.on('message', (message: TrialMessage) => {
    clearTimeout(starting);
    if (message.state === 'started') return;
    outcome = message;
    // The result has arrived; how the process ends no longer matters.
    stop();
  });
  const endAfter = (time: number, reason: typeof end) =>
    setTimeout(() => {
      end = reason;
      stop();
    }, time);
  const starting = endAfter(START_MS, 'unanswered');
  const timer = endAfter(milliseconds, 'late');
  const stopListening = onAbort(signal, stop);
  try {
    const [status, by] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signalled) => {
        resolve([code, signalled]);
      });
    });
    if (signal?.aborted) throw abortedError(signal);
    if (outcome === undefined && end === 'unanswered') throw notStarted(trial, 'it does not answer');
    if (outcome === undefined)
      throw ended(trial, end ? undefined : (by ?? `exit code ${String(status)}`), milliseconds, words);
  } catch (error) {
    if (error instanceof HyperIQAError) throw error;
    throw notStarted(trial, (error as Error).message, error);
  } finally {
    clearTimeout(starting);
    clearTimeout(timer);
    stopListening();
    stop();
  }
  if (outcome.state === 'failed') throw new HyperIQAError(outcome.code, outcome.message);
}

async function defaultLimits(path: string): Promise<TrialLimits> {
  const { size } = await stat(path);
  return { milliseconds: PATIENCE_MS, memory: MEMORY + MEMORY_PER_BYTE * size };
}

async function start(order: TrialOrder): Promise<ChildProcess> {
  // The built one, also where this file is run as source.
  // webpack would make a script of its own of it, in which no `await` is understood, and end without a word about bundles.
  const file = fileURLToPath(
    new URL(/* webpackIgnore: true */ '../../dist/model-file/trial-child.js', import.meta.url),
  );
  // A single executable application would start itself again instead of Node.js.
  if (await isSingleExecutable()) throw notStarted(order, 'the program is a single executable application');
  if (!existsSync(file)) throw notStarted(order, `${file} is not there, perhaps because the program was bundled`);
  try {
    return fork(file, [JSON.stringify(order)], {
      // No options of the caller's Node.js: its --inspect port is taken, and --require would run its code in the trial.
      execArgv: [],
      cwd: dirname(file),
      env: {
        ...Object.fromEntries(ENVIRONMENT.map((name) => [name, process.env[name]])),
        // Electron's program is Node.js only when it is told so.
        ...(process.versions.electron === undefined ? {} : { ELECTRON_RUN_AS_NODE: '1' }),
      },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
  } catch (error) {
    throw notStarted(order, (error as Error).message, error);
  }
}

async function isSingleExecutable(): Promise<boolean> {
  try {
    const { isSea } = await import('node:sea');
    return isSea();
  } catch {
    // Versions of Node.js that cannot be one.
    return false;
  }
}

function notStarted({ path }: Trial, reason: string, cause?: unknown): HyperIQAError {
  return new HyperIQAError(
    'ERR_MODEL_UNTRUSTED',
    `${shorten(path)} is not known to this installation, so it is to be loaded in a process of its own first, and none can be ` +
      `started here: ${reason}. Load it once where one can be, with the same cache folder (HYPERIQA_CACHE) or as a ` +
      'registered model; or, if you know who made it and trust it, use the option trustModel.',
    { cause },
  );
}

function ended({ path }: Trial, by: string | undefined, milliseconds: number, words: string): HyperIQAError {
  const how = by === undefined ? `did not end within ${milliseconds / 1000} seconds` : `was ended (${by})`;
  const said = words.trim();
  return new HyperIQAError(
    'ERR_MODEL_FORMAT',
    `${shorten(path)} is not a model file that hyperiqa can use: the process that loaded it ${how}${said && `; it said: ${said}`}.`,
  );
}

/** The error of a process whose model took more memory than it may. */
export function tooMuchMemory({ path, memory }: TrialOrder): { code: ErrorCode; message: string } {
  return {
    code: 'ERR_OUT_OF_MEMORY',
    message: `${shorten(path)} takes more than ${megabytes(memory)} of memory to be loaded.`,
  };
}
