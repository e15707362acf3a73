// The packages of the repository beside the main one: packages/NAME.
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { root } from './paths.mjs';

/** The packages of the repository that a package needs. */
const needed = ({ manifest }) =>
  Object.keys(manifest.dependencies ?? {}).filter((name) => name.startsWith('@hyperiqa/'));

/**
 * Their folders from the root, with the content of package.json and the main module in `dist`. Those that need others of them
 * come last.
 *
 * @type {{ folder: string, manifest: { name: string, version: string }, entry: string }[]}
 */
export const packages = readdirSync(join(root, 'packages'))
  .map((name) => {
    const folder = `packages/${name}`;
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    return { folder, manifest, entry: posix.relative('dist', manifest.exports['.'].import.default) };
  })
  .sort((a, b) => needed(a).length - needed(b).length);
