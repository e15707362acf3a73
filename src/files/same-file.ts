/** Compares files by identity: through links of either kind, and in any spelling of the path. */
import type { BigIntStats } from 'node:fs';
import { stat, type FileHandle } from 'node:fs/promises';

/** Key that tells a file from every other one of this machine, as long as it exists. */
export type FileIdentity = string;

const identity = ({ dev, ino }: BigIntStats): FileIdentity => `${dev}:${ino}`;

/** The identity of what a path leads to; undefined where nothing is there, or it cannot be seen. */
export async function identityOf(path: string): Promise<FileIdentity | undefined> {
  return stat(path, { bigint: true }).then(identity, () => undefined);
}

export async function identityOfOpen(handle: FileHandle): Promise<FileIdentity> {
  return identity(await handle.stat({ bigint: true }));
}

/** Tests whether both paths lead to one existing file. */
export async function isSameFile(a: string, b: string): Promise<boolean> {
  const one = await identityOf(a);
  return one !== undefined && one === (await identityOf(b));
}
