/** sharp, loaded when pixels are first needed: without it, everything that needs none (doctor, eval, --help) still works. */
import { createRequire } from 'node:module';
import type Sharp from 'sharp';
import { HyperIQAError } from '../errors.js';
import { testedSharp } from '../support/package.js';

const require = createRequire(import.meta.url);

let loaded: typeof Sharp | undefined;

/** Loads it ahead of its first use, where it can be: who uses it is told why it cannot. */
export function prepareSharp(): void {
  try {
    loadSharp();
  } catch {
    // Thrown again at the first use.
  }
}

/**
 * The module `sharp`.
 *
 * @throws HyperIQAError ERR_SHARP_LOAD if it is not installed for this platform
 */
export function loadSharp(): typeof Sharp {
  try {
    return (loaded ??= require('sharp') as typeof Sharp);
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
    throw new HyperIQAError(
      'ERR_SHARP_LOAD',
      `sharp, which decodes images, cannot be loaded: ${reason} Reinstall it with its optional dependencies: ` +
        `"npm install --include=optional sharp@^${testedSharp}".`,
      { cause: error },
    );
  }
}
