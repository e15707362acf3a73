// Reads a Linux library's demands on the system with binutils' readelf (which reads the files of any processor).
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { capture, Failure } from '../../scripts/lib/run.mjs';

/** Libraries of glibc and of GCC's run time, which a system with Node.js has. */
const SYSTEM = /^(?:ld-linux.*|lib(?:c|m|dl|rt|pthread|util|gcc_s|stdc\+\+))\.so\.\d+$/;

/**
 * @param {string} file
 * @returns {{ soname?: string, needed: string[], searched: string[] }} searched: its run path, with $ORIGIN as written
 */
export function dynamicSection(file) {
  const text = readelf('--dynamic', file);
  const all = (tag) => [...text.matchAll(new RegExp(`\\(${tag}\\).*\\[(.*)\\]`, 'g'))].map((match) => match[1]);
  return {
    soname: all('SONAME')[0],
    needed: all('NEEDED'),
    searched: all('R(?:UN)?PATH').flatMap((path) => path.split(':')),
  };
}

/**
 * The newest version of each of the system's symbol sets that a file asks for.
 * @returns {Record<string, string>} for example { GLIBC: '2.28', GLIBCXX: '3.4.22' }
 */
export function symbolVersions(file) {
  const newest = {};
  const needs = readelf('--version-info', file).split(/Version needs section/)[1] ?? '';
  for (const [, set, version] of needs.matchAll(/Name: (GLIBC|GLIBCXX|CXXABI|GCC)_([\d.]+)/g)) {
    if (newest[set] === undefined || compareVersions(version, newest[set]) > 0) newest[set] = version;
  }
  return newest;
}

/** Negative where a is older than b. */
export function compareVersions(a, b) {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  for (let i = 0; i < Math.max(left.length, right.length); ++i) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * The libraries that must be shipped so that the first ones can be opened: themselves and everything that they need and
 * that glibc and GCC's run time do not bring. Looked for as the dynamic linker does, along each file's run path.
 * @param {string[]} first absolute paths
 * @returns {Map<string, string>} SONAME → file
 * @throws {Failure} a library is needed that is neither in the folders searched nor part of the system
 */
export function closure(first) {
  const found = new Map();
  const visit = (file) => {
    const { soname, needed, searched } = dynamicSection(file);
    const name = soname ?? file.split('/').at(-1);
    if (found.has(name)) return;
    found.set(name, file);
    const folders = searched.map((folder) => resolve(folder.replaceAll('$ORIGIN', dirname(file))));
    for (const library of needed) {
      if (SYSTEM.test(library) || found.has(library)) continue;
      const folder = [...folders, dirname(file)].find((place) => existsSync(join(place, library)));
      if (folder === undefined) {
        throw new Failure(`${file} needs ${library}, which is not in ${folders.join(', ')} and not part of a system.`);
      }
      visit(join(folder, library));
    }
  };
  first.forEach(visit);
  return found;
}

/** The needed libraries that are among `present`, for a check of how they will be found. */
export function neededAmong(file, present) {
  return dynamicSection(file).needed.filter((name) => present.has(name));
}

function readelf(option, file) {
  return capture('readelf', ['--wide', option, file], {
    what: 'readelf (binutils)',
    env: { ...process.env, LC_ALL: 'C' },
  });
}
