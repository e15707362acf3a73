// A machine with Node.js and nothing else, as far as programs can tell: an empty home, and a PATH with Node.js, its npm,
// and the few programs that npm's and pnpm's starters of commands call.
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

import { npmProgram } from '../../scripts/lib/npm.mjs';

const HELPERS = ['sh', 'dirname', 'sed', 'uname'];
/** Programs that must be absent: compilers, and Python. */
const TOOLCHAIN = ['cc', 'gcc', 'c++', 'g++', 'clang', 'clang++', 'make', 'ninja', 'cmake', 'python', 'python3'];
/** A place where no registry is. */
const NOWHERE = 'http://127.0.0.1:9/';
const LIMIT = 900_000;

/** True where a program can be run in a network of its own, that leads nowhere. */
const canCutNetwork = spawnSync('unshare', ['--net', '--map-root-user', 'true']).status === 0;
export const offlineMeans = canCutNetwork ? 'no network (a namespace of its own)' : 'no registry (network not cut off)';

export class Machine {
  /**
   * @param {{ folder: string, node: string, registry: string, programs?: Record<string, string>, cache?: string }} options
   *   folder: is made; programs: beside Node.js and npm, by name; cache: npm's, for machines that share one
   */
  constructor({ folder, node, registry, programs: others = {}, cache = join(folder, 'npm-cache') }) {
    this.folder = folder;
    const bin = join(folder, 'bin');
    mkdirSync(bin, { recursive: true });
    for (const name of ['home', 'tmp']) mkdirSync(join(folder, name));
    const programs = {
      node,
      npm: npmProgram(),
      npx: join(dirname(npmProgram()), 'npx-cli.js'),
      ...others,
      ...Object.fromEntries(HELPERS.map((name) => [name, which(name)])),
    };
    for (const [name, file] of Object.entries(programs)) symlinkSync(file, join(bin, name));
    // A file, because pnpm does not read npm's environment variables.
    writeFileSync(join(folder, 'home/.npmrc'), `registry=${registry}\n`);
    this.env = {
      PATH: bin,
      HOME: join(folder, 'home'),
      TMPDIR: join(folder, 'tmp'),
      // Not HYPERIQA_*, LIBTORCH or anything else of the machine that this runs on.
      npm_config_cache: cache,
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_update_notifier: 'false',
    };
  }

  /** The programs of a toolchain that the PATH has. */
  toolchain() {
    return TOOLCHAIN.filter((name) => existsSync(join(this.env.PATH, name)));
  }

  /** An empty folder with a package.json in it, and a photograph. */
  project(name, photo, manifest = {}) {
    const folder = join(this.folder, name);
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, ...manifest }));
    cpSync(photo, join(folder, 'photo.jpg'));
    return new Project(this, folder);
  }
}

class Project {
  constructor(machine, folder) {
    this.machine = machine;
    this.folder = folder;
  }

  write(name, text) {
    const file = join(this.folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  read(name) {
    return readFileSync(join(this.folder, name), 'utf8');
  }

  /**
   * Runs a program of the machine's PATH in the project.
   * @param {{ offline?: boolean, env?: Record<string, string | undefined>, uid?: number, cwd?: string }} [options]
   *   env: beside the machine's variables, undefined takes one away; uid: of another user; cwd: below the project
   * @returns {{ status: number | null, stdout: string, stderr: string, seconds: number }}
   */
  try(command, args, { offline = false, env: others = {}, uid, cwd = '.' } = {}) {
    const env = { ...this.machine.env, ...(offline && { npm_config_registry: NOWHERE }), ...others };
    const cut = offline && canCutNetwork ? [which('unshare'), '--net', '--map-root-user'] : [];
    const [program, ...rest] = [...cut, join(this.machine.env.PATH, command), ...args];
    const started = performance.now();
    const { status, stdout, stderr, error } = spawnSync(program, rest, {
      cwd: join(this.folder, cwd),
      env,
      ...(uid !== undefined && { uid, gid: uid }),
      encoding: 'utf8',
      timeout: LIMIT,
    });
    if (error) throw error;
    return { status, stdout, stderr, seconds: (performance.now() - started) / 1000 };
  }

  /** Like `try`, for commands that must succeed: returns standard output, trimmed, and the seconds. */
  run(command, args, options) {
    const { status, stdout, stderr, seconds } = this.try(command, args, options);
    if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${stdout}\n${stderr}`);
    return { output: stdout.trim(), seconds };
  }

  /** Standard output of a program that must succeed, beside others. */
  async output(command, args, { env = {} } = {}) {
    const options = { cwd: this.folder, env: { ...this.machine.env, ...env }, encoding: 'utf8', timeout: LIMIT };
    return (await promisify(execFile)(join(this.machine.env.PATH, command), args, options)).stdout;
  }

  /**
   * Starts a server.
   * @returns the process, and the address that it prints once it listens
   * @throws Error with its words, if it ends before
   */
  async serve(command, args, { env = {}, cwd = '.' } = {}) {
    const child = spawn(join(this.machine.env.PATH, command), args, {
      cwd: join(this.folder, cwd),
      env: { ...this.machine.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (words += text));
    const ended = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
    const address = new Promise((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        words += `${line}\n`;
        const found = /http:\/\/[^\s/]+/.exec(line)?.[0];
        if (found) resolve(found.replace(/\[::1?\]|0\.0\.0\.0/, 'localhost'));
      });
    });
    const first = await Promise.race([address, ended]);
    if (typeof first !== 'string') throw new Error(`${command} ${args.join(' ')} ended: ${words}`);
    return { child, address: first, ended };
  }
}

function which(name) {
  const { stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
  return stdout.trim();
}
