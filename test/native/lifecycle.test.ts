/**
 * Ends processes and workers with engines at work: each in a child process, which must end in time, with the right
 * exit status and never by a signal. What the scenarios do is in fixtures/process.mjs.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

import { testModel } from '../helpers/models.js';
import { addonFile, loaderFile } from './setup.js';
import { findLibTorch, libraryFiles } from '../helpers/libtorch.js';

const script = fileURLToPath(new URL('fixtures/process.mjs', import.meta.url));
const environment = {
  ...process.env,
  HYPERIQA_TEST: JSON.stringify({
    addon: addonFile,
    loader: loaderFile,
    libraries: libraryFiles(findLibTorch().path),
    model: testModel('lite0'),
  }),
};

interface End {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

function run(scenario: string): Promise<End> {
  return new Promise((resolve, reject) => {
    // A process that does not end is killed, and shows as a signal.
    const child = spawn(process.execPath, ['--expose-gc', script, scenario], { env: environment, timeout: 90_000 });
    const output = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => (output[stream] += text));
    }
    child.on('error', reject);
    child.on('close', (status, signal) => {
      resolve({ status, signal, ...output });
    });
  });
}

/** Scenario, exit status, standard output line by line, what standard error contains. */
type Row = [scenario: string, status: number, stdout: string[], stderr?: string];

const rows: Row[] = [
  ['ends by itself with an idle engine', 0, ['loaded']],
  ['waits for a load', 0, ['loaded']],
  ['waits for the last result', 0, ['5']],
  ['waits for dispose()', 0, ['disposed']],
  ['process.exit() during load', 3, []],
  ['process.exit() during a measurement', 3, ['given up']],
  ['process.exit() during scoring', 3, []],
  ['process.exit() during dispose()', 3, []],
  ['process.exit() during self-check', 3, []],
  ['exit() of C during scoring', 3, []],
  ['an uncaught exception during scoring', 1, [], 'thrown on purpose'],
  ['an unhandled rejection of a job', 1, [], 'ERR_DISPOSED'],
  ['calls while the process exits', 0, ['ERR_DISPOSED']],
  ['a load that fails half-way', 0, ['ERR_MODEL_FORMAT', '1']],
  ['keeps a collected engine until its jobs are done', 0, ['5']],
  ['terminates workers that score', 0, ['terminated']],
  ['terminates workers that load', 0, ['terminated']],
  ['scores in two workers and in the main thread', 0, ['true', '0,0', '2']],
  ['process.exit() while workers score', 3, []],
  ['an exception in a worker that scores', 0, ['thrown in the worker', '1']],
  ['process.exit() in a worker that scores', 0, ['5']],
  ['loads again after the last worker has ended', 0, ['true']],
];

/** A forward that never ends is waited for some seconds, then let go of. */
const endless: Row[] = [
  ['disposes of an engine in an endless forward', 0, ['ERR_DISPOSED', '1']],
  ['ends by itself with two disposed endless forwards', 4, []],
  ['process.exit() during an endless forward', 3, []],
  ['exit() of C during an endless forward', 3, []],
  ['an uncaught exception during an endless forward', 1, [], 'thrown on purpose'],
  ['a SIGTERM handler that disposes during an endless forward', 5, []],
  ['terminates a worker in an endless forward', 0, ['terminated', '1']],
  ['cancels an endless forward', 0, ['true ERR_ABORTED']],
];

describe('lifecycle', () => {
  test.each([...rows, ...endless])('%s', async (scenario, status, stdout, stderr = '') => {
    const end = await run(scenario);
    expect(end, end.stderr).toMatchObject({ status, signal: null });
    expect(end.stdout.split('\n').filter((line) => line !== '')).toEqual(stdout);
    if (stderr === '') expect(end.stderr).toBe('');
    else expect(end.stderr).toContain(stderr);
  });

  test('SIGTERM without a handler during an endless forward', async () => {
    const end = await run('SIGTERM during an endless forward');
    expect(end).toMatchObject({ status: null, signal: 'SIGTERM', stdout: '', stderr: '' });
  });

  // Threads are counted in /proc.
  test.runIf(process.platform === 'linux')('collects engines that nobody disposed of', async () => {
    const end = await run('collects engines that nobody disposed of');
    expect(end, end.stderr).toMatchObject({ status: 0, signal: null, stdout: 'engines were open\ncollected\n' });
  });
});
