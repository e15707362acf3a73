/** Finds out whether a bundler has moved the code of the package away from the package's other files. */
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { HyperIQAError } from '../errors.js';

/** Place of this file below the package's folder, as source and as built. */
const OWN_FILE = /[\\/](?:src|dist)[\\/]support[\\/]bundled\.[jt]s$/;

/**
 * Folder of the package, two levels above a module of `support`.
 *
 * @param url - `import.meta.url` of that module. Bundlers leave it undefined (CommonJS), make it that of the bundle, or write the
 *   original one into the bundle; then only the file that really runs tells that it is one.
 * @param running - Name of the file that runs; undefined where the host does not tell.
 * @throws HyperIQAError ERR_BUNDLED
 */
export function ownFolder(url: string | undefined, running: string | undefined = runningFile()): string {
  const file = asPath(running);
  if (url === undefined || (file !== undefined && !(isAbsolute(file) && OWN_FILE.test(file)))) throw bundled(file);
  return join(dirname(fileURLToPath(url)), '../..');
}

/** Error for code that runs from a bundle; `file` is the bundle, where it is known. */
export function bundled(file: string | undefined = asPath(runningFile())): HyperIQAError {
  return new HyperIQAError(
    'ERR_BUNDLED',
    `hyperiqa was bundled${file === undefined ? '' : ` into ${file}`}, away from its model and its native files. Leave it out ` +
      "of the bundle. Next.js, in next.config: serverExternalPackages: ['hyperiqa']. esbuild: external: ['hyperiqa']. Vite: " +
      "ssr: { external: ['hyperiqa'] }. webpack: externals: { hyperiqa: 'commonjs hyperiqa' }. See docs/embedding.md.",
  );
}

function asPath(file: string | undefined): string | undefined {
  return file?.startsWith('file:') ? fileURLToPath(file) : file;
}

/** The file that this function was loaded from: what the engine knows, not what a bundler has written in place of `import.meta`. */
function runningFile(): string | undefined {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- is put back, not called
  const before = Error.prepareStackTrace;
  try {
    Error.prepareStackTrace = (_, [site]) => site?.getFileName();
    const { stack } = new Error();
    // A host that asks nobody gives the text of the stack, which begins with the name of the error.
    return typeof stack === 'string' && !stack.startsWith('Error') ? stack : undefined;
  } finally {
    Error.prepareStackTrace = before;
  }
}
