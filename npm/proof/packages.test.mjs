// Checks the content of the packages: no file too many, none missing, and resolvable by every way of importing.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { expect, inject, test } from 'vitest';

import { capture } from '../../scripts/lib/run.mjs';
import { deadLinks } from '../lib/links.mjs';
import { platforms, TARBALL_LIMIT } from '../platforms.mjs';
import { provideTools } from './tools.mjs';

const { packages } = inject('proof');
const [main, addon, libtorch, ...addOns] = packages;
/** The packages that are imported. */
const forAll = [main, ...addOns].map((one) => [one.name, one]);
const platform = `${process.platform}-${process.arch}`;

test('the main package holds what package.json says, and nothing that a build left lying about', () => {
  const tracked = new Set(capture('git', ['ls-files']).split('\n'));
  const others = main.files.filter((file) => !file.startsWith('dist/'));
  expect(others.filter((file) => !tracked.has(file))).toEqual([]);
  expect(others.filter((file) => !/^(?:docs|examples|models)\//.test(file))).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'SECURITY.md',
    'binding.d.ts',
    'package.json',
  ]);
  const sources = /(?:(?<!\.d|examples\/nestjs)\.[cm]?ts|\.map|\.tsbuildinfo|\.test\.js|\.py)$/;
  expect(main.files.filter((file) => file !== 'binding.d.ts' && sources.test(file))).toEqual([]);
});

test('its documentation begins with the installation of the package, and no link in it is dead', () => {
  expect(/```sh\n(.*)\n/.exec(textOf(main, 'README.md'))?.[1]).toBe('npm install hyperiqa');
  const files = new Set(main.files);
  const pages = main.files.filter((file) => file.endsWith('.md'));
  expect(pages).toContain('docs/embedding.md');
  expect(pages.flatMap((page) => deadLinks(textOf(main, page), page, files).map((link) => `${page}: ${link}`))).toEqual(
    [],
  );
});

test('its package.json runs nothing and pins everything', () => {
  const manifest = manifestOf(main);
  expect(manifest).not.toHaveProperty('scripts');
  expect(manifest).not.toHaveProperty('devDependencies');
  expect(manifest.optionalDependencies).toEqual({ [addon.name]: addon.version, [libtorch.name]: libtorch.version });
  const { sharp, ...pinned } = manifest.dependencies;
  // A range, so that a program with another sharp of the same line has one copy; results name the version.
  expect(sharp).toMatch(/^\^\d+\.\d+\.\d+$/);
  for (const version of Object.values({ ...pinned, ...manifest.optionalDependencies })) {
    expect(version).toMatch(/^\d+\.\d+\.\d+(?:-[\w.]+)?$/);
  }
});

test('the platform packages are for one platform, run nothing, and carry licences', () => {
  const { os, cpu, libc, floor } = platforms[platform];
  for (const one of [addon, libtorch]) {
    const manifest = manifestOf(one);
    expect(manifest).toMatchObject({ os: [os], cpu: [cpu], libc: [libc] });
    expect(manifest).not.toHaveProperty('scripts');
    expect(Object.keys(manifest.hyperiqa.needs).sort()).toEqual(Object.keys(floor).sort());
  }
  expect(addon.files.sort()).toEqual([
    'LICENSE',
    'README.md',
    'hyperiqa.node',
    'hyperiqa_loader.node',
    'index.js',
    'package.json',
  ]);
  expect(libtorch.files).toContain('lib/libtorch_cpu.so');
  expect(libtorch.files).toContain('licences/pytorch.txt');
  expect(libtorch.files.filter((file) => /cuda\.|cudnn|cublas/.test(file))).toEqual([]);
});

test.each(packages.map((one) => [one.name, one]))('%s is below the limit for a tarball', (_, { bytes }) => {
  expect(bytes).toBeLessThan(TARBALL_LIMIT);
});

test.each(forAll)('publint finds nothing in %s', async (_, { file }) => {
  const { buffer, byteOffset, byteLength } = readFileSync(file);
  const tarball = buffer.slice(byteOffset, byteOffset + byteLength);
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
  expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
});

test.each(forAll)('types of %s resolve for every way of importing', async (_, { file }) => {
  const tools = provideTools();
  const { checkPackage, createPackageFromTarballData } = await import(
    pathToFileURL(tools.require.resolve('@arethetypeswrong/core')).href
  );
  const { types, problems } = await checkPackage(createPackageFromTarballData(readFileSync(file)));
  expect(types).toMatchObject({ kind: 'included' });
  // "node10" is TypeScript's word for resolution without `exports`, which no Node.js that we support does. The entries of
  // add-ons are ES modules alone, because only the command line loads them, by import().
  const isExpected = ({ kind, resolutionKind, entrypoint }) =>
    resolutionKind === 'node10' || (kind === 'CJSResolvesToESM' && ['./add-on', './commands'].includes(entrypoint));
  expect(problems.filter((problem) => !isExpected(problem))).toEqual([]);
});

/** A file of a tarball. */
function textOf({ file }, path) {
  return capture('tar', ['--extract', '--gzip', '--to-stdout', '--file', file, `package/${path}`]);
}

function manifestOf(one) {
  return JSON.parse(textOf(one, 'package.json'));
}
