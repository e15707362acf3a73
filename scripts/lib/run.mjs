// Runs programs in the checkout with their output passed on, and fails in plain words.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { root } from './paths.mjs';

/** A failure whose message is all that the reader needs. */
export class Failure extends Error {}

/** Runs a script's main function; prints a Failure's message, anything else with its stack, and exits with 1. */
export async function main(script, body) {
  try {
    await body();
  } catch (error) {
    console.error(`${script}: ${error instanceof Failure ? error.message : error.stack}`);
    process.exitCode = 1;
  }
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{ what?: string, env?: NodeJS.ProcessEnv, cwd?: string }} options what: what to install when it is missing
 * @throws {Failure}
 */
export function run(command, args, { what = command, env = process.env, cwd = root } = {}) {
  // Its standard output goes to our standard error: scripts print nothing but their result on standard output.
  const result = spawnSync(command, args, { cwd, env, stdio: ['ignore', 2, 2] });
  if (result.error?.code === 'ENOENT') throw new Failure(`${what} is needed and was not found on the PATH.`);
  if (result.error) throw result.error;
  if (result.status !== 0) {
    const end = result.signal ? `was ended by ${result.signal}` : `failed with exit code ${result.status}`;
    throw new Failure(`${[command, ...args].join(' ')} ${end}.`);
  }
}

/**
 * Runs a program and returns its standard output.
 * @param {{ what?: string, env?: NodeJS.ProcessEnv, cwd?: string }} options as for `run`
 * @throws {Failure} with what it printed on standard error
 */
export function capture(command, args, { what = command, env = process.env, cwd = root } = {}) {
  const result = spawnSync(command, args, { cwd, env, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (result.error?.code === 'ENOENT') throw new Failure(`${what} is needed and was not found on the PATH.`);
  if (result.error) throw result.error;
  if (result.status !== 0) {
    throw new Failure(`${[command, ...args].join(' ')} failed:\n${result.stderr.trim() || result.stdout.trim()}`);
  }
  return result.stdout;
}

/**
 * Like `run`, for a caller that wants to explain a failure: it does not throw, and keeps what went to standard error.
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, signal?: AbortSignal }} options signal: ends the program
 * @returns {Promise<{ status: number | null, errors: string }>} status null: ended by a signal
 */
export function runAndKeepErrors(command, args, { env = process.env, cwd = root, signal } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, signal, stdio: ['ignore', 2, 'pipe'] });
    let errors = '';
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text) => {
      errors += text;
      process.stderr.write(text);
    });
    child.on('error', reject);
    child.on('close', (status) => {
      resolve({ status, errors });
    });
  });
}

/** True where a program runs and succeeds. */
export function works(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** True where the PATH has one of the programs. */
export function onPath(...programs) {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', '.bat'] : [''];
  return (process.env.PATH ?? '').split(delimiter).some((folder) =>
    programs.some((program) =>
      endings.some((ending) => {
        try {
          accessSync(join(folder, program + ending), constants.X_OK);
          return true;
        } catch {
          return false;
        }
      }),
    ),
  );
}
