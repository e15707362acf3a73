/** Tries the libraries in a process of its own, so that a broken one cannot end the caller's. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { abortedError } from '../support/abort.js';
import { HyperIQAError, type ErrorCode } from '../errors.js';
import { locateAddon } from '../libtorch/addon.js';
import { inspectLibTorch, LIBTORCH_SOURCES, type LibTorch, type LibTorchCandidate } from '../libtorch/locate.js';
import type { RuntimeInfo } from '../types.js';
import { checkObject, checkSignal, checkString } from '../support/validate.js';
import { nvidiaDriver } from './driver.js';
import type { ProbeOptions, RuntimeProbe } from '../libtorch/install/types.js';

/** The value that each step yields. */
export interface ProbeValues {
  sharp: { sharp: string; libvips: string };
  libtorch: LibTorch;
  cuda: RuntimeInfo['cuda'];
  model: { name: string; path: string; largestDifference: number };
}
export type ProbeStep = keyof ProbeValues;

/** A step begins, or has ended. */
export interface ProbeMessage {
  step: ProbeStep;
  value?: ProbeValues[ProbeStep];
  error?: { code: ErrorCode; message: string };
}

type Outcome<T> = { value: T; error?: undefined } | { value?: undefined; error: HyperIQAError };
/** Outcome of each step; steps that were not reached are absent. */
export type ProbeOutcomes = { [S in ProbeStep]?: Outcome<ProbeValues[S]> };

const WORDS: Record<ProbeStep, [doing: string, code: ErrorCode]> = {
  sharp: ['loading sharp', 'ERR_SHARP_LOAD'],
  libtorch: ["opening LibTorch's libraries", 'ERR_LIBTORCH_LOAD'],
  cuda: ['looking for CUDA', 'ERR_DEVICE_UNAVAILABLE'],
  model: ['loading the model', 'ERR_LIBTORCH_LOAD'],
};
/** Opening the CUDA libraries from a slow disk takes its time. */
const PATIENCE_MS = 180_000;
const LONGEST_WORDS = 2000;

/**
 * Takes the steps of `probe-child.ts` in a process of its own. A step that ends that process is a failed step.
 *
 * @param options.model Also load sharp and the default model.
 * @throws HyperIQAError ERR_ABORTED, ERR_INTERNAL where no process can be started
 */
export async function probe({ libtorch, signal }: ProbeOptions, { model }: { model: boolean }): Promise<ProbeOutcomes> {
  const outcomes: Record<string, Outcome<unknown>> = {};
  let current: ProbeStep | undefined;
  let words = '';
  const child = fork(
    fileURLToPath(new URL(/* webpackIgnore: true */ './probe-child.js', import.meta.url)),
    [JSON.stringify({ libtorch, model })],
    {
      // No options of the caller's Node.js: its --inspect port is taken, and --require might change what is probed.
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    },
  );
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-LONGEST_WORDS);
  });
  child.on('message', ({ step, value, error }: ProbeMessage) => {
    current = step;
    if (error) outcomes[step] = { error: new HyperIQAError(error.code, error.message) };
    else if (value !== undefined) outcomes[step] = { value };
  });
  const end = { late: false };
  const timer = setTimeout(() => {
    end.late = true;
    child.kill('SIGKILL');
  }, PATIENCE_MS);
  const stop = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', stop, { once: true });
  try {
    if (signal?.aborted) stop();
    const [status, by] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signalled) => {
        resolve([code, signalled]);
      });
    });
    if (signal?.aborted) throw abortedError(signal);
    if (status !== 0) {
      const step = current ?? 'libtorch';
      const [doing, code] = WORDS[step];
      const how = end.late ? 'did not end' : by ? `was ended by ${by}` : `ended with exit code ${String(status)}`;
      const said = words.trim();
      outcomes[step] = {
        error: new HyperIQAError(code, `A process ${how} while ${doing}${said && `; it said: ${said}`}.`),
      };
    }
  } catch (error) {
    if (error instanceof HyperIQAError) throw error;
    throw new HyperIQAError('ERR_INTERNAL', 'No process can be started to try the libraries in.', { cause: error });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
  return outcomes;
}

/** Every place where LibTorch is looked for, in order. */
export function libTorchCandidates(option: string | undefined): LibTorchCandidate[] {
  return LIBTORCH_SOURCES.map((source) => inspectLibTorch(source, option));
}

/** @throws HyperIQAError ERR_INVALID_ARGUMENT */
export function checkProbeOptions(options: ProbeOptions): ProbeOptions {
  const { libtorch, signal } = checkObject('options', options, ['libtorch', 'signal']);
  return {
    ...(libtorch !== undefined && { libtorch: checkString('libtorch', libtorch) }),
    ...(signal !== undefined && { signal: checkSignal('signal', signal) }),
  };
}

/**
 * Reports on the LibTorch in use and the reason, the addon, CUDA and the driver. The libraries are opened in another process, so that
 * a broken one, or one that ends its process, is an error like any other.
 *
 * @throws HyperIQAError ERR_INVALID_ARGUMENT, ERR_LIBTORCH_NOT_FOUND, ERR_LIBTORCH_VERSION, ERR_LIBTORCH_LOAD,
 *   ERR_ADDON_NOT_FOUND, ERR_ABORTED
 */
export async function probeRuntime(options: ProbeOptions = {}): Promise<RuntimeProbe> {
  const checked = checkProbeOptions(options);
  const [{ libtorch, cuda }, driver] = await Promise.all([probe(checked, { model: false }), nvidiaDriver()]);
  if (libtorch?.value === undefined) {
    throw libtorch?.error ?? new HyperIQAError('ERR_LIBTORCH_LOAD', 'The process that opens LibTorch ended early.');
  }
  return {
    libtorch: { ...libtorch.value, candidates: libTorchCandidates(checked.libtorch) },
    addon: String(locateAddon('hyperiqa.node').path),
    cuda: cuda?.value ?? { available: false, reason: cuda?.error.message ?? 'not looked for', devices: [] },
    driver,
  };
}
