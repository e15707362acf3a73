// The npm that belongs to the running Node.js.
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

import { capture, Failure } from './run.mjs';

/** npm's program file: as npm itself says when it runs us, else beside Node.js or on the PATH. */
export function npmProgram() {
  const { npm_execpath: running, PATH = '' } = process.env;
  if (running && /npm-cli\.js$/.test(running)) return running;
  const beside = dirname(process.execPath);
  const places = [
    join(beside, 'node_modules/npm/bin/npm-cli.js'),
    join(beside, '../lib/node_modules/npm/bin/npm-cli.js'),
    ...PATH.split(delimiter).map((folder) => join(folder, 'npm')),
  ];
  const found = places.find((place) => existsSync(place) && /npm-cli\.js$/.test(realpathSync(place)));
  if (found === undefined) throw new Failure('npm is needed and was not found beside Node.js or on the PATH.');
  return realpathSync(found);
}

/**
 * Runs npm and returns its standard output.
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} options
 * @throws {Failure} with npm's messages
 */
export function npm(args, options = {}) {
  return capture(process.execPath, [npmProgram(), ...args], options);
}
