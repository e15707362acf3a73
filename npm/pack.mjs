// Packs what is published: the addon and LibTorch's CPU libraries for one platform, the main package, and those in packages/.
//
//   node npm/pack.mjs                          all of them for this platform, into build/npm
//   node npm/pack.mjs --only addon,libtorch    some of them (main, addon, libtorch, names of folders in packages)
//     --out FOLDER          where the tarballs go
//     --platform NAME       one of npm/platforms.mjs; on another system than that only where nothing is to be stripped
//     --libtorch FOLDER     the LibTorch whose libraries are packed, the folder that holds lib: the CUDA build (its CPU
//                           part is taken, with the NVIDIA libraries that this needs) or the CPU build (without any).
//                           Default: the one that the checkout uses
//     --addon FOLDER        folder of hyperiqa.node and hyperiqa_loader.node; default build/Release
//     --licences FOLDER     where the *.dist-info folders of PyTorch's wheels are, if not beside the LibTorch
//     --floor GLIBC=2.28,…  older symbol versions than the table's, for files that were built for older systems
//     --list NAME,…         the platforms that the main package offers; default: the proven ones
//
// Writes build/npm/packages.json: name, version, file, packed and unpacked bytes of each. Nothing is published.
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { npm } from '../scripts/lib/npm.mjs';
import { packages } from '../scripts/lib/packages.mjs';
import { root } from '../scripts/lib/paths.mjs';
import { Failure, main, run } from '../scripts/lib/run.mjs';
import { built } from '../scripts/lib/typescript.mjs';
import { provideLibTorch } from '../scripts/libtorch.mjs';
import { addressesOf } from './lib/addresses.mjs';
import { closure, compareVersions, dynamicSection, neededAmong, symbolVersions } from './lib/elf.mjs';
import { writeLicences } from './lib/licences.mjs';
import { packedLinks } from './lib/links.mjs';
import { addonPackage, LIBTORCH_PACKAGE_VERSION, libtorchPackage, platforms, TARBALL_LIMIT } from './platforms.mjs';

const { LIBTORCH_VERSION, readLibTorchVersion } = built('libtorch/locate');
/** Parts for every platform: the packages in packages/, by the names of their folders. */
const shared = new Map(packages.map(({ folder }) => [basename(folder), folder]));
const PARTS = ['main', 'addon', 'libtorch', ...shared.keys()];
/** Dependencies are pinned to the version that was tested. */
const EXACT = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/;
/** Dependencies that an application may have in another version, so that one copy serves both. */
const RANGE = /^\^\d+\.\d+\.\d+$/;
const RANGES = { sharp: RANGE, '@aws-sdk/client-s3': RANGE };
const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/**
 * @param {{ only?: string[], out?: string, platform?: string, libtorch?: string, addon?: string, licences?: string,
 *   floor?: Record<string, string>, list?: string[] }} options as the command line's
 * @returns {Promise<{ name: string, version: string, file: string, bytes: number, unpackedBytes: number,
 *   files: string[] }[]>}
 * @throws {Failure}
 */
export async function pack({
  only = PARTS,
  out = join(root, 'build/npm'),
  platform = `${process.platform}-${process.arch}`,
  libtorch,
  addon = join(root, 'build/Release'),
  licences,
  floor,
  list = Object.keys(platforms).filter((name) => platforms[name].proven),
} = {}) {
  for (const name of [platform, ...list]) {
    if (!(name in platforms)) throw new Failure(`No platform ${name}: there are ${Object.keys(platforms).join(', ')}.`);
  }
  const context = {
    platform,
    ...platforms[platform],
    ...(floor && { floor: { ...platforms[platform].floor, ...floor } }),
  };
  const stage = join(out, 'stage');
  rmSync(out, { recursive: true, force: true });
  const packed = [];
  for (const part of only) {
    const folder = join(stage, part);
    mkdirSync(folder, { recursive: true });
    if (part === 'main') stageMain(folder, list);
    else if (part === 'addon') stageAddon(folder, resolve(addon), context);
    else if (shared.has(part)) stageShared(folder, shared.get(part));
    else stageLibTorch(folder, resolve(libtorch ?? (await provideLibTorch())), context, licences);
    packed.push(tarball(folder, out));
  }
  rmSync(stage, { recursive: true });
  writeFileSync(join(out, 'packages.json'), `${JSON.stringify(packed, null, 2)}\n`);
  return packed;
}

/**
 * The files that package.json's `files` names, with a package.json for users: no scripts (a checkout builds itself with
 * `prepare`, an installed package runs nothing) and with the platform packages, which a checkout has no use for.
 */
function stageMain(stage, list) {
  const kept = stageFiles(stage, root, 'dist/index.js');
  const optionalDependencies = Object.fromEntries(
    list.flatMap((name) => [
      [addonPackage(name), own.version],
      [libtorchPackage(name), LIBTORCH_PACKAGE_VERSION],
    ]),
  );
  // Yarn's Plug'n'Play keeps packages zipped, from where LibTorch reads no model.
  writeJson(join(stage, 'package.json'), { ...kept, ...addressesOf(own), optionalDependencies, preferUnplugged: true });
}

