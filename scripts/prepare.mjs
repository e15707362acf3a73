// Builds what a checkout needs to run: LibTorch (scripts/libtorch.mjs), the addons (build/Release) and the TypeScript
// (dist, and dist of each package in packages). npm runs it after `npm ci` and `npm install` in a checkout; installing the published package runs nothing.
//
//   node scripts/prepare.mjs                      what is missing or out of date; nothing to do takes a moment
//   node scripts/prepare.mjs --force              everything anew
//   node scripts/prepare.mjs --debug              the addons without optimisation, in build-debug/Debug
//   node scripts/prepare.mjs --sanitize=address   the addons with a sanitizer (address or thread), in build-asan/Debug or
//                                                 build-tsan/Debug
// The last two are used with HYPERIQA_BUILD=build-debug/Debug and so on; a sanitizer also wants its run-time library
// preloaded, because node itself has none: LD_PRELOAD=$(gcc -print-file-name=libasan.so).
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { packages } from './lib/packages.mjs';
import { root } from './lib/paths.mjs';
import { Failure, main, onPath, run, works } from './lib/run.mjs';
import { LIBTORCH_VERSION, provideLibTorch } from './libtorch.mjs';

/** Where each flavour is built, and how. */
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
  buildAddons(await provideLibTorch(), FLAVOURS[flavour], force);
  buildTypeScript(force);
}

function buildAddons(libtorch, { folder, config, sanitize }, force) {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const built = join(root, folder, config);
  const outputs = ['hyperiqa.node', 'hyperiqa_loader.node'].map((file) => join(built, file));
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
    console.error(`Building the addons in ${relative(root, built)} …`);
    if (force) rmSync(join(root, folder), { recursive: true, force: true });
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

function buildTypeScript(force) {
  const outputs = ['index.js', 'index.cjs', 'cli/main.js'];
  const core = compile({ name: 'typescript', folder: '.', inputs: ['binding.d.ts'], outputs, force }, (dist) => {
    // tsc keeps the #! line but not the permission, which npx needs in a checkout.
    chmodSync(join(dist, 'cli/main.js'), 0o755);
  });
  // Packages are checked against the declarations of the core.
  for (const { folder, entry } of packages) {
    compile({ name: `typescript-${basename(folder)}`, folder, words: [core], outputs: [entry], force });
  }
}

/**
 * Compiles `src` of a package into its `dist`, with the files that are no TypeScript.
 *
 * @returns the stamp of what it was made from
 */
function compile({ name, folder, inputs = [], words = [], outputs, force }, finish = () => undefined) {
  const at = (path) => (folder === '.' ? path : `${folder}/${path}`);
  const sources = files(at('src'), /\.(?:[cm]?[jt]s|json|css)$/);
  const configuration = ['tsconfig.json', 'tsconfig.build.json', 'package.json'];
  const paths = new Set([...sources, ...configuration, ...configuration.map(at), ...inputs]);
  const stamp = stampOf([...paths], [version('typescript'), ...words]);
  const dist = join(root, at('dist'));
  upToDate({ name, stamp, outputs: outputs.map((file) => join(dist, file)), force }, () => {
    console.error(`Building the TypeScript in ${at('dist')} …`);
    // Into a folder beside it first: a failed build leaves the last good one in place.
    const fresh = join(root, 'build', `dist-${basename(join(root, folder))}`);
    rmSync(fresh, { recursive: true, force: true });
    run(process.execPath, [
      join(root, 'node_modules/typescript/bin/tsc'),
      ...['--project', join(root, at('tsconfig.build.json')), '--outDir', fresh],
    ]);
    for (const file of sources.filter((source) => /\.(?:json|js|css)$/.test(source))) {
      cpSync(join(root, file), join(fresh, relative(at('src'), file)));
    }
    finish(fresh);
    rmSync(dist, { recursive: true, force: true });
    renameSync(fresh, dist);
  });
  return stamp;
}

/** Runs `build` unless its outputs are there and were made from the same inputs. */
function upToDate({ name, stamp, outputs, force }, build) {
  const file = join(root, 'build', `.stamp-${name}`);
  const current = existsSync(file) && readFileSync(file, 'utf8') === stamp;
  if (current && !force && outputs.every((output) => existsSync(output))) return;
  rmSync(file, { force: true });
  build();
  mkdirSync(join(root, 'build'), { recursive: true });
  writeFileSync(file, stamp);
}

/** Hash of files (by content) and of other words that decide a build. */
function stampOf(paths, words) {
  const hash = createHash('sha256').update(JSON.stringify(words));
  for (const path of paths) hash.update(`\0${path}\0`).update(readFileSync(join(root, path)));
  return hash.digest('hex');
}

/** Files under a folder of the checkout whose names match, with / between folders, sorted. */
function files(folder, pattern) {
  return readdirSync(join(root, folder), { recursive: true })
    .map((file) => `${folder}/${file.replaceAll('\\', '/')}`)
    .filter((file) => pattern.test(file))
    .sort();
}

function version(name) {
  return JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version;
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
    await prepare(options);
  });
}
