/** The folder for everything that is downloaded or measured: never the checkout, never the package's own folder. */
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/**
 * `$HYPERIQA_CACHE`, else `$XDG_CACHE_HOME/hyperiqa`, else `~/.cache/hyperiqa`; an absolute path that need not exist.
 * `scripts/lib/paths.mjs` has the same rule for the time before the TypeScript is built; a test holds them together.
 */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const own = environment.HYPERIQA_CACHE;
  if (own) return resolve(own);
  const xdg = environment.XDG_CACHE_HOME;
  // The XDG specification has relative paths ignored.
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'hyperiqa');
}
