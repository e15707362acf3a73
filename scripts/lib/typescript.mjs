// The TypeScript of the packages: built into dist of each, and modules of the core for scripts.
import { chmodSync, cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, relative } from 'node:path';

import { packages } from './packages.mjs';
import { root } from './paths.mjs';
import { Failure, run } from './run.mjs';
import { files, stampOf, upToDate, version } from './up-to-date.mjs';

const commonJs = ['scripts/commonjs.mjs', 'scripts/lib/commonjs-entry.cjs'];

/**
 * Builds the core and the packages where they are out of date.
 * @throws {Failure}
 */
export function buildTypeScript(force = false) {
  const core = buildCore(force);
  // Packages are checked against the declarations of the core.
  for (const { folder, entry } of packages) {
    compile({ name: `typescript-${basename(folder)}`, folder, words: [core], outputs: [entry], force });
  }
}

/** @returns the stamp of what it was made from */
function buildCore(force = false) {
  if (!existsSync(join(root, 'node_modules/typescript/package.json'))) {
    throw new Failure(
      'A checkout is built with typescript, which is not installed. Run "npm ci" without --omit=dev ' +
        '(or with --ignore-scripts, to build nothing).',
    );
  }
  const outputs = ['index.js', 'index.cjs', 'cli/main.js', 'schema/record.json'];
  return compile({ name: 'typescript', folder: '.', inputs: ['binding.d.ts'], outputs, force }, (dist) => {
    // tsc keeps the #! line but not the permission, which npx needs in a checkout.
    chmodSync(join(dist, 'cli/main.js'), 0o755);
    const { recordSchema } = require(join(dist, 'cli/records/schema.js'));
    mkdirSync(join(dist, 'schema'));
    writeFileSync(join(dist, 'schema/record.json'), `${JSON.stringify(recordSchema, null, 2)}\n`);
  });
}

/**
 * Compiles `src` of a package into its `dist`, with the files that are no TypeScript.
 *
 * @returns the stamp of what it was made from
 */
function compile({ name, folder, inputs = [], words = [], outputs, force }, finish = () => undefined) {
  const at = (path) => (folder === '.' ? path : `${folder}/${path}`);
  const sources = files(at('src'), /\.(?:[cm]?[jt]s|json|css|html|svg)$/);
  const configuration = ['tsconfig.json', 'tsconfig.build.json', 'package.json'];
  const paths = new Set([...sources, ...configuration, ...configuration.map(at), ...inputs, ...commonJs]);
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
    for (const file of sources.filter((source) => /\.(?:json|js|css|html|svg)$/.test(source))) {
      cpSync(join(root, file), join(fresh, relative(at('src'), file)));
    }
    run(process.execPath, [join(root, commonJs[0]), join(root, folder), fresh]);
    finish(fresh);
    rmSync(dist, { recursive: true, force: true });
    renameSync(fresh, dist);
  });
  return stamp;
}

const require = createRequire(import.meta.url);

/**
 * A module of the package, which is built first where it is out of date, so that scripts and package have one rule.
 * @param {string} path below src, without its ending
 */
export function built(path) {
  buildCore();
  return require(join(root, 'dist', `${path}.js`));
}

/** The package's cache folder. @returns {string} */
export function cacheFolder() {
  return built('support/cache-folder').requireCacheFolder('ERR_RUNTIME_CACHE');
}