/** A package of packages/, with a package.json for users. */
function stageShared(stage, folder) {
  const source = join(root, folder);
  const kept = stageFiles(stage, source, packages.find((one) => one.folder === folder).manifest.main);
  if (kept.version !== own.version) throw new Failure(`${kept.name} has version ${kept.version}, not ${own.version}.`);
  copyFileSync(join(root, 'LICENSE'), join(stage, 'LICENSE'));
  writeJson(join(stage, 'package.json'), { ...kept, ...addressesOf(own, folder) });
}

/**
 * Copies the files that a package.json's `files` names.
 *
 * @returns the package.json without what is for checkouts only
 */
function stageFiles(stage, source, entry) {
  const [{ files }] = JSON.parse(npm(['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: source }));
  for (const { path } of files) {
    mkdirSync(join(stage, dirname(path)), { recursive: true });
    copyFileSync(join(source, path), join(stage, path));
  }
  const packed = new Set(files.map(({ path }) => path));
  for (const path of [...packed].filter((name) => name.endsWith('.md'))) {
    const page = readFileSync(join(source, path), 'utf8');
    writeFileSync(join(stage, path), packedLinks(page, path, packed, repositoryFiles(relative(root, source))));
  }
  if (!existsSync(join(stage, entry))) throw new Failure('dist is not built: run "npm run build".');
  const kept = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'));
  delete kept.private; // keeps npm from publishing the checkout
  delete kept.workspaces;
  delete kept.scripts;
  delete kept.devDependencies;
  delete kept.binary; // cmake-js's
  const inexact = Object.entries({ ...kept.dependencies, ...kept.peerDependencies }).find(
    ([name, version]) => !(RANGES[name] ?? EXACT).test(version),
  );
  if (inexact) throw new Failure(`The dependency ${inexact.join(' ')} is not pinned to one version.`);
  return kept;
}

/** Address of a folder of the repository, if the root's package.json names the repository. */
function repositoryFiles(directory) {
  const { repository } = addressesOf(own, directory);
  const url = repository?.url?.replace(/^git\+/, '').replace(/\.git$/, '');
  return url && [url, 'blob/HEAD', repository.directory].filter(Boolean).join('/');
}

function stageAddon(stage, addon, { platform, ...table }) {
  const files = ['hyperiqa.node', 'hyperiqa_loader.node'];
  for (const file of files) place(join(addon, file), join(stage, file), table);
  const needs = table.os === 'linux' ? checkFloor(stage, files, table.floor) : undefined;
  copyFileSync(join(root, 'LICENSE'), join(stage, 'LICENSE'));
  writeEntry(stage, files);
  describe(stage, table, needs, {
    name: addonPackage(platform),
    version: own.version,
    description: `The native addon of hyperiqa for ${platform}`,
    license: own.license,
    files: ['index.js', '*.node'],
  });
}

function stageLibTorch(stage, libtorch, { platform, ...table }, licences) {
  const version = readLibTorchVersion(libtorch);
  if (version !== LIBTORCH_VERSION) {
    throw new Failure(`${libtorch} is LibTorch ${version ?? 'of unknown version'}, not ${LIBTORCH_VERSION}.`);
  }
  const missing = table.libraries.find((name) => !existsSync(join(libtorch, 'lib', name)));
  if (missing) throw new Failure(`${join(libtorch, 'lib', missing)} is not there.`);
  const first = table.libraries.map((name) => join(libtorch, 'lib', name));
  // npm drops symbolic links, so every library is a file of its own under the name that others ask for.
  const libraries = table.os === 'linux' ? closure(first) : new Map(table.libraries.map((name, i) => [name, first[i]]));
  mkdirSync(join(stage, 'lib'));
  for (const [name, file] of libraries) place(file, join(stage, 'lib', name), table);
  const names = [...libraries.keys()];
  let needs;
  if (table.os === 'linux') {
    const files = names.map((name) => join('lib', name));
    checkSearched(stage, files, new Set(names));
    needs = checkFloor(stage, files, table.floor);
  }
  writeLicences({ libraries: names, rules: table.licences, libtorch, licences, stage });
  writeFileSync(join(stage, 'build-version'), `${version}\n`);
  writeEntry(stage, names.map((name) => `lib/${name}`).concat('build-version'));
  describe(stage, table, needs, {
    name: libtorchPackage(platform),
    version: LIBTORCH_PACKAGE_VERSION,
    description: `LibTorch ${version}, the libraries for the CPU, as hyperiqa uses them on ${platform}`,
    license: 'SEE LICENSE IN LICENSES.md',
    files: ['index.js', 'lib', 'licences', 'LICENSES.md', 'build-version'],
  });
}

/** Copies a library, without its symbol table where that may go. */
function place(source, target, { strip }) {
  if (!existsSync(source)) throw new Failure(`${source} is not there: run "npm run build", or name another folder.`);
  const name = target.split(/[\\/]/).at(-1);
  if (strip?.test(name)) run('strip', ['--strip-unneeded', '-o', target, source], { what: 'strip (binutils)' });
  else copyFileSync(source, target);
  chmodSync(target, 0o755);
}

/** All libraries lie in one folder of the package, and each must look for the others there. */
function checkSearched(stage, files, present) {
  for (const file of files) {
    const wanted = neededAmong(join(stage, file), present);
    if (wanted.length === 0 || dynamicSection(join(stage, file)).searched.includes('$ORIGIN')) continue;
    throw new Failure(
      `${file} needs ${wanted.join(', ')}, but its run path does not lead to its own folder ($ORIGIN).`,
    );
  }
}

/**
 * @returns {Record<string, string>} the newest version of each symbol set that any of the files asks for
 * @throws {Failure} a file asks for a newer one than `floor` allows, or for a set that `floor` does not name
 */
function checkFloor(stage, files, floor) {
  const needs = {};
  for (const file of files) {
    for (const [set, version] of Object.entries(symbolVersions(join(stage, file)))) {
      if (floor[set] === undefined || compareVersions(version, floor[set]) > 0) {
        throw new Failure(
          `${file} needs ${set}_${version}, but the package is to run from ${set}_${floor[set] ?? '(none)'} on. ` +
            'Build on an older system.',
        );
      }
      if (needs[set] === undefined || compareVersions(version, needs[set]) > 0) needs[set] = version;
    }
  }
  return needs;
}

/** Writes the entry of a platform package, through which hyperiqa finds its folder and tracers of files all of its files. */
function writeEntry(stage, files) {
  writeFileSync(
    join(stage, 'index.js'),
    [
      '// Each file is named in a way that tracers of files can read, so that they take it along.',
      "const { join } = require('path');",
      'exports.folder = __dirname;',
      'exports.files = [',
      ...files.map((file) => `  join(__dirname, '${file}'),`),
      '];',
      '',
    ].join('\n'),
  );
}

function describe(stage, { os, cpu, libc, proven }, needs, manifest) {
  writeJson(join(stage, 'package.json'), {
    ...manifest,
    ...addressesOf(own),
    type: 'commonjs',
    main: './index.js',
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc] }),
    // Yarn's Plug'n'Play keeps packages zipped, from where no system opens a library.
    preferUnplugged: true,
    ...(needs && { hyperiqa: { needs } }),
  });
  const system = needs
    ? `Needs ${Object.entries(needs)
        .map(([set, version]) => `${set}_${version}`)
        .join(', ')} or newer of the system's C and C++ libraries.\n`
    : '';
  writeFileSync(
    join(stage, 'README.md'),
    `# ${manifest.name}\n\n${manifest.description}. hyperiqa installs this package by itself; it is of no ` +
      `use alone.\n${system && `\n${system}`}${proven ? '' : '\nNot tested on this platform.\n'}`,
  );
}

