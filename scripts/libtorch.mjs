// Provides the LibTorch to build against and to run with: an existing one that HYPERIQA_LIBTORCH or LIBTORCH names, else
// the one in the cache folder, which is downloaded and unpacked first where it is missing.
//
//   node scripts/libtorch.mjs      prints the folder (the one that holds lib and include) as the last line of stdout
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, readdir, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { cacheFolder, root } from './lib/paths.mjs';
import { Failure, main, runAndKeepErrors, works } from './lib/run.mjs';

/** The wheels that LibTorch is made of, with their hashes: the only place that names its version. */
const WHEELS = JSON.parse(readFileSync(join(root, 'src/libtorch/wheels.json'), 'utf8'));
const UNPACK = fileURLToPath(new URL('lib/unpack_libtorch.py', import.meta.url));

/** The rule of src/libtorch/version.ts, for scripts that run before it is built; a test holds the two together. */
export const LIBTORCH_VERSION = process.env.HYPERIQA_LIBTORCH_VERSION || WHEELS.libtorch;

/** pip's names of the platforms that LibTorch is downloaded for; others have no wheel that headers come with. */
const MACHINES = { 'linux-x64': 'x86_64', 'linux-arm64': 'aarch64' };
/** The wheels are of glibc 2.28 at the newest; pip wants every tag that may occur. */
const TAGS = ['manylinux_2_28', 'manylinux_2_25', 'manylinux_2_17', 'manylinux2014'];
/** The wheels twice (pip's temporary copy and the finished one), or once and unpacked: the greater, with a margin. */
const BYTES_NEEDED = 2.2e9;

const REMEDY =
  `Or set HYPERIQA_LIBTORCH to the folder of a LibTorch ${LIBTORCH_VERSION} that you have ` +
  '(of a PyTorch, its folder "torch").';

/**
 * Folder of the LibTorch. Downloads (about 540 MB) and unpacks (about 1 GB) into the cache folder where needed: into a
 * temporary folder that takes its final name only when it is complete, so that a run that ends early leaves nothing
 * half-done and of several runs at once the first one wins.
 * @returns {Promise<string>}
 * @throws {Failure}
 */
