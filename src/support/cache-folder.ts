/** The folder for everything that is downloaded or measured: never the checkout, never the package's own folder. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, posix, resolve, win32 } from 'node:path';

import { HyperIQAError, type ErrorCode } from '../errors.js';

/** The system that the rule is applied to; tests put others in its place. */
export interface CacheSystem {
  platform: NodeJS.Platform;
  environment: NodeJS.ProcessEnv;
  /** Home folder of the user; undefined where the system knows none. */
  home: string | undefined;
  exists: (path: string) => boolean;
}

/**
 * The cache folder, an absolute path that need not exist: `$HYPERIQA_CACHE`, else the platform's place for caches.
 *
 * - macOS: `~/Library/Caches/hyperiqa`
 * - Windows: `%LOCALAPPDATA%\hyperiqa\Cache`
 * - elsewhere: `$XDG_CACHE_HOME/hyperiqa`, else `~/.cache/hyperiqa`
 *
 * Where a folder of an earlier version is there (`$XDG_CACHE_HOME/hyperiqa` or `~/.cache/hyperiqa` on macOS and Windows)
 * and the platform's own is not, it stays in use.
 *
 * @returns undefined where the variable is not set and the user has no home folder: then nothing can be kept
 */
export function cacheFolder(system: Partial<CacheSystem> = {}): string | undefined {
  const { platform = process.platform, environment = process.env, exists = existsSync } = system;
  if (environment.HYPERIQA_CACHE) return resolve(environment.HYPERIQA_CACHE);
  const home = 'home' in system ? system.home : homeFolder();
  const paths = platform === 'win32' ? win32 : posix;
  // The XDG specification has relative paths ignored.
  const named = (path: string | undefined) => (path && paths.isAbsolute(path) ? path : undefined);
  const below = (folder: string | undefined, ...names: string[]) => (folder ? paths.join(folder, ...names) : undefined);
  const xdg = below(named(environment.XDG_CACHE_HOME) ?? below(home, '.cache'), 'hyperiqa');
  if (platform !== 'darwin' && platform !== 'win32') return xdg;
  const own =
    platform === 'darwin'
      ? below(home, 'Library', 'Caches', 'hyperiqa')
      : below(named(environment.LOCALAPPDATA) ?? below(home, 'AppData', 'Local'), 'hyperiqa', 'Cache');
  const isOldInUse = xdg !== undefined && exists(xdg) && !(own !== undefined && exists(own));
  return isOldInUse ? xdg : own;
}

/**
 * The cache folder for what cannot be done without one.
 *
 * @throws HyperIQAError of this code, which names HYPERIQA_CACHE
 */
export function requireCacheFolder(code: ErrorCode): string {
  const folder = cacheFolder();
  if (folder !== undefined) return folder;
  throw new HyperIQAError(code, `${NO_CACHE_FOLDER} Set HYPERIQA_CACHE to a folder that can be written.`);
}

export const NO_CACHE_FOLDER = 'There is no cache folder: HYPERIQA_CACHE is not set, and this user has no home folder.';

/** Absent for a user whom the system does not know, as containers often have one. */
function homeFolder(): string | undefined {
  try {
    const home = homedir();
    return isAbsolute(home) ? home : undefined;
  } catch {
    return undefined;
  }
}
