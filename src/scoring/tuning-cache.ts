/** The place where measured settings are kept, and the warning where there is none. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { makeFolder } from '../files/make-folder.js';
import { cacheFolder, NO_CACHE_FOLDER } from '../support/cache-folder.js';
import type { Warning } from '../types.js';

/** File of the measured settings, empty without a cache folder; a warning where nothing new can be kept in it. */
export async function tuningCache(): Promise<{ tuningFile: string; warnings: Warning[] }> {
  const cache = cacheFolder();
  if (cache === undefined) return { tuningFile: '', warnings: [notKept(NO_CACHE_FOLDER)] };
  const tuningFile = join(cache, 'tuning', 'graph-modes.json');
  try {
    await makeFolder(dirname(tuningFile));
    await access(dirname(tuningFile), constants.W_OK);
    return { tuningFile, warnings: [] };
  } catch (error) {
    const reason = `The cache folder ${cache} cannot be written: ${(error as Error).message}.`;
    return { tuningFile, warnings: [notKept(reason)] };
  }
}

const notKept = (reason: string): Warning => ({
  code: 'WARN_NO_CACHE',
  message: `${reason} Settings that are measured at a load are not kept. Set HYPERIQA_CACHE to a folder that can be written.`,
});