export async function provideLibTorch() {
  for (const variable of ['HYPERIQA_LIBTORCH', 'LIBTORCH']) {
    if (process.env[variable]) return named(variable, resolve(process.env[variable]));
  }
  const platform = `${process.platform}-${process.arch}`;
  const parent = join(cacheFolder(), 'libtorch');
  const name = `${LIBTORCH_VERSION}-${platform}`;
  const path = join(parent, name, 'torch');
  if (complete(path)) return path;

  if (LIBTORCH_VERSION !== WHEELS.libtorch) {
    throw new Failure(
      `HYPERIQA_LIBTORCH_VERSION is ${LIBTORCH_VERSION}, and hyperiqa knows the hashes of ${WHEELS.libtorch} only, so no ` +
        'other is downloaded. Set HYPERIQA_LIBTORCH to its folder, or unset HYPERIQA_LIBTORCH_VERSION.',
    );
  }
  const machine = MACHINES[platform];
  if (machine === undefined || (process.platform === 'linux' && !glibc())) {
    throw new Failure(`There is no LibTorch to download for ${platform}${machine ? ' without glibc' : ''}. ${REMEDY}`);
  }
  const python = findPython();
  await mkdir(parent, { recursive: true });
  await discardLeftovers(parent, name);
  await checkSpace(parent);

  const temporary = join(parent, `${temporaryPrefix(name)}${process.pid}`);
  await mkdir(temporary);
  const ending = new AbortController();
  const removeNow = (signal) => {
    ending.abort();
    rmSync(temporary, { recursive: true, force: true });
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.once('SIGINT', removeNow).once('SIGTERM', removeNow);
  try {
    await download(python, platform, join(temporary, 'wheels'), ending.signal);
    await unpack(python, join(temporary, 'wheels'), join(temporary, name), ending.signal);
    await settle(join(temporary, name), join(parent, name));
  } finally {
    process.off('SIGINT', removeNow).off('SIGTERM', removeNow);
    await rm(temporary, { recursive: true, force: true });
  }
  return path;
}

/** A LibTorch that the user names must be right; nothing is downloaded instead of it. */
function named(variable, path) {
  const missing = missingFile(path);
  if (missing !== undefined) {
    throw new Failure(
      `${variable} is ${path}, but ${join(path, missing)} is not there. ` +
        'It must name the folder that holds LibTorch\'s "lib" and "include"; or unset it to have LibTorch downloaded.',
    );
  }
  const version = readVersion(path);
  if (version !== LIBTORCH_VERSION) {
    throw new Failure(
      `${variable} is ${path}, which is LibTorch ${version ?? 'of unknown version'}; hyperiqa needs exactly ` +
        `${LIBTORCH_VERSION}. Name such a folder${variable === 'LIBTORCH' ? ' in HYPERIQA_LIBTORCH, which goes first,' : ''}` +
        ' or unset the variable to have LibTorch downloaded.',
    );
  }
  return path;
}

function missingFile(path) {
  const libraries = {
    win32: ['lib/torch_cpu.dll', 'lib/c10.dll'],
    darwin: ['lib/libtorch_cpu.dylib', 'lib/libc10.dylib'],
  }[process.platform] ?? ['lib/libtorch_cpu.so', 'lib/libc10.so'];
  return [...libraries, 'include/ATen/ATen.h'].find((file) => !existsSync(join(path, file)));
}

/** Version without its build suffix, from a LibTorch archive's or a wheel's version file. */
export function readVersion(path) {
  const marks = { 'build-version': /^([0-9][^\s+]*)/, 'version.py': /^__version__\s*=\s*['"]([^'"+]+)/m };
  for (const [file, pattern] of Object.entries(marks)) {
    if (!existsSync(join(path, file))) continue;
    const version = pattern.exec(readFileSync(join(path, file), 'utf8'))?.[1];
    if (version) return version;
  }
  return undefined;
}

function complete(path) {
  return missingFile(path) === undefined && readVersion(path) === LIBTORCH_VERSION;
}

function glibc() {
  return process.report.getReport().header.glibcVersionRuntime !== undefined;
}

/** @returns {string} a Python 3 that has pip */
function findPython() {
  let found;
  for (const python of ['python3', 'python']) {
    if (!works(python, ['-c', 'import sys; sys.exit(sys.version_info < (3, 8))'])) continue;
    if (works(python, ['-m', 'pip', '--version'])) return python;
    found ??= python;
  }
  throw new Failure(
    found === undefined
      ? `LibTorch ${LIBTORCH_VERSION} is downloaded with pip, and there is no Python 3.8 or newer on the PATH. ` +
          `Install Python with pip and run again. ${REMEDY}`
      : `LibTorch ${LIBTORCH_VERSION} is downloaded with pip, and "${found} -m pip" does not work. ` +
          `Install pip for it (python3-pip in most distributions) and run again. ${REMEDY}`,
  );
}

async function checkSpace(folder) {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= BYTES_NEEDED) return;
  throw new Failure(
    `${folder} has ${((bavail * bsize) / 1e9).toFixed(1)} GB free; ${BYTES_NEEDED / 1e9} GB are needed while LibTorch ` +
      `is unpacked (1 GB afterwards). Free some, or set HYPERIQA_CACHE to a folder on another disk. ${REMEDY}`,
  );
}

/** Host and process are in the name, so that leftovers of a killed run can be told from another run's work. */
function temporaryPrefix(name) {
  return `.${name}@${hostname()}@`;
}

async function discardLeftovers(parent, name) {
  for (const entry of await readdir(parent)) {
    if (!entry.startsWith(temporaryPrefix(name))) continue;
    const pid = Number(entry.slice(temporaryPrefix(name).length));
    if (pid === process.pid || !alive(pid)) await rm(join(parent, entry), { recursive: true, force: true });
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** pip runs with the user's own configuration (index, proxy, certificates); only the hashes decide what is accepted. */
async function download(python, platform, folder, signal) {
  const machine = MACHINES[platform];
  console.error(`Downloading LibTorch ${LIBTORCH_VERSION} for ${machine} with pip (about 540 MB) …`);
  await mkdir(folder);
  const requirements = `${folder}.txt`;
  const wheels = WHEELS.platforms[platform].filter(({ kinds }) => kinds.includes('cpu'));
  await writeFile(
    requirements,
    wheels.map(({ project, version, sha256 }) => `${project}==${version} --hash=sha256:${sha256}\n`).join(''),
  );
  const { status, errors } = await runAndKeepErrors(
    python,
    [
      ...['-m', 'pip', '--disable-pip-version-check', 'download', '--no-deps', '--only-binary=:all:'],
      // Of the wheels, not of the Python that downloads them.
      ...['--python-version', '311', '--implementation', 'cp', '--abi', 'cp311', '--abi', 'none'],
      ...TAGS.flatMap((tag) => ['--platform', `${tag}_${machine}`]),
      ...['--require-hashes', '--requirement', requirements, '--dest', folder],
    ],
    // On the same disk as the result: /tmp is often small.
    { env: { ...process.env, TMPDIR: dirname(folder), PYTHONIOENCODING: 'utf-8' }, signal },
  );
  if (status === 0) return;
  throw new Failure(explain(errors));
}

/** What pip's words mean for the reader; pip's own output is above it on the screen. */
function explain(errors) {
  if (/No space left on device|Disk quota exceeded/i.test(errors)) {
    return `The disk filled up while LibTorch was downloaded. Free some space and run again. ${REMEDY}`;
  }
  if (/DO NOT MATCH THE HASHES/i.test(errors)) {
    return (
      'What was downloaded is not the file that this version of hyperiqa knows (its SHA-256 differs), and was ' +
      `discarded. Run again; if it stays so, the package index that pip uses serves another file. ${REMEDY}`
    );
  }
  const unreachable =
    /from versions: none|NewConnectionError|NameResolutionError|Name or service not known|Temporary failure in name resolution|Max retries|ProxyError|ConnectTimeout|ReadTimeout|Network is unreachable|Connection (?:refused|reset)|SSLError/i;
  if (unreachable.test(errors)) {
    return (
      `LibTorch ${LIBTORCH_VERSION} could not be downloaded: pip did not reach its package index, or has one without ` +
      `PyTorch. Check the network and pip's settings (proxy, index, certificates) and run again. ${REMEDY}`
    );
  }
  return `LibTorch ${LIBTORCH_VERSION} could not be downloaded; pip's message is above. Run again later. ${REMEDY}`;
}

async function unpack(python, wheels, destination, signal) {
  console.error('Unpacking LibTorch …');
  const files = (await readdir(wheels)).map((file) => join(wheels, file));
  const { status, errors } = await runAndKeepErrors(python, [UNPACK, destination, ...files], { signal });
  if (status !== 0) throw new Failure(`LibTorch could not be unpacked: ${errors.trim() || 'Python was ended.'}`);
  if (!complete(join(destination, 'torch'))) {
    throw new Failure(
      `The downloaded wheels are incomplete: ${missingFile(join(destination, 'torch')) ?? 'their version file'} is missing.`,
    );
  }
}

/** Gives the finished folder its final name. A complete one that another run put there first stays. */
async function settle(finished, final) {
  if (existsSync(final) && !complete(join(final, 'torch'))) await rm(final, { recursive: true, force: true });
  try {
    await rename(finished, final);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(error.code) || !complete(join(final, 'torch'))) throw error;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main('libtorch', async () => {
    console.log(await provideLibTorch());
  });
}
