// Runs a program in the checkout with its output passed on, and fails in plain words.
import { spawnSync } from 'node:child_process';
import { root } from './paths.mjs';

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{ what?: string, env?: NodeJS.ProcessEnv, cwd?: string }} options what: what to install when it is missing
 */
export function run(command, args, { what = command, env = process.env, cwd = root } = {}) {
  // Its standard output goes to our standard error: scripts print nothing but their result on standard output.
  const result = spawnSync(command, args, { cwd, env, stdio: ['ignore', 2, 2] });
  if (result.error?.code === 'ENOENT') throw new Error(`${what} is needed and was not found on the PATH.`);
  if (result.error) throw result.error;
  if (result.status !== 0) {
    const end = result.signal ? `was ended by ${result.signal}` : `failed with exit code ${result.status}`;
    throw new Error(`${[command, ...args].join(' ')} ${end}.`);
  }
}
