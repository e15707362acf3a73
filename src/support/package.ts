/** Reads hyperiqa's own package.json. */
import { createRequire } from 'node:module';

import { toHyperIQAError } from '../errors.js';
import { bundled, ownFolder } from './bundled.js';

/** Folder of package.json: two levels above this file, as source and as built. */
export const PACKAGE_ROOT = ownFolder(import.meta.url);

const require = createRequire(import.meta.url);
const content = ownManifest();

/** The version of hyperiqa. */
export const packageVersion = content.version;

/** Node.js versions that the package supports, as a semver range. */
export const supportedNode = content.engines.node;

/** The version of sharp that scores were tested with; later ones of the range are accepted. */
export const testedSharp = content.dependencies.sharp.replace(/^\D+/, '');

/** Packages with prebuilt files, with their versions; none in a checkout, which builds its own. */
export const prebuiltPackages = content.optionalDependencies ?? {};

interface Manifest {
  name: string;
  version: string;
  engines: { node: string };
  dependencies: { sharp: string };
  optionalDependencies?: Record<string, string>;
}

/** @throws HyperIQAError ERR_PERMISSION; ERR_BUNDLED where another package.json, or none, lies at the place of ours */
function ownManifest(): Manifest {
  let manifest: Manifest;
  try {
    manifest = require('../../package.json') as Manifest;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'MODULE_NOT_FOUND') throw bundled();
    throw toHyperIQAError(error);
  }
  if (manifest.name !== 'hyperiqa') throw bundled();
  return manifest;
}
