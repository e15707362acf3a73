/** The one LibTorch version, and this platform's name as it is used in folders and package names. */
import { createRequire } from 'node:module';

/** The version whose files `wheels.json` knows by their hashes. C++, CMake and the scripts read it there, too. */
export const PINNED_LIBTORCH_VERSION = (createRequire(import.meta.url)('./wheels.json') as { libtorch: string })
  .libtorch;

const onTrial = process.env.HYPERIQA_LIBTORCH_VERSION;

/**
 * The only version that the addon works with: C++ has no stable interface between LibTorch versions. The environment
 * variable names another for a trial; the addons must then have been built for that one.
 */
export const LIBTORCH_VERSION = onTrial === undefined || onTrial === '' ? PINNED_LIBTORCH_VERSION : onTrial;

/** `linux-x64` and the like: Node's names. */
export const PLATFORM = `${process.platform}-${process.arch}`;
