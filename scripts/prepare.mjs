// Builds what a checkout needs to run: the TypeScript (dist, and dist of each package in packages), whose installer then
// provides LibTorch (scripts/libtorch.mjs), and the addons (build/Release). npm runs it after `npm ci` and `npm install` in a
// checkout; installing the published package runs nothing.
//
//   node scripts/prepare.mjs                      what is missing or out of date; nothing to do takes a moment
//   node scripts/prepare.mjs --force              everything anew
//   node scripts/prepare.mjs --debug              the addons without optimisation, in build-debug/Debug
//   node scripts/prepare.mjs --sanitize=address   the addons with a sanitizer (address or thread), in build-asan/Debug or
//                                                 build-tsan/Debug
// The last two are used with HYPERIQA_BUILD=build-debug/Debug and so on; a sanitizer also wants its run-time library
// preloaded, because node itself has none: LD_PRELOAD=$(gcc -print-file-name=libasan.so).
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { root } from './lib/paths.mjs';
import { Failure, main, onPath, run, works } from './lib/run.mjs';
import { buildTypeScript, built } from './lib/typescript.mjs';
import { files, stampOf, upToDate, version } from './lib/up-to-date.mjs';
import { provideLibTorch } from './libtorch.mjs';

/** Folder and settings of each build. */
export const FLAVOURS = {
  release: { folder: 'build', config: 'Release', sanitize: '' },
  debug: { folder: 'build-debug', config: 'Debug', sanitize: '' },
  address: { folder: 'build-asan', config: 'Debug', sanitize: 'address,undefined' },
  thread: { folder: 'build-tsan', config: 'Debug', sanitize: 'thread' },
};
/** One compiler process over LibTorch's headers. */
const COMPILER_BYTES = 1.5e9;

/**
 * @param {{ force?: boolean, flavour?: keyof typeof FLAVOURS }} options
 * @throws {Failure}
 */
export async function prepare({ force = false, flavour = 'release' } = {}) {
  if (!existsSync(join(root, 'native'))) return;
  requireDevelopmentDependencies();
  if (force) {
    requireCompiler();
    rmSync(join(root, FLAVOURS[flavour].folder), { recursive: true, force: true });
  }
  buildTypeScript(force);
  buildAddons(await provideLibTorch(), FLAVOURS[flavour], force);
}

function buildAddons(libtorch, { folder, config, sanitize }, force) {
  const { LIBTORCH_VERSION } = built('libtorch/version');
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const target = join(root, folder, config);
  const outputs = ['hyperiqa.node', 'hyperiqa_loader.node'].map((file) => join(target, file));
  const stamp = stampOf(
    [...files('native', /\.(?:cpp|h|cmake|txt)$/), 'CMakeLists.txt'],
    [
      // The parts of package.json that the build reads, so that a new dependency compiles nothing.
      ...[manifest.version, manifest.binary],
      libtorch,
      LIBTORCH_VERSION,
      process.arch,
      sanitize,
      version('node-addon-api'),
      version('node-api-headers'),
      version('cmake-js'),
    ],
  );
  upToDate({ name: `addon-${folder}`, stamp, outputs, force }, () => {
    requireCompiler();
    console.error(`Building the addons in ${relative(root, target)} …`);
    const cmakeJs = (command) => {
      run(process.execPath, [
        join(root, 'node_modules/cmake-js/bin/cmake-js'),
        command,
        ...['--directory', root, '--out', join(root, folder), '--config', config, '--log-level', 'warn'],
        ...['--parallel', String(jobs())],
        // All of them every time: CMake remembers what an earlier run was told.
        ...[`--CDLIBTORCH=${libtorch}`, `--CDHYPERIQA_LIBTORCH_VERSION=${LIBTORCH_VERSION}`],
        ...['--CDHYPERIQA_TESTS=OFF', `--CDHYPERIQA_SANITIZE=${sanitize || 'OFF'}`],
      ]);
    };
    cmakeJs('configure');
    cmakeJs('build');
    const missing = outputs.find((file) => !existsSync(file));
    if (missing) throw new Failure(`The build ended without making ${relative(root, missing)}.`);
  });
}

function jobs() {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / COMPILER_BYTES)));
}

function requireDevelopmentDependencies() {
  const missing = ['cmake-js', 'node-addon-api', 'node-api-headers', 'typescript'].find(
    (name) => !existsSync(join(root, 'node_modules', name, 'package.json')),
  );
  if (missing === undefined) return;
  throw new Failure(
    `A checkout is built with ${missing}, which is not installed. Run "npm ci" without --omit=dev ` +
      '(or with --ignore-scripts, to build nothing).',
  );
}

function requireCompiler() {
  if (!works('cmake', ['--version'])) {
    throw new Failure('CMake 3.22 or newer is needed to build the addon and was not found on the PATH. Install cmake.');
  }
  if (process.platform === 'win32') return; // cmake-js looks for Visual Studio and says what it misses
  if (!process.env.CXX && !onPath('c++', 'g++', 'clang++')) {
    throw new Failure(
      'A C++20 compiler is needed to build the addon and was not found on the PATH. Install g++ 11 or newer ' +
        '(build-essential), or clang++ 14 or newer, or name one in CXX.',
    );
  }
  if (!onPath('ninja', 'make')) {
    throw new Failure('make or ninja is needed to build the addon and was not found on the PATH. Install make.');
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main('prepare', async () => {
    const options = {};
    for (const argument of process.argv.slice(2)) {
      const sanitizer = /^--sanitize=(address|thread)$/.exec(argument)?.[1];
      if (argument === '--force') options.force = true;
      else if (argument === '--debug') options.flavour = 'debug';
      else if (sanitizer) options.flavour = sanitizer;
      else throw new Failure(`Unknown argument ${argument}. There are: --force --debug --sanitize=address|thread`);
    }
    // npm ci runs it first for the link of the package to itself, and hides its output: the run after that does the work.
    if (process.env.npm_lifecycle_event === 'prepare' && process.env.npm_package_resolved) return;
    await prepare(options);
  });
}