function tarball(stage, out) {
  const [{ name, version, filename, size, unpackedSize, files }] = JSON.parse(
    npm(['pack', stage, '--pack-destination', out, '--json', '--ignore-scripts']),
  );
  const file = join(out, filename);
  if (size > TARBALL_LIMIT) {
    throw new Failure(`${file} has ${megabytes(size)}; a package may have ${megabytes(TARBALL_LIMIT)}.`);
  }
  return { name, version, file, bytes: size, unpackedBytes: unpackedSize, files: files.map(({ path }) => path) };
}

function writeJson(file, value) {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}

export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** The options of the command line as those of `pack`. */
function options(args) {
  const text = { type: 'string' };
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: Object.fromEntries(
        ['only', 'out', 'platform', 'libtorch', 'addon', 'licences', 'floor', 'list'].map((name) => [name, text]),
      ),
    }));
  } catch (error) {
    throw new Failure(error.message);
  }
  const { only, list, floor, ...rest } = values;
  const unknown = only?.split(',').find((part) => !PARTS.includes(part));
  if (unknown !== undefined) throw new Failure(`--only ${unknown}: there are ${PARTS.join(', ')}.`);
  const floors = floor?.split(',').map((part) => /^([A-Z]+)=([\d.]+)$/.exec(part) ?? part);
  const wrong = floors?.find((part) => typeof part === 'string');
  if (wrong !== undefined) throw new Failure(`--floor ${wrong}: give SET=VERSION, for example GLIBC=2.28.`);
  return {
    ...rest,
    ...(only && { only: only.split(',') }),
    ...(list && { list: list.split(',') }),
    ...(floors && { floor: Object.fromEntries(floors.map(([, set, version]) => [set, version])) }),
    ...(rest.out && { out: resolve(rest.out) }),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main('pack', async () => {
    for (const { name, version, file, bytes, unpackedBytes } of await pack(options(process.argv.slice(2)))) {
      console.log(`${name}@${version}: ${megabytes(bytes)}, unpacked ${megabytes(unpackedBytes)}: ${file}`);
    }
  });
}
