/** Reads hyperiqa's own package.json. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Folder of package.json: two levels above this file, as source and as built. */
export const PACKAGE_ROOT = fileURLToPath(new URL('../../', import.meta.url));

const content = createRequire(import.meta.url)('../../package.json') as {
  version: string;
  engines: { node: string };
  dependencies: { sharp: string };
  optionalDependencies?: Record<string, string>;
};

/** The version of hyperiqa. */
export const packageVersion = content.version;

/** Node.js versions that the package supports, as a semver range. */
export const supportedNode = content.engines.node;

/** The version of sharp that scores were tested with; later ones of the range are accepted. */
export const testedSharp = content.dependencies.sharp.replace(/^\D+/, '');

/** Packages with prebuilt files, with their versions; none in a checkout, which builds its own. */
export const prebuiltPackages = content.optionalDependencies ?? {};
