/** The one LibTorch version, and this platform's name as it is used in folders and package names. */

/** The only version that the addon works with: C++ has no stable interface between LibTorch versions. */
export const LIBTORCH_VERSION = '2.13.0';

/** `linux-x64` and the like: Node's names. */
export const PLATFORM = `${process.platform}-${process.arch}`;
