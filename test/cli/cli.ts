/** Runs the built command line in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse/sync';
import { expect, onTestFinished } from 'vitest';
import type { FailedRecord, ScoredRecord } from '../../src/cli/records/records.js';
import { testModel } from '../helpers/models.js';

export const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
export const root = fileURLToPath(new URL('../../', import.meta.url));
export const photos = 'examples/photos';
export const fixtures = 'test/fixtures/images';

/** The small test model on the CPU, without the measurement of graph modes: quick to load. */
export const quick = () => ['--model', testModel('lite0'), '--device', 'cpu', '--graph-mode', 'freeze'];

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  ended: Promise<Ended>;
  /** Resolves when stdout or stderr, as told, holds the text. */
  said: (stream: 'stdout' | 'stderr', text: string) => Promise<void>;
}

export interface RunOptions {
  cwd?: string;
  /** Content of stdin. */
  input?: string | Buffer;
  /** Leaves stdin open. */
  open?: boolean;
  env?: NodeJS.ProcessEnv;
  /** A command of the shell that starts `"$@"`, which is the command line. */
  wrap?: string;
}

export function start(
  args: readonly string[],
  { cwd = root, input = '', open = false, env = {}, wrap }: RunOptions = {},
): Running {
  const program = [process.execPath, main, ...args];
  const [command = '', ...rest] = wrap === undefined ? program : ['bash', '-c', wrap, 'bash', ...program];
  const child = spawn(command, rest, { cwd, env: { ...process.env, ...env } });
  const text = { stdout: '', stderr: '' };
  const waiting = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (chunk: string) => {
      text[stream] += chunk;
      for (const check of waiting) check();
    });
  }
  // A process that ends before it has read everything is what some tests are about.
  child.stdin.on('error', () => undefined);
  child.stdin.write(input);
  if (!open) child.stdin.end();
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject).on('close', (code, signal) => {
      resolve({ code, signal, ...text });
    });
  });
  const said = (stream: 'stdout' | 'stderr', wanted: string) =>
    new Promise<void>((resolve, reject) => {
      const check = () => {
        if (!text[stream].includes(wanted)) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
      void ended.then(() => {
        reject(new Error(`ended without ${JSON.stringify(wanted)}: ${JSON.stringify(text)}`));
      });
    });
  return { child, ended, said };
}

/** Runs to the end. */
export const hyperiqa = (args: readonly string[], options?: RunOptions): Promise<Ended> => start(args, options).ended;

/** `hyperiqa score` with the small model. */
export const score = (args: readonly string[], options?: RunOptions): Promise<Ended> =>
  hyperiqa(['score', ...args, ...quick()], options);

/** A record as a test looks at it: what is not there is undefined. */
export type TestRecord = ScoredRecord & Partial<Pick<FailedRecord, 'error'>>;

/** The records of a JSONL text. */
export const records = (text: string): TestRecord[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as TestRecord);

/** A folder that goes when the test ends. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hyperiqa-cli-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** A scratch folder with small photographs of these names. */
export function scratchPhotos(...names: string[]): string {
  const folder = scratch();
  const kinds = ['exact-224x336.jpg', 'jpeg-420.jpg', 'jpeg-grey.jpg'];
  names.forEach((name, i) => {
    copyFileSync(join(root, fixtures, kinds[i % kinds.length]!), join(folder, name));
  });
  return folder;
}

export const text = (...path: string[]): string => readFileSync(join(...path), 'utf8');

/**
 * The value with every fraction as "about this much": which images share a batch depends on timing, and the order of
 * floating-point sums on the batch, so that scores of two runs agree to float tolerance (observed 4e-6), not to the bit.
 */
export function about(value: unknown): unknown {
  if (typeof value === 'number' && !Number.isInteger(value)) return expect.closeTo(value, 3);
  if (Array.isArray(value)) return value.map(about);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, about(part)]));
}

/** The rows of a CSV text, numbers as numbers. */
export const csvRows = (csv: string): Record<string, string | number>[] =>
  parse(csv, { columns: true, cast: (text) => (text === '' || Number.isNaN(Number(text)) ? text : Number(text)) });
