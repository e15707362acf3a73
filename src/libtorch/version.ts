/** The one LibTorch version, and this platform's name as it is used in folders and package names. */
import { environmentVariable } from '../support/environment.js';
import wheels from './wheels.json' with { type: 'json' };

/** The version whose files `wheels.json` knows by their hashes. C++, CMake and the scripts read it there, too. */
export const PINNED_LIBTORCH_VERSION: string = wheels.libtorch;

const onTrial = environmentVariable('HYPERIQA_LIBTORCH_VERSION');

/**
 * The only version that the addon works with: C++ has no stable interface between LibTorch versions. The environment
 * variable names another for a trial; the addons must then have been built for that one.
 */
export const LIBTORCH_VERSION = onTrial === undefined || onTrial === '' ? PINNED_LIBTORCH_VERSION : onTrial;

/** `linux-x64` and the like: Node's names. */
export const PLATFORM = `${process.platform}-${process.arch}`;
