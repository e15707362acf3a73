// Builds what is out of date, told by the content of the inputs.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from './paths.mjs';

/** Runs `build` unless its outputs are there and were made from the same inputs. */
export function upToDate({ name, stamp, outputs, force }, build) {
  const file = join(root, 'build', `.stamp-${name}`);
  const current = existsSync(file) && readFileSync(file, 'utf8') === stamp;
  if (current && !force && outputs.every((output) => existsSync(output))) return;
  rmSync(file, { force: true });
  build();
  mkdirSync(join(root, 'build'), { recursive: true });
  writeFileSync(file, stamp);
}

/** Hash of files (by content) and of other words that decide a build. */
export function stampOf(paths, words) {
  const hash = createHash('sha256').update(JSON.stringify(words));
  for (const path of paths) hash.update(`\0${path}\0`).update(readFileSync(join(root, path)));
  return hash.digest('hex');
}

/** Files under a folder of the checkout whose names match, with / between folders, sorted. */
export function files(folder, pattern) {
  return readdirSync(join(root, folder), { recursive: true })
    .map((file) => `${folder}/${file.replaceAll('\\', '/')}`)
    .filter((file) => pattern.test(file))
    .sort();
}

/** Version of an installed package. */
export function version(name) {
  return JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version;
}
