// The programs that the proof runs and that the checkout does not need: several Node.js, Bun, Deno, pnpm, Yarn, a registry.
// Installed once into the cache folder, as tools/package-lock.json pins them.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { npm } from '../../scripts/lib/npm.mjs';
import { cacheFolder } from '../../scripts/lib/typescript.mjs';
import { Failure } from '../../scripts/lib/run.mjs';

const LIST = fileURLToPath(new URL('tools/', import.meta.url));
const FILES = ['package.json', 'package-lock.json'];

/**
 * @returns {{ nodes: Record<string, string>, bun: string, deno: string, pnpm: string, yarn: string, verdaccio: string,
 *   require: NodeJS.Require }} program files; nodes: by main version; require: loads a package from among the tools
 * @throws {Failure} another platform than the one they are listed for, or npm cannot install them
 */
export function provideTools() {
  if (`${process.platform}-${process.arch}` !== 'linux-x64') {
    throw new Failure('The proof of installation runs on Linux x64 only: proof/tools lists its programs for no other.');
  }
  const hash = createHash('sha256');
  for (const file of FILES) hash.update(readFileSync(join(LIST, file)));
  const folder = join(cacheFolder(), 'proof-tools', hash.digest('hex').slice(0, 16));
  if (!existsSync(folder)) {
    const fresh = `${folder}.${process.pid}`;
    mkdirSync(fresh, { recursive: true });
    for (const file of FILES) cpSync(join(LIST, file), join(fresh, file));
    console.error('Installing Node.js 20, 22 and 24, Bun, Deno, pnpm, Yarn and a local registry …');
    try {
      npm(['ci', '--ignore-scripts', '--engine-strict=false'], { cwd: fresh });
      renameSync(fresh, folder);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  }
  const modules = join(folder, 'node_modules');
  return {
    nodes: Object.fromEntries(['20', '22', '24'].map((main) => [main, join(modules, `node${main}/bin/node`)])),
    bun: join(modules, '@oven/bun-linux-x64/bin/bun'),
    deno: join(modules, '@deno/linux-x64-glibc/deno'),
    pnpm: join(modules, '@pnpm/exe.linux-x64/pnpm'),
    yarn: join(modules, '@yarnpkg/cli-dist/bin/yarn.js'),
    verdaccio: join(modules, 'verdaccio/bin/verdaccio'),
    require: createRequire(join(folder, 'package.json')),
  };
}
