// Where things are: the checkout and the cache of downloads and environments, which is never inside the checkout.
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The rule of src/support/cache-folder.ts, for scripts that run before it is built; a test holds the two together. */
export function cacheFolder(environment = process.env) {
  if (environment.HYPERIQA_CACHE) return resolve(environment.HYPERIQA_CACHE);
  const xdg = environment.XDG_CACHE_HOME;
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'hyperiqa');
}
