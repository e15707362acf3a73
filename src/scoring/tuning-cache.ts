/** The place where measured settings are kept, and the warning where something could not be kept. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { makeFolder } from '../files/make-folder.js';
import { cacheFolder, NO_CACHE_FOLDER } from '../support/cache-folder.js';
import type { Warning } from '../types.js';

/** File of the measured settings; undefined without a cache folder. */
export function tuningFile(): string | undefined {
  const cache = cacheFolder();
  return cache && join(cache, 'tuning', 'graph-modes.json');
}

/**
 * The warning that something had to be kept in the cache folder and was not, with the reason.
 *
 * @param what - What is done again at the next load, as the beginning of a sentence.
 */
export async function notKept(what: string): Promise<Warning> {
  return {
    code: 'WARN_NO_CACHE',
    message: `${await reason()} ${what} Set HYPERIQA_CACHE to a folder that can be written.`,
  };
}

async function reason(): Promise<string> {
  const file = tuningFile();
  if (file === undefined) return NO_CACHE_FOLDER;
  const cache = dirname(dirname(file));
  try {
    await makeFolder(dirname(file));
    await access(dirname(file), constants.W_OK);
    return `A file in the cache folder ${cache} could not be written.`;
  } catch (error) {
    return `The cache folder ${cache} cannot be written: ${(error as Error).message}.`;
  }
}
