// Where things are: the checkout and the cache of downloads and environments, which is never inside the checkout.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export function cacheFolder() {
  if (process.env.HYPERIQA_CACHE) return process.env.HYPERIQA_CACHE;
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'hyperiqa');
}
