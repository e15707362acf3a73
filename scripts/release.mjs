// Turns what CHANGELOG.md has under "Unreleased" into a version: of the changelog and of every package.
//   node scripts/release.mjs 1.2.0      writes CHANGELOG.md, package.json of the root and of packages/*, package-lock.json
//   node scripts/release.mjs --notes    prints the section of the version that the packages have; fails if they have
//                                       different versions, there is no section, or package.json of the
//                                       root lacks repository, homepage or bugs
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { missingAddresses } from '../npm/lib/addresses.mjs';
import { npm } from './lib/npm.mjs';
import { root } from './lib/paths.mjs';
import { Failure, main } from './lib/run.mjs';

const CHANGELOG = join(root, 'CHANGELOG.md');
const UNRELEASED = '## [Unreleased]\n';
const VERSION = /^(\d+)\.(\d+)\.(\d+)$/;

const manifests = () => [
  join(root, 'package.json'),
  ...readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name, 'package.json')),
];

/** The version that all packages have. */
function commonVersion() {
  const versions = new Set(manifests().map((file) => JSON.parse(readFileSync(file, 'utf8')).version));
  if (versions.size > 1) throw new Failure(`The packages have different versions: ${[...versions].join(', ')}.`);
  return [...versions][0];
}

/**
 * The text of a section of the changelog, without its heading.
 * @param {string} changelog
 * @param {string} heading up to where the heading may go on, as with a date
 * @returns {string | undefined}
 */
export function section(changelog, heading) {
  const start = changelog.split('\n').findIndex((line) => line.startsWith(heading));
  if (start < 0) return undefined;
  const lines = changelog.split('\n').slice(start + 1);
  const end = lines.findIndex((line) => line.startsWith('## '));
  return lines
    .slice(0, end < 0 ? undefined : end)
    .join('\n')
    .trim();
}

/**
 * The changelog with a new section of what was unreleased.
 * @param {string} changelog
 * @param {string} version
 * @param {string} date
 * @returns {string}
 * @throws {Failure} where there is nothing
 */
export function released(changelog, version, date) {
  if (!changelog.includes(UNRELEASED)) throw new Failure('CHANGELOG.md has no section "Unreleased".');
  if (!section(changelog, UNRELEASED.trim())) throw new Failure('CHANGELOG.md has nothing under "Unreleased".');
  if (section(changelog, `## [${version}]`) !== undefined) throw new Failure(`CHANGELOG.md has ${version} already.`);
  return changelog.replace(UNRELEASED, `${UNRELEASED}\n## [${version}] - ${date}\n`);
}

/**
 * True where a version comes after another, or is it: the first release has the version that is there.
 * @param {string} version
 * @param {string} before
 * @returns {boolean}
 */
export function follows(version, before) {
  const [a, b] = [version, before].map((text) => (VERSION.exec(text) ?? []).slice(1).map(Number));
  if (a.length === 0) throw new Failure(`A version has three numbers, as 1.2.0, not ${version}.`);
  const difference = a.map((part, i) => part - b[i]).find((part) => part !== 0) ?? 0;
  return difference >= 0;
}

function release(version) {
  const before = commonVersion();
  if (!follows(version, before)) throw new Failure(`${version} comes before the version that is there, ${before}.`);
  const changelog = released(readFileSync(CHANGELOG, 'utf8'), version, new Date().toISOString().slice(0, 10));
  for (const file of manifests()) {
    const manifest = JSON.parse(readFileSync(file, 'utf8'));
    manifest.version = version;
    for (const kind of [manifest.dependencies, manifest.peerDependencies]) {
      for (const name of Object.keys(kind ?? {})) if (/^(?:@hyperiqa\/.*|hyperiqa)$/.test(name)) kind[name] = version;
    }
    writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
  }
  writeFileSync(CHANGELOG, changelog);
  npm(['install', '--package-lock-only', '--ignore-scripts'], { cwd: root });
  console.error(`Version ${version} in CHANGELOG.md and every package: look at the difference and commit it.`);
}

function notes() {
  const version = commonVersion();
  const text = section(readFileSync(CHANGELOG, 'utf8'), `## [${version}]`);
  if (!text) throw new Failure(`CHANGELOG.md has no section for ${version}: node scripts/release.mjs ${version}`);
  const missing = missingAddresses(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));
  if (missing.length > 0) {
    throw new Failure(`package.json of the root lacks ${missing.join(', ')}: fill in the addresses before publishing.`);
  }
  console.log(text);
}

if (process.argv[1] === import.meta.filename) {
  await main('release', () => {
    const [argument, ...rest] = process.argv.slice(2);
    if (argument === undefined || rest.length > 0) throw new Failure('Name one version, or --notes.');
    if (argument === '--notes') notes();
    else release(argument);
  });
}
